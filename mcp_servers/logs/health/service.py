"""How is a service now: its errors among its requests, how long they take, and whether that is worse than just before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from mcp_servers.logs import statistics
from mcp_servers.logs.health import rates
from mcp_servers.logs.health.observation import Observation, Period
from mcp_servers.logs.statistics.ranks import mann_whitney_greater

Status = Literal["healthy", "degraded", "unhealthy", "unknown"]

_SURE = 0.01
_MUCH = 3.0
_MORE = 1.5
_SLOWER = 1.25
_MANY = 0.05
_SOME = 0.01
_FEW = 20


@dataclass(frozen=True, slots=True)
class Health:
    """`share` is that of failed requests, `low` to `high` its exact 95 % interval; None where no requests are logged.

    `rate_ratio` compares errors (failed requests where they are logged) with the period before, `slower` the median duration; both None when
    one side is missing. `deployed` is when the newest release was first seen, with its name.
    """

    status: Status
    because: str
    now: Observation
    before: Observation
    share: float | None
    low: float | None
    high: float | None
    rate_ratio: float | None
    slower: float | None
    deployed: tuple[datetime, str] | None


def health(now: Observation, before: Observation, period: Period, earlier: Period, deployed: tuple[datetime, str] | None = None) -> Health:
    """The state of one service in a period, compared with the one before."""
    share = now.failed / now.requests if now.requests else None
    low, high = statistics.clopper_pearson(now.failed, now.requests) if now.requests else (None, None)
    rate_ratio, p_errors = _errors(now, before, period, earlier)
    slower, p_slow = latency(now, before)
    status, because = _status(now, low, (rate_ratio, p_errors), (slower, p_slow))
    return Health(status, because, now, before, share, low, high, rate_ratio, slower, deployed)


def latency(now: Observation, before: Observation) -> tuple[float | None, float]:
    """The ratio of the median durations, and the chance that they only seem longer."""
    new, old = now.percentile(0.5), before.percentile(0.5)
    if new is None or not old:
        return None, 1.0
    return new / old, mann_whitney_greater(now.seconds, before.seconds)


def failures(one: Observation) -> int:
    """What counts as going wrong: failed requests where requests are logged, else errors; whichever are more."""
    return max(one.failed, min(one.error_count, one.requests)) if one.requests else one.error_count


def _errors(now: Observation, before: Observation, period: Period, earlier: Period) -> tuple[float | None, float]:
    after, past, _ = rates.exposures(now, before, period, earlier)
    if not before.lines:
        return None, 1.0
    clumping = rates.clumping(before.error_times, earlier.start.timestamp(), earlier.end.timestamp())
    counts = (failures(now), after, failures(before), past)
    return rates.ratio(*counts), rates.p_higher(*counts, clumping)


def _status(
    now: Observation, low: float | None, errors: tuple[float | None, float], slow: tuple[float | None, float]
) -> tuple[Status, str]:
    if not now.lines:
        return "unknown", "The service wrote nothing in this window: that is no sign of health."
    ratio, p = errors
    worse = p < _SURE and (ratio is None or ratio >= _MORE)
    told = "for the first time" if ratio is None else f"{ratio:.1f} times as often as before"
    if low is not None and low > _MANY:
        return "unhealthy", f"At least {low:.1%} of the requests fail."
    if worse and (ratio is None or ratio >= _MUCH):
        return "unhealthy", f"Errors come {told} (p = {p:.1g})."
    if worse:
        return "degraded", f"Errors come {told} (p = {p:.1g})."
    if low is not None and low > _SOME:
        return "degraded", f"At least {low:.1%} of the requests fail."
    slower, p_slow = slow
    if slower is not None and slower >= _SLOWER and p_slow < _SURE:
        return "degraded", f"Requests take {slower:.1f} times as long as before (p = {p_slow:.1g})."
    if now.requests < _FEW and now.lines < _FEW:
        return "unknown", f"Only {now.requests} requests and {now.lines} lines: too few to tell."
    return "healthy", "Errors and durations are not worse than in the period before."
