"""How much room a service has: levels that it tells, how they move with time and with traffic, and when its day is quiet."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

from mcp_servers.logs.anomalies.drift import fill_level
from mcp_servers.logs.health.observation import Period
from mcp_servers.logs.model import LogRecord
from mcp_servers.logs.statistics import monotone
from mcp_servers.logs.traffic import is_access

PARTS = 24
_ENOUGH, _SURE, _RISE = 8, 0.01, 5.0
_FARTHEST, _MOST_TRAFFIC = timedelta(days=30), 10.0
_DAYS, _WINDOW = 2, 3


@dataclass(frozen=True, slots=True)
class Room:
    """The level of a resource in percent, now and at its peak. `full` is when it is used up at this slope, `full_at` at how many requests
    a minute, beside `traffic` now; None where it does not move with that."""

    thing: str
    level: float
    peak: float
    full: datetime | None = None
    full_at: float | None = None
    traffic: float = 0.0


@dataclass(frozen=True, slots=True)
class Quiet:
    """The hours of the day (UTC) with the least traffic, and the share of all traffic that they have."""

    start: int
    end: int
    share: float


def rooms(records: Sequence[LogRecord], period: Period) -> list[Room]:
    """Each resource whose level the records of one service tell often enough, the fullest first."""
    width = (period.end - period.start) / PARTS
    traffic: Counter[int] = Counter()
    levels: defaultdict[str, defaultdict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        if record.timestamp is None or width <= timedelta(0):
            continue
        part = min(PARTS - 1, max(0, (record.timestamp - period.start) // width))
        if is_access(record):
            traffic[part] += 1
        elif told := fill_level(record.body):
            levels[told[0].removesuffix("s")][part].append(told[1])
    minutes = width / timedelta(minutes=1)
    rates = [traffic[part] / minutes for part in range(PARTS)]
    found = [_room(thing, told, rates, period) for thing, told in levels.items() if len(told) >= _ENOUGH]
    return sorted(found, key=lambda one: (-one.level, one.thing))


def _room(thing: str, told: dict[int, list[float]], rates: Sequence[float], period: Period) -> Room:
    parts = sorted(told)
    values = [median(told[part]) for part in parts]
    step = (period.end - period.start) / PARTS
    return Room(
        thing,
        round(values[-1], 1),
        round(max(max(some) for some in told.values()), 1),
        _when(parts, values, period.start + step * (parts[-1] + 0.5), step),
        _at_traffic(values, [rates[part] for part in parts]),
        round(rates[parts[-1]], 1),
    )


def _when(parts: Sequence[int], values: Sequence[float], last: datetime, step: timedelta) -> datetime | None:
    """When a level that rises reaches 100; None for one that does not rise for sure, or whose end is far."""
    slope = monotone.theil_sen(parts, values)
    if slope <= 0 or values[-1] - values[0] < _RISE or monotone.mann_kendall(values) > _SURE:
        return None
    left = step * ((100 - values[-1]) / slope)
    return last + left if left <= _FARTHEST else None


def _at_traffic(values: Sequence[float], rates: Sequence[float]) -> float | None:
    """The requests a minute at which the level reaches 100, where it goes with the traffic for sure; None beyond ten times the most that was seen."""
    ordered = [value for _, value in sorted(zip(rates, values, strict=True))]
    slope = monotone.theil_sen(rates, values)
    if slope <= 0 or max(values) - min(values) < _RISE or monotone.mann_kendall(ordered) > _SURE:
        return None
    at = median(rate + (100 - value) / slope for rate, value in zip(rates, values, strict=True))
    return round(at, 1) if 0 < at <= _MOST_TRAFFIC * max(rates) else None


def quiet(records: Sequence[LogRecord], period: Period) -> Quiet | None:
    """The quietest three hours of the day, by requests (by lines where none are logged); None for fewer than two whole days of records."""
    times = [record.timestamp for record in records if record.timestamp is not None]
    served = [record.timestamp for record in records if record.timestamp is not None and is_access(record)] or times
    if not times or min(period.end, max(times)) - max(period.start, min(times)) < timedelta(days=_DAYS, hours=-1):
        return None
    counts = Counter(time.astimezone(UTC).hour for time in served)
    windows = [sum(counts[(hour + step) % 24] for step in range(_WINDOW)) for hour in range(24)]
    start = min(range(24), key=windows.__getitem__)
    share = windows[start] / len(served)
    return Quiet(start, (start + _WINDOW) % 24, round(share, 4)) if share < _WINDOW / 24 / 2 else None
