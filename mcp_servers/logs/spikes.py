"""Is this more than usual? A negative-binomial prediction from the baseline, over several bucket widths, with one correction for all."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import fmean, variance

from mcp_servers.logs import statistics

_WIDTHS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30))
_FALSE_DISCOVERIES = 0.01
_MOST_BUCKETS = 48
_SMALLEST = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Series:
    """The times of events, and of the requests that were their chances (empty: time itself is), before and in the window."""

    before: Sequence[datetime]
    during: Sequence[datetime]
    chances_before: Sequence[datetime] = ()
    chances_during: Sequence[datetime] = ()


@dataclass(frozen=True, slots=True)
class Span:
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Spike:
    """The most surprising bucket of a series: when it begins, how surprising, how many times the usual rate."""

    onset: datetime
    p: float
    ratio: float


def find(series: Sequence[Series], baseline: Span, window: Span) -> list[Spike | None]:
    """For every series the spike that stays significant among all tests of the call, or None."""
    tests = [(index, spike) for index, one in enumerate(series) for spike in _tests(one, baseline, window)]
    kept = statistics.benjamini_hochberg([spike.p for _, spike in tests], _FALSE_DISCOVERIES)
    best: list[Spike | None] = [None] * len(series)
    for (index, spike), significant in zip(tests, kept, strict=True):
        known = best[index]
        if significant and (known is None or spike.p < known.p):
            best[index] = spike
    return best


def predictive_p(count: int, exposure: float, counts: Sequence[int], exposures: Sequence[float]) -> float:
    """The chance of `count` or more events in one bucket, after these buckets; as doubtful as the baseline is short or bursty."""
    total, whole = sum(counts) + 0.5, sum(exposures)
    if whole <= 0 or exposure <= 0:
        return 1.0
    mean = fmean(counts)
    spread = max(0.0, (variance(counts) - mean) / mean**2) if len(counts) > 1 and mean > 0 else 0.0
    shape = min(total, 1 / spread) if spread > 0 else total
    return statistics.negative_binomial_at_least(count, shape, total * exposure / whole)


def _tests(series: Series, baseline: Span, window: Span) -> list[Spike]:
    length = max(window.end - window.start, _SMALLEST)
    widths = [width for width in _WIDTHS if width <= length] or [length]
    return [test for width in widths for test in _tests_of_width(series, baseline, window, width)]


def _tests_of_width(series: Series, baseline: Span, window: Span, width: timedelta) -> list[Spike]:
    past = _buckets(baseline.end, -width, min(_MOST_BUCKETS, max(1, int((baseline.end - baseline.start) / width))))
    if not series.chances_before and baseline.end - baseline.start < width:
        past = [(baseline.start, max(baseline.end, baseline.start + _SMALLEST))]
    counts = [_count(series.before, start, end) for start, end in past]
    exposures = [_exposure(series.chances_before, start, end) for start, end in past]
    spikes: list[Spike] = []
    for start, end in _buckets(window.start, width, max(1, int((window.end - window.start) / width))):
        count, exposure = _count(series.during, start, end), _exposure(series.chances_during, start, end)
        usual = (sum(counts) + 0.5) * exposure / sum(exposures) if sum(exposures) else 0.0
        if count and usual:
            spikes.append(Spike(start, predictive_p(count, exposure, counts, exposures), count / usual))
    return spikes


def _buckets(origin: datetime, width: timedelta, number: int) -> list[tuple[datetime, datetime]]:
    edges = [origin + width * step for step in range(number + 1)]
    return [(min(a, b), max(a, b)) for a, b in pairwise(edges)]


def _count(times: Sequence[datetime], start: datetime, end: datetime) -> int:
    return bisect_left(times, end) - bisect_left(times, start)


def _exposure(chances: Sequence[datetime], start: datetime, end: datetime) -> float:
    return float(_count(chances, start, end)) if chances else (end - start).total_seconds()
