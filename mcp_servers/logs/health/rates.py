"""Two counts over two exposures, tested once: how many times the rate, and how likely by chance."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from mcp_servers.logs import statistics
from mcp_servers.logs.health.observation import Observation, Period

_PARTS = 48
_EVENTS_A_PART = 3
_FEWEST_PARTS = 6
_EVEN_PARTS = 4.0


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


def clumping(events: Sequence[float], begin: float, end: float, chances: Sequence[float] = (), parts: float = 1.0) -> float:
    """Variance over mean of the counts in equal parts, the most at any width where it shows; 1 when they look independent.

    `events` and `chances` (requests that could have met one; none: time itself) are sorted times in seconds, as are the ends.
    Only widths of at most one in `parts` are looked at: what varies more slowly does not clump so short a time. What few parts tell is
    drawn towards 1, as if four more had been seen that were even: the most of several noisy estimates is else too much.
    """
    number = min(_PARTS, len(events) // _EVENTS_A_PART)
    most, finest = 1.0, number
    while number >= _FEWEST_PARTS and end > begin and (number == finest or number >= parts):
        edges = _edges(chances, begin, end, number)
        counts = [bisect_left(events, right) - bisect_left(events, left) for left, right in pairwise(edges)]
        most = max(most, (statistics.overdispersion(counts) * number + _EVEN_PARTS) / (number + _EVEN_PARTS))
        number //= 2
    return most


def gathering(events: Sequence[float], begin: float, end: float, chances: Sequence[float] = ()) -> float:
    """How many events come together, by how long it stays silent between them: what a silence is worth (1: they come one at a time).

    One over the extremal index by the intervals estimator (Ferro & Segers 2003): half the mean square of the gaps over the square of
    their mean, the ends of the time included. `chances` as in `clumping`; gaps are then counted in them.
    """
    if len(events) < _EVENTS_A_PART or end <= begin:
        return 1.0
    places = [float(bisect_left(chances, time)) for time in (begin, *events, end)] if chances else [begin, *events, end]
    gaps = [right - left for left, right in pairwise(places)]
    mean = sum(gaps) / len(gaps)
    return max(1.0, sum(gap * gap for gap in gaps) / len(gaps) / (2 * mean * mean)) if mean > 0 else 1.0


def _edges(chances: Sequence[float], begin: float, end: float, number: int) -> list[float]:
    if len(chances) >= number * _EVENTS_A_PART:
        return [begin, *(chances[len(chances) * part // number] for part in range(1, number)), end]
    return [begin + (end - begin) * part / number for part in range(number + 1)]
