"""Incidents with a known truth, watched every minute: how often is a verdict wrong, and how long does a right one take?

Each incident has a time before its fix (48 minutes) and after it, Poisson or overdispersed by the minute (variance μ + d·μ²). In a third
of the incidents half of the traffic stays with the old release for a while, and that half is not counted. The peer is the exact
conditional test for two counts with the same bars, asked every minute as well.

Wrong is "verified" or "improved" where the rate did not fall, "verified" where it only halved (the bar itself), and "worse" where it did
not rise: at any minute until 200 events were to be expected. Missed is a rate of a fifth that is neither verified nor improved, a doubled
or trebled one that is not worse, silence that is not verified: after twice the exposure that a test needs which looks once, knows how the
events clump and has 99 % power at the same confidence (two for the price of looking every minute and of learning the clumping). Where
even that would take more than 480 minutes, as with few clumped events before, nothing can be missed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import inf, log, log1p, log2, sqrt
from statistics import median

from benchmarks.figures import Figure, Say, met
from mcp_servers.logs import statistics
from mcp_servers.logs.health import rates
from mcp_servers.logs.statistics.sequential import Rates
from mcp_servers.logs.verdicts import verdict

BEFORE = 48
EXPECTED = 200
LONGEST = 480
RATES = (1.0, 5.0)
DISPERSIONS = (0.0, 0.5, 1.0)
TRUTHS = {"no change": 1.0, "2× worse": 2.0, "3× worse": 3.0, "only halved": 0.5, "5× better": 0.2, "silent": 0.0}
RUNS = 150
SEED = 1609
_COARSEST = 6

_DEARER = 2.0  # always valid, and the clumping unknown
_POWER = 2.326  # the normal quantile of 99 %
_CONFIDENCE = {"improved": 1.96, "verified": 1.96, "worse": 2.326}
_MISSED = {"2× worse": ("worse", 1.0), "3× worse": ("worse", 1.0), "5× better": ("improved", 1.0), "silent": ("verified", 0.5)}

Judge = Callable[[int, int, float, float, float], str]


@dataclass(slots=True)
class Outcome:
    """The words that were said of the incidents of one truth, and after how many events that the old rate would have made.

    `due` are the incidents that had the exposure to be decided, `missed` those of them that were not.
    """

    incidents: int = 0
    due: int = 0
    missed: int = 0
    said: dict[str, list[float]] = field(default_factory=lambda: {"verified": [], "improved": [], "worse": []})

    def share(self, word: str) -> float:
        return sum(time <= EXPECTED for time in self.said[word]) / self.incidents

    def time(self, word: str) -> float:
        return median(self.said[word]) if self.said[word] else inf


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
                    lingering, due = number % 3 == 0, enough(truth, usual, dispersion)
                    _incident(chance, judge, outcome, usual, ratio, dispersion, lingering=lingering, due=due)
    return outcomes


def enough(truth: str, usual: float, dispersion: float) -> float:
    """The expected events after which this truth must have been told; infinite where no test of the time at hand could tell it.

    Twice what a test needs that looks once: by the square roots of the counts (Anscombe 1948), and for silence by its own chance.
    """
    if truth not in _MISSED:
        return inf
    word, bar = _MISSED[truth]
    ratio = TRUTHS[truth]
    needed = next((minutes for minutes in range(1, LONGEST) if _told_once(minutes, usual, dispersion, ratio, bar, _CONFIDENCE[word])), inf)
    if ratio == 0:
        emptied = log1p(dispersion * usual * bar) / dispersion if dispersion else usual * bar
        needed = max(needed, log(40) / emptied)
    return _DEARER * needed * usual if _DEARER * needed <= LONGEST else inf


def _told_once(minutes: float, usual: float, dispersion: float, ratio: float, bar: float, confidence: float) -> bool:
    """Whether a test that looks once after so many minutes tells this ratio from the bar in 99 of 100 cases."""
    known = (1 + dispersion * usual) / (4 * BEFORE)
    unchanged, real = (sqrt(known + (1 + dispersion * usual * one) / (4 * minutes)) for one in (bar, ratio))
    return sqrt(usual) * abs(sqrt(bar) - sqrt(ratio)) >= confidence * unchanged + _POWER * real


def _incident(
    chance: random.Random, judge: Judge, outcome: Outcome, usual: float, ratio: float, dispersion: float, *, lingering: bool, due: float
) -> None:
    outcome.incidents += 1
    before = _before(chance, usual, dispersion)
    clumps = [rates.clumping(before, 0, 60 * BEFORE, parts=parts) for parts in (1, 6, 12, 24, 48)]  # as long as the time after, or shorter
    gaps = rates.gathering(before, 0, 60 * BEFORE)
    longest = max(EXPECTED, due) if due < inf else EXPECTED
    after, exposed, said = 0, 0.0, dict[str, float]()
    for minute, events in enumerate(_counts(chance, usual * ratio, dispersion)):
        served = 0.5 if lingering and minute < 15 else 1.0
        after += events if served == 1.0 else sum(chance.random() < served for _ in range(events))
        exposed += served
        late = clumps[min(len(clumps) - 1, max(0, int(log2(BEFORE / exposed / _COARSEST)) + 1)) if exposed * _COARSEST < BEFORE else 0]
        word = judge(len(before), after, exposed, clumps[0], late if after else min(late, gaps))
        if word in outcome.said:
            said.setdefault(word, exposed * usual)
        if exposed * usual >= longest or said.keys() >= {"verified", "worse"}:
            break
    for word, time in said.items():
        outcome.said[word].append(time)
    if due < inf:
        outcome.due += 1
        outcome.missed += not any(said.get(word, inf) < due + 1.5 * usual for word in _words(ratio))


def _words(ratio: float) -> tuple[str, ...]:
    """The words that tell a truth; silence must be verified, a smaller rate may be improved."""
    return ("worse",) if ratio > 1 else ("verified",) if ratio == 0 else ("verified", "improved")


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
    if _share_below(after, before, exposed) > 0.975:
        return "improved"
    return "worse" if after and 1 - statistics.beta_cdf(exposed / (1 + exposed), after, before + 1) > 0.975 else ""


def _share_below(after: int, before: int, odds: float) -> float:
    """How surely the share of the events after lies below these odds (Clopper–Pearson)."""
    return statistics.beta_cdf(odds / (1 + odds), after + 1, before) if before else 0.0


def _errors(ours: dict[tuple[str, float], Outcome], peer: dict[tuple[str, float], Outcome]) -> list[Figure]:
    wrong: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
        ("wrong: verified or improved, nothing changed or worse", ("verified", "improved"), ("no change", "2× worse", "3× worse")),
        ("wrong: verified, at the bar itself (only halved)", ("verified",), ("only halved",)),
        ("wrong: worse (a rollback offered for nothing)", ("worse",), ("no change", "only halved", "5× better", "silent")),
    )
    found = [_figure(name, _worst(ours, words, truths), _worst(peer, words, truths)) for name, words, truths in wrong]
    for truth in _MISSED:
        told = [enough(truth, usual, dispersion) for usual in RATES for dispersion in DISPERSIONS]
        fewest, most = min(told), max(one for one in told if one < inf)
        name = f"missed: {truth}, after {fewest:.0f} to {most:.0f} expected events by clumping ({sum(one < inf for one in told)} of {len(told)} settings)"
        found.append(_figure(name, _missed(ours, truth), _missed(peer, truth)))
    return found


def _worst(outcomes: dict[tuple[str, float], Outcome], words: tuple[str, ...], truths: tuple[str, ...]) -> float:
    return max(outcomes[truth, dispersion].share(word) for word in words for truth in truths for dispersion in DISPERSIONS)


def _missed(outcomes: dict[tuple[str, float], Outcome], truth: str) -> float:
    """The worst share over the dispersions in which the truth could be told."""
    asked = [outcomes[truth, dispersion] for dispersion in DISPERSIONS]
    return max(one.missed / one.due for one in asked if one.due)


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
