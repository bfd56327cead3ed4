"""Times as logs and people write them, to aware UTC. Pure: what is missing from the text comes from `reference`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from mcp_servers.kit.errors import Refusal

_MONTHS = {
    name: number
    for number, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], start=1)
}
_ZONE = re.compile(r"\s*(?:Z|UTC|GMT|([+-]\d\d):?(\d\d)?)$")
_ACCESS = re.compile(r"(\d{1,2})/([A-Za-z]{3})/(\d{4}):(\d\d):(\d\d):(\d\d)(?: ([+-])(\d\d):?(\d\d))?")
_SYSLOG = re.compile(r"([A-Za-z]{3}) +(\d{1,2}) (\d\d):(\d\d):(\d\d)(\.\d+)?")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_RELATIVE = re.compile(r"(?:last\s+)?(\d+(?:\.\d+)?)\s*(s|sec|m|min|h|d|w)[a-z]*(?:\s+ago)?", re.I)
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def parse_time(value: Any, reference: datetime) -> datetime | None:
    """The moment that a value of a log tells, or None. Knows ISO variants, epoch s/ms/µs/ns, access log and syslog times; no zone means UTC."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return _epoch(float(value))
    text = str(value).strip().strip("[]")
    try:
        return _utc(datetime.fromisoformat(text))
    except ValueError:
        return _other(text, reference)


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


def _other(text: str, reference: datetime) -> datetime | None:
    if _NUMBER.fullmatch(text):
        return _epoch(float(text)) if len(text.partition(".")[0]) >= 9 else None
    if access := _ACCESS.match(text):
        return _from_access(access)
    if syslog := _SYSLOG.match(text):
        return _from_syslog(syslog, reference)
    zone = _ZONE.search(text)
    plain = (text[: zone.start()] if zone else text).replace("/", "-", 2)
    try:
        moment = datetime.fromisoformat(plain)
    except ValueError:
        return None
    if zone and zone[1]:
        moment -= timedelta(hours=int(zone[1]), minutes=int(zone[1][0] + (zone[2] or "0")))
    return _utc(moment)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _epoch(number: float) -> datetime | None:
    for limit, unit in ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9)):
        if number < limit:
            return datetime.fromtimestamp(number / unit, UTC) if number > 0 else None
    return None


def _from_access(match: re.Match[str]) -> datetime | None:
    day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = match.groups()
    try:
        moment = datetime(int(year), _MONTHS[month.lower()], int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    except (KeyError, ValueError):
        return None
    offset = timedelta(hours=int(zone_hours or 0), minutes=int(zone_minutes or 0))
    return moment + offset if sign == "-" else moment - offset


def _from_syslog(match: re.Match[str], reference: datetime) -> datetime | None:
    """Syslog tells no year: the latest one that does not lie in the future of `reference`."""
    month, day, hour, minute, second, fraction = match.groups()
    microsecond = int(float(fraction or 0) * 1_000_000)
    for year in (reference.year + 1, reference.year, reference.year - 1):
        try:
            moment = datetime(year, _MONTHS[month.lower()], int(day), int(hour), int(minute), int(second), microsecond, tzinfo=UTC)
        except (KeyError, ValueError):
            continue
        if moment <= reference + timedelta(days=1):
            return moment
    return None
