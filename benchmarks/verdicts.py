"""Incidents with a known truth, watched every minute: how often is a verdict wrong, and how long does a right one take?

Each incident has a time before its fix (48 minutes) and after it (until 200 events were to be expected, at most 240 minutes), Poisson or
overdispersed by the minute (variance μ + d·μ²). In a third of the incidents half of the traffic stays with the old release for a while,
and that half is not counted. The peer is the exact conditional test for two counts with the same bars, asked every minute as well.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import log2, sqrt
from statistics import median

from benchmarks.figures import Figure, Say, met
from mcp_servers.logs import statistics
from mcp_servers.logs.health import rates
from mcp_servers.logs.statistics.sequential import Rates
from mcp_servers.logs.verdicts import verdict

BEFORE = 48
EXPECTED = 200
LONGEST = 240
RATES = (1.0, 5.0)
DISPERSIONS = (0.0, 0.5, 1.0)
TRUTHS = {"no change": 1.0, "2× worse": 2.0, "3× worse": 3.0, "only halved": 0.5, "5× better": 0.2, "silent": 0.0}
RUNS = 150
SEED = 1609
_COARSEST = 6

Judge = Callable[[int, int, float, float, float], str]


@dataclass(slots=True)
class Outcome:
    """The words that were said of the incidents of one truth, and after how many events that the old rate would have made."""

    incidents: int = 0
    said: dict[str, list[float]] = field(default_factory=lambda: {"verified": [], "worse": []})

    def share(self, word: str) -> float:
        return len(self.said[word]) / self.incidents

    def time(self, word: str) -> float:
        return median(self.said[word]) if self.said[word] else float("inf")


def run(say: Say) -> list[Figure]:
    """Both kinds of error over 5,400 incidents, the time to a decision, and the same of the naive test."""
    ours, peer = watch(say, sequential), watch(say, naive)
    return [*_errors(ours, peer), *_times(ours, peer)]


def watch(say: Say, judge: Judge, runs: int = RUNS) -> dict[tuple[str, float], Outcome]:
    """The outcomes by truth and dispersion."""
    chance = random.Random(SEED)
    outcomes: dict[tuple[str, float], Outcome] = {}
    for truth, ratio in TRUTHS.items():
        for dispersion in DISPERSIONS:
            say(f"{judge.__name__}: {truth}, dispersion {dispersion:g}")
            outcome = outcomes[truth, dispersion] = Outcome()
            for usual in RATES:
                for number in range(runs):
                    _incident(chance, judge, outcome, usual, ratio, dispersion, lingering=number % 3 == 0)
    return outcomes


def _incident(
    chance: random.Random, judge: Judge, outcome: Outcome, usual: float, ratio: float, dispersion: float, *, lingering: bool
) -> None:
    outcome.incidents += 1
    before = _before(chance, usual, dispersion)
    clumps = [rates.clumping(before, 0, 60 * BEFORE, parts=parts) for parts in (1, 6, 12, 24, 48)]  # as long as the time after, or shorter
    after, exposed, said = 0, 0.0, set[str]()
    for minute, events in enumerate(_counts(chance, usual * ratio, dispersion)):
        served = 0.5 if lingering and minute < 15 else 1.0
        after += events if served == 1.0 else sum(chance.random() < served for _ in range(events))
        exposed += served
        late = clumps[min(len(clumps) - 1, max(0, int(log2(BEFORE / exposed / _COARSEST)) + 1)) if exposed * _COARSEST < BEFORE else 0]
        word = judge(len(before), after, exposed, clumps[0], late)
        if word in outcome.said and word not in said:
            said.add(word)
            outcome.said[word].append(exposed * usual)
        if exposed * usual >= EXPECTED or minute >= LONGEST or len(said) == len(outcome.said):
            return


def _before(chance: random.Random, usual: float, dispersion: float) -> list[float]:
    counts = _counts(chance, usual, dispersion)
    return sorted(60 * (minute + chance.random()) for minute in range(BEFORE) for _ in range(next(counts)))


def _counts(chance: random.Random, mean: float, dispersion: float) -> Iterator[int]:
    while True:
        rate = mean * chance.gammavariate(1 / dispersion, dispersion) if dispersion and mean else mean
        yield _poisson(chance, rate)


def _poisson(chance: random.Random, mean: float) -> int:
    number, time = 0, chance.expovariate(1)
    while time < mean:
        number, time = number + 1, time + chance.expovariate(1)
    return number


def sequential(before: int, after: int, exposed: float, early: float, late: float) -> str:
    """What verify_fix says."""
    return verdict.word_of(Rates(before / early, after / late, BEFORE / early, exposed / late))


def naive(before: int, after: int, exposed: float, _early: float, _late: float) -> str:
    """The exact conditional test and Clopper–Pearson, as if one looked once, at events that come one at a time."""
    exposed /= BEFORE
    if _share_below(after, before, exposed * 0.5) > 0.975 and _share_below(after, before, exposed) > 0.99:
        return "verified"
    return "worse" if after and 1 - statistics.beta_cdf(exposed / (1 + exposed), after, before + 1) > 0.975 else ""


def _share_below(after: int, before: int, odds: float) -> float:
    """How surely the share of the events after lies below these odds (Clopper–Pearson)."""
    return statistics.beta_cdf(odds / (1 + odds), after + 1, before) if before else 0.0


def _errors(ours: dict[tuple[str, float], Outcome], peer: dict[tuple[str, float], Outcome]) -> list[Figure]:
    wrong: tuple[tuple[str, str, tuple[str, ...]], ...] = (
        ("false verified, nothing changed or worse", "verified", ("no change", "2× worse", "3× worse")),
        ("false verified, at the bar itself (only halved)", "verified", ("only halved",)),
        ("false worse (a rollback offered for nothing)", "worse", ("no change", "only halved", "5× better", "silent")),
    )
    found = [_figure(name, _worst(ours, word, truths), _worst(peer, word, truths)) for name, word, truths in wrong]
    missed: tuple[tuple[str, str, str], ...] = (
        ("missed: 3× worse within 200 expected events", "worse", "3× worse"),
        ("missed: silent within 200 expected events", "verified", "silent"),
        ("missed: 5× better within 200 expected events, not clumped", "verified", "5× better"),
    )
    for name, word, truth in missed:
        clumped = DISPERSIONS[:1] if "not clumped" in name else DISPERSIONS
        share = max(1 - ours[truth, one].share(word) for one in clumped)
        found.append(_figure(name, share, max(1 - peer[truth, one].share(word) for one in clumped)))
    return found


def _worst(outcomes: dict[tuple[str, float], Outcome], word: str, truths: tuple[str, ...]) -> float:
    return max(outcomes[truth, dispersion].share(word) for truth in truths for dispersion in DISPERSIONS)


def _figure(name: str, ours: float, peer: float) -> Figure:
    spread = sqrt(max(ours * (1 - ours), 1e-9) / (RUNS * len(RATES)))
    return Figure(f"verdicts: {name}", f"{ours:.2%} ± {spread:.2%}", f"{peer:.2%}", "", "", "≤ 5 %", "≤ 1 %", met(ours, 0.05, 0.01))


def _times(ours: dict[tuple[str, float], Outcome], peer: dict[tuple[str, float], Outcome]) -> list[Figure]:
    found: list[Figure] = []
    for truth, word in (("silent", "verified"), ("5× better", "verified"), ("2× worse", "worse"), ("3× worse", "worse")):
        for dispersion in DISPERSIONS:
            mine, theirs = (one[truth, dispersion] for one in (ours, peer))
            name = f"verdicts: {truth}, dispersion {dispersion:g}: median expected events until {word}"
            told = f"{mine.time(word):.0f} ({mine.share(word):.0%} decided)"
            found.append(
                Figure(name, told, f"{theirs.time(word):.0f} ({theirs.share(word):.0%})", f"{mine.time(word) / theirs.time(word):.2f}")
            )
    return found
