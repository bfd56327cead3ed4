"""Which way an error goes: counts in equal parts of the window, and a test that chance does not pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import erfc, sqrt
from typing import Literal

from mcp_servers.logs import statistics
from mcp_servers.logs.health.observation import ErrorSeen, Observation, Period

Direction = Literal["rising", "falling", "steady", "unclear"]

_PARTS = 12
_FALSE_DISCOVERIES = 0.05
_ENOUGH = 12
_CLEARLY = 1.5


@dataclass(frozen=True, slots=True)
class Trend:
    """One error of one service. `share` is of all errors of the window, `ratio` the rate of the later half over that of the earlier."""

    service: str
    error: ErrorSeen
    counts: tuple[int, ...]
    share: float
    direction: Direction
    p: float
    ratio: float | None

    @property
    def first(self) -> datetime:
        return min(self.error.times)

    @property
    def last(self) -> datetime:
        return max(self.error.times)


def trends(seen: dict[str, Observation], period: Period) -> list[Trend]:
    """Every error with its direction, those that rise first, then the most frequent; one correction over all of them."""
    told = [(service, error) for service, one in seen.items() for error in one.errors.values() if error.times]
    total = sum(len(error.times) for _, error in told)
    counted = [_counts(error.times, period) for _, error in told]
    p_values = [trend_p(counts) for counts in counted]
    kept = statistics.benjamini_hochberg(p_values, _FALSE_DISCOVERIES)
    found = [
        Trend(service, error, tuple(counts), len(error.times) / total, _direction(counts, significant), p, _ratio(counts))
        for (service, error), counts, p, significant in zip(told, counted, p_values, kept, strict=True)
    ]
    order: dict[Direction, int] = {"rising": 0, "steady": 1, "unclear": 1, "falling": 2}
    return sorted(found, key=lambda trend: (order[trend.direction], -len(trend.error.times), trend.error.title))


def trend_p(counts: Sequence[int]) -> float:
    """The two-sided chance of so strong a slope if the rate were steady.

    Score test of a log-linear Poisson trend, given the total (Cox & Lewis 1966), with the variance scaled by the dispersion of the
    differences of neighbours, which a slope hardly moves (von Neumann 1941); against Student's t where that was estimated above 1.
    """
    total, parts = sum(counts), len(counts)
    if total < 2 or parts < 3:
        return 1.0
    middle = (parts - 1) / 2
    slope = sum(count * (place - middle) for place, count in enumerate(counts))
    spread = total * (parts * parts - 1) / 12
    clumping = _clumping(counts)
    score = slope * slope / spread / clumping
    if clumping == 1.0:
        return erfc(sqrt(score / 2))
    freedom = 2 * (parts - 1) / 3
    return statistics.beta_cdf(freedom / (freedom + score), freedom / 2, 0.5)


def _clumping(counts: Sequence[int]) -> float:
    pairs = list(pairwise(counts))
    return max(1.0, sum((one - other) ** 2 for one, other in pairs) / (2 * len(pairs)) / (sum(counts) / len(counts)))


def _counts(times: Sequence[datetime], period: Period) -> list[int]:
    counts = [0] * _PARTS
    length = (period.end - period.start).total_seconds()
    for time in times:
        place = int((time - period.start).total_seconds() / length * _PARTS) if length > 0 else 0
        counts[min(_PARTS - 1, max(0, place))] += 1
    return counts


def _direction(counts: Sequence[int], significant: bool) -> Direction:
    ratio = _ratio(counts)
    if significant:
        late = sum(count * (2 * place - len(counts) + 1) for place, count in enumerate(counts))
        return "rising" if late > 0 else "falling"
    if sum(counts) < _ENOUGH or ratio is None or not 1 / _CLEARLY < ratio < _CLEARLY:
        return "unclear"
    return "steady"


def _ratio(counts: Sequence[int]) -> float | None:
    half = len(counts) // 2
    early = sum(counts[:half])
    return sum(counts[half:]) / early if early else None
