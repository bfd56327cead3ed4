"""Two counts over two exposures, tested once: how many times the rate, and how likely by chance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mcp_servers.logs import statistics
from mcp_servers.logs.observation import Observation, Period

_PARTS = 24
_EVENTS_A_PART = 3
_FEWEST_PARTS = 6


def ratio(after: float, exposure_after: float, before: float, exposure_before: float) -> float | None:
    """The rate after over the rate before; None without a rate before."""
    if not before or not exposure_after:
        return None
    return after / exposure_after * exposure_before / before


def p_higher(after: float, exposure_after: float, before: float, exposure_before: float, clumping: float = 1.0) -> float:
    """The chance of so many after, given the total, if the rates were equal (Przyborowski & Wilenski 1940)."""
    if after <= 0 or exposure_after <= 0 or exposure_before <= 0:
        return 1.0
    share = exposure_after / (exposure_after + exposure_before)
    return statistics.beta_cdf(share, after / clumping, before / clumping + 1)


def p_lower(after: float, exposure_after: float, before: float, exposure_before: float, clumping: float = 1.0) -> float:
    """The chance of so few after, given the total, if the rates were equal."""
    return p_higher(before, exposure_before, after, exposure_after, clumping)


def exposures(after: Observation, before: Observation, period: Period, earlier: Period) -> tuple[float, float, str]:
    """The chances after and before, and their unit: requests where both sides log them, else minutes."""
    if after.requests and before.requests:
        return after.requests, before.requests, "requests"
    return period.minutes, earlier.minutes, "minutes"


def clumping(times: Sequence[datetime], period: Period) -> float:
    """Variance over mean of the counts in equal parts of the period, 1 when they look independent."""
    number = min(_PARTS, len(times) // _EVENTS_A_PART)
    if number < _FEWEST_PARTS or period.minutes <= 0:
        return 1.0
    step = (period.end - period.start) / number
    counts = [0] * number
    for time in times:
        counts[min(number - 1, max(0, (time - period.start) // step))] += 1
    return statistics.overdispersion(counts)
