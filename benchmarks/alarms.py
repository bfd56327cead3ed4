"""Is it an anomaly? False alarms and hits of the spike test beside the rules that others use, and false findings of whole calls on pure noise."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import exp
from statistics import fmean, median, stdev, variance

from benchmarks.figures import Figure, Say
from mcp_servers.logs import statistics
from mcp_servers.logs.anomalies.finding import find
from mcp_servers.logs.anomalies.spikes import Series, Span, test
from mcp_servers.logs.model import LogRecord, Severity
from mcp_servers.logs.statistics.prediction import Baseline

_RUNS = 1_500
_BUCKETS = 48
_NOMINAL = 0.001
_AFTER = 10
_INCIDENTS = 400
_CALLS = 100
_KINDS = 200
_END = datetime(2026, 1, 2, 12, tzinfo=UTC)

Alarm = Callable[[int], bool]
Rule = Callable[[Sequence[int]], Alarm]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the published table: the mean of a bucket, its extra variance, and the hits of a plain negative binomial there."""

    mean: float
    dispersion: float
    published: float

    @property
    def raised(self) -> float:
        return self.mean * (10 if self.mean < 1 else 4)


TABLE = (Row(0.05, 0, 0.04), Row(0.5, 0.5, 0.38), Row(5, 0, 0.90), Row(5, 0.5, 0.27), Row(5, 2, 0.11), Row(50, 0.5, 0.33))


def run(say: Say) -> list[Figure]:
    """The table of the spike test, incidents of several minutes, and calls on noise."""
    figures: list[Figure] = []
    for row in TABLE:
        say(f"mean {row.mean}, dispersion {row.dispersion}")
        figures += _table_row(row)
    for row in (Row(5, 0.5, 0), Row(5, 2, 0)):
        say(f"incidents, dispersion {row.dispersion}")
        figures.append(_incidents(row))
    say("calls on noise")
    return [*figures, _noise("steady kinds", stream=False), _noise("a stream of new kinds", stream=True)]


def count(dice: random.Random, mean: float, dispersion: float) -> int:
    """One bucket: Poisson, its rate drawn from a gamma when there is extra variance."""
    rate = dice.gammavariate(1 / dispersion, mean * dispersion) if dispersion else mean
    events = 0
    while rate > 500:
        return max(0, round(dice.gauss(rate, rate**0.5)))
    floor, product = exp(-rate), dice.random()
    while product > floor:
        events += 1
        product *= dice.random()
    return events


def ours(past: Sequence[int]) -> Alarm:
    usual = Baseline(past, [1.0] * len(past))
    return lambda seen: usual.at_least(seen, 1.0) <= _NOMINAL


def three_sigma(past: Sequence[int]) -> Alarm:
    bound = fmean(past) + 3 * stdev(past)
    return lambda seen: seen > bound


def deviations(past: Sequence[int]) -> Alarm:
    """The modified z-score above 3.5 (Iglewicz & Hoaglin 1993)."""
    middle = median(past)
    spread = median([abs(value - middle) for value in past])
    return lambda seen: spread > 0 and 0.6745 * (seen - middle) / spread > 3.5


def poisson(past: Sequence[int]) -> Alarm:
    total = sum(past)
    return lambda seen: statistics.binomial_at_least(seen, seen + total, 1 / (len(past) + 1)) <= _NOMINAL


def moments(past: Sequence[int]) -> Alarm:
    """The negative binomial with its dispersion plugged in, as published."""
    mean = fmean(past)
    spread = max(0.0, (variance(past) - mean) / mean**2) if mean > 0 else 0.0
    total = sum(past) + 0.5
    shape = min(total, 1 / spread) if spread else total
    return lambda seen: statistics.negative_binomial_at_least(seen, shape, total / len(past)) <= _NOMINAL


RULES: dict[str, Rule] = {"mean + 3 sd": three_sigma, "MAD > 3.5": deviations, "Poisson": poisson, "plain NB": moments}


def rates(rule: Rule, row: Row, runs: int, seed: int = 2) -> tuple[float, float]:
    """The share of usual and of raised buckets that a rule tells of, ten of each after every baseline."""
    dice = random.Random(seed)
    false = hits = 0
    for _ in range(runs):
        alarm = rule([count(dice, row.mean, row.dispersion) for _ in range(_BUCKETS)])
        false += sum(alarm(count(dice, row.mean, row.dispersion)) for _ in range(_AFTER))
        hits += sum(alarm(count(dice, row.raised, row.dispersion)) for _ in range(_AFTER))
    return false / (runs * _AFTER), hits / (runs * _AFTER)


def _table_row(row: Row) -> list[Figure]:
    false, hits = rates(ours, row, _RUNS)
    peers = {name: rates(rule, row, _RUNS) for name, rule in RULES.items()}
    told = ", ".join(f"{name} {wrong:.2%} / {right:.2f}" for name, (wrong, right) in peers.items())
    floor = round(min(row.published, peers["plain NB"][1]), 2)
    strong = round(hits, 2) >= floor
    word = "beyond" if strong and false <= 0.002 else "reach" if strong and false <= 0.004 else ""
    name = f"alarms: mean {row.mean:g}, dispersion {row.dispersion:g}"
    bar = f"hits ≥ {floor:.2f}, false alarms ≤"
    return [Figure(name, f"{false:.2%} false, {hits:.2f} hits", told, reach=f"{bar} 0.4 %", beyond=f"{bar} 0.2 %", met=word)]


def _incidents(row: Row) -> Figure:
    """Five minutes at four times the rate, the product's widths against one rule per minute at the same share of false alarms."""
    dice = random.Random(2)
    false = hits = single_false = single_hits = 0
    for _ in range(_INCIDENTS):
        past = [count(dice, row.mean, row.dispersion) for _ in range(_BUCKETS)]
        for raised in (False, True):
            now = [count(dice, row.raised if raised else row.mean, row.dispersion) for _ in range(5)]
            told, alone = _told(past, now), any(moments(past)(seen) for seen in now)
            false, hits = false + (told and not raised), hits + (told and raised)
            single_false, single_hits = single_false + (alone and not raised), single_hits + (alone and raised)
    power, single = hits / _INCIDENTS, single_hits / _INCIDENTS
    return Figure(
        f"alarms: an incident of five minutes, dispersion {row.dispersion:g}",
        f"{false / _INCIDENTS:.2%} false, {power:.2f} found",
        f"plain NB per minute {single_false / _INCIDENTS:.2%} / {single:.2f}",
        reach="as many as the peer",
        beyond="1.3 times, no more false",
        met="beyond" if power >= min(1.0, 1.3 * single) and false <= single_false else "reach" if power >= single else "",
    )


def _told(past: Sequence[int], now: Sequence[int]) -> bool:
    """What the product's test says of five one-minute buckets, all widths corrected for one another at the nominal rate of each minute."""
    tested = test([Series(_times(past, _END), _times(now, _END + timedelta(minutes=5)))], Span(_END - timedelta(minutes=48), _END), Span(_END, _END + timedelta(minutes=5)))  # fmt: skip
    found = [spike.p for spike in tested.spikes[0] if spike.width >= timedelta(minutes=1)]
    return any(statistics.benjamini_hochberg(found, 5 * _NOMINAL, 6))


def _times(counts: Sequence[int], end: datetime) -> list[datetime]:
    start = end - timedelta(minutes=len(counts))
    return [start + timedelta(minutes=place + (n + 0.5) / number) for place, number in enumerate(counts) for n in range(number)]


@dataclass(frozen=True, slots=True)
class Call:
    """One call on noise: findings of tests, how many tests there were, and the minutes that mean + 3 sd would tell of."""

    false: int
    tests: int
    naive: int


def noise_call(seed: int, *, stream: bool, kinds: int = _KINDS) -> Call:
    """A call with kinds of line of all rates and dispersions and an hour of baseline, in which nothing happens."""
    dice = random.Random(seed)
    sides: tuple[list[LogRecord], list[LogRecord]] = ([], [])
    naive = 0
    for place in range(kinds):
        sentence, severity = _sentence(dice), Severity.WARN if place % 2 else Severity.INFO
        rate, dispersion = 10 ** dice.uniform(-2, 0), (0.0, 0.0, 0.5, 2.0)[place % 4]
        counts = [count(dice, rate, dispersion) for _ in range(75)]
        naive += sum(map(three_sigma(counts[:60]), counts[60:]))
        for minute, number in enumerate(counts, start=-60):
            sides[minute >= 0].extend(_line(minute + dice.random(), f"{sentence} {dice.randrange(1000)}", severity) for _ in range(number))
    for minute in range(-60, 15) if stream else ():
        sentence = _sentence(dice)
        sides[minute >= 0].extend(_line(minute + dice.random(), sentence, Severity.INFO) for _ in range(dice.randint(1, 4)))
    found = find(sides[1], now=_END + timedelta(minutes=15), since=_END, baseline=sides[0])
    return Call(sum("p" in anomaly.numbers for anomaly in found.anomalies), found.statistics.tests, naive)


def _noise(name: str, *, stream: bool) -> Figure:
    calls = [noise_call(seed, stream=stream) for seed in range(_CALLS)]
    share = sum(call.false > 0 for call in calls) / _CALLS
    return Figure(
        f"alarms: calls on noise, {_KINDS} kinds of line, {name}",
        f"{fmean(call.false for call in calls):.3f} false findings a call, in {share:.1%} of calls",
        f"mean + 3 sd {fmean(call.naive for call in calls):.1f}",
        anchor=f"{fmean(call.tests for call in calls):.0f} tests a call",
        reach="in ≤ 5 % of calls",
        beyond="in ≤ 1 % of calls",
        met="beyond" if share <= 0.01 else "reach" if share <= 0.05 else "",
    )


def _sentence(dice: random.Random) -> str:
    return " ".join("".join(dice.choices("abcdefghiklmnoprstuvwz", k=6)) for _ in range(dice.randint(4, 7)))


def _line(minute: float, body: str, severity: Severity) -> LogRecord:
    return LogRecord(_END + timedelta(minutes=minute), severity, body, "api")
