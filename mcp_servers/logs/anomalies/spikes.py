"""Is this more than usual? Every bucket of a window against what the baseline predicts for it, over several bucket widths."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mcp_servers.logs.statistics.prediction import Baseline, learned

_WIDTHS = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30))
_FINEST = 60
_MOST_BUCKETS = 288
_SMALLEST = timedelta(seconds=1)
_HOUR, _DAY, _WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
_ENOUGH_LIKE_IT = 3


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

    @property
    def length(self) -> timedelta:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Spike:
    """A bucket of a series: when it begins, how surprising it is, how many times the usual rate with the 95 % interval."""

    onset: datetime
    p: float
    ratio: float
    low: float = 0.0
    high: float = 0.0
    width: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Tested:
    """The surprising buckets of each series, and how many buckets were looked at for all of them."""

    spikes: list[list[Spike]]
    tests: int


@dataclass(frozen=True, slots=True)
class _Bucket:
    series: int
    start: datetime
    count: int
    exposure: float
    baseline: Baseline


def test(series: Sequence[Series], baseline: Span, window: Span) -> Tested:
    """Every bucket of every series at every width; the prior for their scatter is learned per width from all of them."""
    spikes: list[list[Spike]] = [[] for _ in series]
    tests = 0
    for width in widths(window.length):
        buckets = [bucket for index, one in enumerate(series) for bucket in _buckets_of(index, one, baseline, window, width)]
        tests += len(buckets)
        prior = learned([*{id(bucket.baseline): bucket.baseline for bucket in buckets}.values()])
        known: dict[int, Baseline] = {}
        for bucket in buckets:
            usual = known.setdefault(id(bucket.baseline), replace(bucket.baseline, prior=prior))
            if bucket.count > usual.rate * bucket.exposure > 0:
                p = usual.at_least(bucket.count, bucket.exposure)
                spikes[bucket.series].append(Spike(bucket.start, p, *usual.ratio(bucket.count, bucket.exposure), width))
    return Tested(spikes, tests)


def widths(length: timedelta) -> list[timedelta]:
    """The bucket widths that a window of this length is looked at with: such that it holds 1 to 60, and the whole window."""
    length = max(length, _SMALLEST)
    return [width for width in _WIDTHS if length / _FINEST <= width < length] + [length]


def counted(times: Sequence[datetime], span: Span) -> int:
    """How many of these sorted times lie in the span."""
    return bisect_left(times, span.end) - bisect_left(times, span.start)


def before(start: datetime, baseline: Span, width: timedelta) -> list[Span]:
    """The baseline's buckets for one that starts here: of the same hour of the week or day when three such hours exist, else the last ones."""
    for period in (_WEEK, _DAY):
        hours = [start - period * n for n in range(1, baseline.length // period + 2)]
        whole = [hour for hour in hours if baseline.start <= hour and hour + max(_HOUR, width) <= baseline.end]
        if len(whole) >= _ENOUGH_LIKE_IT:
            steps = max(1, _HOUR // width)
            return [Span(hour + width * step, hour + width * (step + 1)) for hour in whole for step in range(steps)][:_MOST_BUCKETS]
    number = min(_MOST_BUCKETS, baseline.length // width)
    if number < 1:
        return [Span(baseline.start, max(baseline.end, baseline.start + _SMALLEST))]
    return [Span(baseline.end - width * (step + 1), baseline.end - width * step) for step in range(number)]


def _buckets_of(index: int, series: Series, baseline: Span, window: Span, width: timedelta) -> list[_Bucket]:
    found: list[_Bucket] = []
    known: dict[datetime, Baseline] = {}
    for step in range(max(1, window.length // width)):
        bucket = Span(window.start + width * step, window.start + width * (step + 1))
        hour = window.start + _HOUR * ((bucket.start - window.start) // _HOUR)
        if hour not in known:
            known[hour] = _baseline(series, before(hour, baseline, width))
        found.append(_Bucket(index, bucket.start, counted(series.during, bucket), _exposure(series.chances_during, bucket), known[hour]))
    return found


def _baseline(series: Series, spans: Sequence[Span]) -> Baseline:
    return Baseline([counted(series.before, span) for span in spans], [_exposure(series.chances_before, span) for span in spans])


def _exposure(chances: Sequence[datetime], span: Span) -> float:
    return float(counted(chances, span)) if chances else span.length.total_seconds()
