"""What fills up steadily: levels that messages tell, with the slope and when the limit is reached."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from statistics import median

from mcp_servers.logs.anomalies.anomaly import Finding, Noticed
from mcp_servers.logs.model import LogRecord
from mcp_servers.logs.statistics import monotone
from mcp_servers.logs.templates.masking import mask

_THINGS = r"memory|heap|rss|disk|volume|filesystem|file system|partition|inodes?|swap|storage|tablespace|connections?|pool|queue|file descriptors|quota|cpu"
_LEVEL = re.compile(
    rf"\b({_THINGS})\b[^%]{{0,40}}?(?<![\d.])(\d{{1,3}}(?:\.\d+)?) ?(?:%|percent)|(\d{{1,3}}(?:\.\d+)?) ?% (?:of )?(?:\w+ )?({_THINGS})\b",
    re.I,
)
_OF_LIMIT = re.compile(
    rf"\b({_THINGS})\b[^\d/]{{0,30}}(\d+(?:\.\d+)?) ?([kmgt]?i?b)? ?(?:/|of|out of) ?(\d+(?:\.\d+)?) ?([kmgt]?i?b)?\b", re.I
)
_NAMED = tuple(thing.rstrip("?").removesuffix("s") for thing in _THINGS.split("|"))
_LONGEST = 512
_ENOUGH = 12
_BLOCKS = 15
_CLEAR_RISE = 5.0
_NEAR = timedelta(days=7)
_SOON = timedelta(hours=1)


def levels(window: Iterable[LogRecord], baseline: Iterable[LogRecord]) -> Noticed:
    """Fill levels in percent that rise through baseline and window, by Mann–Kendall on medians of blocks."""
    series: defaultdict[tuple[str, str, str], list[tuple[datetime, float, LogRecord]]] = defaultdict(list)
    for record in (*baseline, *window):
        if record.timestamp is not None and (told := fill_level(record.body)):
            thing, percent, text = told
            series[record.service, thing, text].append((record.timestamp, percent, record))
    found = [_growing(key, points) for key, points in series.items() if len(points) >= _ENOUGH]
    return Noticed(tuple(finding for finding in found if finding), (), len(found))


def fill_level(body: str) -> tuple[str, float, str] | None:
    """Which resource a message tells the fill level of, how many percent, and the kind of message; None for all others."""
    text = body[:_LONGEST]
    if "%" not in text and "percent" not in text and "/" not in text and " of " not in text:
        return None
    low = text.lower()
    if not any(thing in low for thing in _NAMED):
        return None
    if told := _LEVEL.search(text):
        percent = float(told[2] or told[3])
        return ((told[1] or told[4]).lower(), percent, mask(text)) if percent <= 100 else None
    told = _OF_LIMIT.search(text)
    if not told or (told[3] or "").lower() != (told[5] or "").lower() or not 0 < float(told[2]) <= float(told[4]):
        return None
    return told[1].lower(), 100 * float(told[2]) / float(told[4]), mask(text)


def _growing(key: tuple[str, str, str], points: Sequence[tuple[datetime, float, LogRecord]]) -> Finding | None:
    service, thing, _ = key
    points = sorted(points, key=lambda point: point[0])
    size = max(1, -(-len(points) // _BLOCKS))
    blocks = [points[place : place + size] for place in range(0, len(points), size)]
    hours = [(median(point[0].timestamp() for point in block) - points[0][0].timestamp()) / 3600 for block in blocks]
    values = [median(point[1] for point in block) for block in blocks]
    slope = monotone.theil_sen(hours, values)
    if slope <= 0 or values[-1] - values[0] < _CLEAR_RISE:
        return None
    left = timedelta(hours=min((100 - values[-1]) / slope, _NEAR / timedelta(hours=1) * 10))
    if left > _NEAR:
        return None
    full = points[-1][0] + left
    return Finding(
        kind="trend",
        level="HIGH" if left <= _SOON else "MEDIUM",
        service=service,
        title=f"{thing} fills up in {service}" if service else f"{thing} fills up",
        told=f"From {values[0]:.0f} % to {values[-1]:.0f} %, {slope:.2g} points an hour; at this rate it is full at {full:%Y-%m-%d %H:%M} (in {_in(left)}).",
        count=len(points),
        records=tuple(point[2] for point in reversed(points)),
        p=monotone.mann_kendall(values),
        numbers={"slope_per_hour": round(slope, 3), "level": round(values[-1], 1), "hours_left": round(left / timedelta(hours=1), 2)},
        onset=points[0][0],
        error_type="resource",
    )


def _in(span: timedelta) -> str:
    hours = span / timedelta(hours=1)
    return f"{hours * 60:.0f} minutes" if hours < 2 else f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"
