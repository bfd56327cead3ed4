"""Times as logs and people write them, to aware UTC. Pure: what is missing from the text comes from `reference`."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from mcp_servers.kit.errors import Refusal
from mcp_servers.logs.times.layouts import LAYOUTS, moment_of

_NUMBER = re.compile(r"\d{9,20}(?:\.\d*)?")
_RELATIVE = re.compile(r"(?:last\s+)?(\d+(?:\.\d+)?)\s*(s|sec|m|min|h|d|w)[a-z]*(?:\s+ago)?", re.I)
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_REMEMBERED = 4096
_LONGEST = 64


class Clock:
    """Reads the times of one source. The layout that fitted last is tried first, and a moment read before is not read again.

    Knows ISO 8601 and its variants, epoch s/ms/µs/ns, syslog, access log, RFC 2822, ctime, TAI64N, `a/b/c` dates (month first until a
    first number above 12 tells otherwise) and bare clock times. No zone means UTC. Never raises: nonsense is None.
    """

    def __init__(self, reference: datetime) -> None:
        self._reference = reference
        self._layouts = list(LAYOUTS)
        self._known: dict[str, datetime | None] = {}
        self._day_first = False

    def read(self, value: Any) -> datetime | None:
        """The moment that a value of a log tells, or None."""
        if value.__class__ is str and not value.isdigit():
            iso = value.replace("/", "-", 2) if value[4:5] == "/" else value
            try:
                return datetime.fromisoformat(iso if iso[-1:] == "Z" else iso + "Z")  # most logs write no zone
            except ValueError:
                return self._remembered(value)
        if isinstance(value, bool) or value is None:
            return None
        if isinstance(value, (int, float)):
            return _epoch(value)
        return self._remembered(str(value))

    def _remembered(self, text: str) -> datetime | None:
        text = text[:_LONGEST]
        if text in self._known:
            return self._known[text]
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        try:
            bare = text.strip()
            found = self._read(bare[1:-1] if bare[:1] == "[" else bare)
        except (ValueError, OverflowError, OSError):
            found = None
        self._known[text] = found
        return found

    def _read(self, text: str) -> datetime | None:
        if not (len(text) == 14 and text.isdigit()) and _NUMBER.fullmatch(text):  # fourteen digits are a date and a clock time
            return _epoch(float(text) if "." in text else int(text))
        for position, layout in enumerate(self._layouts):
            if match := layout.fullmatch(text):
                if position:
                    self._layouts.insert(0, self._layouts.pop(position))
                if "one" in layout.groupindex and 12 < int(match["one"]) <= 31 and len(match["three"]) == 4:
                    self._day_first = True
                return moment_of(match, self._reference, day_first=self._day_first)
        return None if text.isdigit() else _iso(text)


def parse_time(value: Any, reference: datetime) -> datetime | None:
    """The moment that one value tells, or None; see `Clock`."""
    return Clock(reference).read(value)


def parse_moment(text: str, now: datetime) -> datetime:
    """A time window's end as people write it (`15m`, `2 hours ago`, `now`, ISO); raises `Refusal` when it is none of these."""
    stripped = text.strip()
    if stripped.lower() == "now":
        return now
    try:
        if relative := _RELATIVE.fullmatch(stripped):
            return now - timedelta(seconds=float(relative[1]) * _UNIT_SECONDS[relative[2][0].lower()])
        moment = parse_time(stripped, now)
    except OverflowError:
        moment = None
    if moment is None:
        raise Refusal(f"{text!r} is not a time; write it like 15m, 2h, 7d or 2026-11-20T10:15:00Z.", code="bad_time")
    return moment


def _iso(text: str) -> datetime | None:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _epoch(number: float) -> datetime | None:
    for limit, unit in ((1e11, 1), (1e14, 1_000), (1e17, 1_000_000), (1e20, 1_000_000_000)):
        if number < limit:
            return _since_epoch(number, unit) if number > 0 else None
    return None


def _since_epoch(number: float, unit: int) -> datetime:
    if isinstance(number, int):
        seconds, rest = divmod(number, unit)
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1_000_000 // unit)
    whole = math.floor(number / unit)
    return datetime.fromtimestamp(whole, UTC) + timedelta(microseconds=round((number / unit - whole) * 1_000_000))
