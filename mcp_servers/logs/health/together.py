"""Which services err together: the residuals of their error counts, shifted against each other, and tested by rotating one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from math import sqrt

from mcp_servers.logs import statistics
from mcp_servers.logs.health.observation import Period

BUCKETS = 240
LAGS = 5
_FALSE_DISCOVERIES = 0.05
_ENOUGH = 10


@dataclass(frozen=True, slots=True)
class Together:
    """`later` errs `lag_seconds` after `earlier` (0: at once); `r` is the correlation there, `p` the chance of so high a one at any of the lags."""

    earlier: str
    later: str
    lag_seconds: float
    r: float
    p: float


def co_occurring(errors: Mapping[str, Sequence[datetime]], chances: Mapping[str, Sequence[datetime]], period: Period) -> list[Together]:
    """The pairs that err together more than chance would have it: 240 buckets, lags of at most five of them, every other rotation
    as the chance, Benjamini–Hochberg (5 %) over all pairs. Co-occurrence, not cause."""
    width = (period.end - period.start) / BUCKETS
    if width.total_seconds() <= 0:
        return []
    frequent = sorted(service for service, times in errors.items() if len(times) >= _ENOUGH)
    residuals = {service: _residuals(errors[service], chances.get(service, ()), period) for service in frequent}
    found = [_pair(one, other, residuals, width.total_seconds()) for one, other in combinations(frequent, 2)]
    kept = statistics.benjamini_hochberg([pair.p for pair in found], _FALSE_DISCOVERIES)
    return sorted((pair for pair, significant in zip(found, kept, strict=True) if significant), key=lambda pair: (pair.p, -pair.r))


def _residuals(times: Sequence[datetime], chances: Sequence[datetime], period: Period) -> list[float]:
    """Observed minus expected in standard deviations, centred and scaled; expected by requests where they are known, else evenly."""
    counts, exposure = _counts(times, period), _counts(chances, period)
    total = sum(exposure)
    mean = len(times) / BUCKETS
    expected = [len(times) * part / total if total else mean for part in exposure]
    raw = [(count - rate) / sqrt(max(rate, mean / 4)) for count, rate in zip(counts, expected, strict=True)]
    centre = sum(raw) / BUCKETS
    scale = sqrt(sum((value - centre) ** 2 for value in raw)) or 1.0
    return [(value - centre) / scale for value in raw]


def _pair(one: str, other: str, residuals: Mapping[str, Sequence[float]], width: float) -> Together:
    correlation = _circular(residuals[one], residuals[other])
    best = max(range(-LAGS, LAGS + 1), key=lambda lag: correlation[lag % BUCKETS])
    seen = correlation[best % BUCKETS]
    rotations = range(2 * LAGS + 1, BUCKETS - 2 * LAGS)
    higher = sum(max(correlation[(shift + lag) % BUCKETS] for lag in range(-LAGS, LAGS + 1)) >= seen for shift in rotations)
    p = (1 + higher) / (1 + len(rotations))
    earlier, later = (one, other) if best >= 0 else (other, one)
    return Together(earlier, later, abs(best) * width, seen, p)


def _circular(one: Sequence[float], other: Sequence[float]) -> list[float]:
    """The correlation at every lag: `other` that many buckets after `one`."""
    twice = [*other, *other]
    return [sum(a * b for a, b in zip(one, twice[lag : lag + BUCKETS], strict=True)) for lag in range(BUCKETS)]


def _counts(times: Sequence[datetime], period: Period) -> list[int]:
    counts = [0] * BUCKETS
    width = (period.end - period.start) / BUCKETS
    for time in times:
        counts[min(BUCKETS - 1, max(0, (time - period.start) // width))] += 1
    return counts
