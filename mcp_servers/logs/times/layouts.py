"""The shapes in which moments are written, as patterns with one set of group names; `STAMP` finds any of them at the start of a line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MONTHS = {
    name: number
    for number, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], start=1)
}
_ZONE_HOURS = {
    "UTC": 0, "GMT": 0, "Z": 0, "UT": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "AKST": -9,
    "AKDT": -8, "HST": -10, "BRT": -3, "ART": -3, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "SAST": 2, "MSK": 3,
    "IST": 5.5, "PKT": 5, "ICT": 7, "WIB": 7, "HKT": 8, "SGT": 8, "AWST": 8, "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13,
}  # fmt: skip
"""Hours east of UTC. Where one abbreviation has several meanings, the one of the most widespread logs."""

_TAI_AHEAD = 10
"""Seconds that the writers of TAI64N labels add to the epoch: they keep no table of leap seconds."""

_NAMES = "|".join(sorted(_ZONE_HOURS, key=len, reverse=True))
_ZONE = rf"(?: ?(?P<zone>(?:{_NAMES})\b|[+-]\d\d(?::?\d\d)?(?!\d)))?(?:\[[A-Za-z_]+/[A-Za-z_/]+\])?"
_MONTH = r"(?P<mon>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_CLOCK = r"(?P<H>\d{1,2}):(?P<M>\d\d):(?P<S>\d\d)(?:[.,](?P<f>\d{1,9}))?"

LAYOUTS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        rf"(?P<y>\d{{4}})[-/.](?P<m>\d\d)[-/.](?P<d>\d\d)(?:[-T ]|, ?| +)(?P<H>\d\d)[:.](?P<M>\d\d)(?:[:.](?P<S>\d\d)(?:[.,:](?P<f>\d{{1,9}}))?)?{_ZONE}",
        rf"{_MONTH} +(?P<d>\d{{1,2}})(?:,? (?P<y>\d{{4}}),?)? {_CLOCK}(?: ?(?P<ap>[AP]M))?{_ZONE}",
        rf"(?P<d>\d{{1,2}})/{_MONTH}/(?P<y>\d{{4}})[: ]{_CLOCK}{_ZONE}",
        rf"{_DAY} {_MONTH} +(?P<d>\d{{1,2}}) {_CLOCK}{_ZONE} (?P<y>\d{{4}})",
        rf"(?:{_DAY}, )?(?P<d>\d{{1,2}})[- ]{_MONTH}[- ](?P<y>\d{{4}}) {_CLOCK}{_ZONE}",
        rf"(?P<m>\d\d)-(?P<d>\d\d) {_CLOCK}",
        rf"(?P<one>\d{{1,2}})/(?P<two>\d{{1,2}})/(?P<three>\d{{4}}|\d\d),? +{_CLOCK}(?: ?(?P<ap>[AP]M))?{_ZONE}",
        r"(?P<y>\d\d)(?P<m>\d\d)(?P<d>\d\d) +(?P<H>\d\d)(?P<M>\d\d)(?P<S>\d\d)(?=\s|$)",
        rf"(?P<y>\d\d)(?P<m>\d\d)(?P<d>\d\d) +{_CLOCK}",
        r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)-(?P<H>\d{1,2}):(?P<M>\d{1,2}):(?P<S>\d{1,2})(?:[:.,](?P<f>\d{1,9}))?",
        rf"(?P<y>\d{{4}})(?P<m>\d\d)(?P<d>\d\d)[T ]?(?P<H>\d\d)(?P<M>\d\d)(?P<S>\d\d)(?:[.,](?P<f>\d{{1,9}}))?{_ZONE}(?=\s|$)",
        rf"(?P<d>\d\d)\.(?P<m>\d\d)\.(?P<y>\d{{4}}),? {_CLOCK}{_ZONE}",
        rf"(?P<m>\d\d)\.(?P<d>\d\d) {_CLOCK}",
        rf"{_CLOCK}(?: ?(?P<ap>[AP]M))?(?![\d:.])",
        r"(?P<H>\d{1,2}):(?P<M>\d\d)(?P<ap>[AP]M)\b",
        r"@(?P<tai>[0-9a-f]{16})(?P<nano>[0-9a-f]{8})",
        r"(?P<epoch>1\d{9}(?:\.\d{1,9})?|1\d{12}|1\d{15}|1\d{18})(?=\s|$)",
    )
)

STAMP = "|".join(re.sub(r"\?P<\w+>", "?:", layout.pattern) for layout in LAYOUTS)
"""All layouts as one pattern without groups."""


@lru_cache(maxsize=512)
def zone_of(name: str) -> tzinfo:
    """The zone behind an offset (`+0100`, `+01:00`), an abbreviation or a region; UTC for what nobody knows."""
    if name[:1] in "+-" and name[1:3].isdigit():
        minutes = int(name[1:3]) * 60 + int(name[3:].lstrip(":") or 0)
        return timezone(timedelta(minutes=-minutes if name[0] == "-" else minutes)) if minutes < 24 * 60 else UTC
    if name in _ZONE_HOURS:
        return timezone(timedelta(hours=_ZONE_HOURS[name])) if _ZONE_HOURS[name] else UTC
    try:
        return ZoneInfo(name) if "/" in name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def moment_of(match: re.Match[str], reference: datetime, *, day_first: bool) -> datetime | None:
    """The moment that a layout found; the year, or the date, that is missing is the latest one not in the future of `reference`."""
    told = match.groupdict()
    if told.get("tai"):
        return datetime.fromtimestamp(int(told["tai"], 16) - 2**62 - _TAI_AHEAD, UTC) + timedelta(
            microseconds=int(told["nano"], 16) // 1000
        )
    zone = zone_of(told.get("zone") or "UTC")
    hour, minute, second = int(told["H"]), int(told["M"]), min(int(told.get("S") or 0), 59)
    if half := told.get("ap"):
        hour = hour % 12 + (12 if half == "PM" else 0)
    fraction = int(f"{told.get('f') or 0:0<6}"[:6])
    if "one" in told:
        year, month, day = _date(told, reference, day_first=day_first)
    else:
        month = MONTHS[told["mon"].lower()] if told.get("mon") else int(told.get("m") or 0)
        year, day = int(told.get("y") or 0), int(told.get("d") or 0)
    if len(told.get("y") or "") == 2 or ("one" in told and year < 100):
        year += 2000 if year < 70 else 1900
    clock = (hour, minute, second, fraction)
    if year:
        return datetime(year, month, day, *clock, zone).astimezone(UTC)
    return _with_year(month, day, clock, zone, reference) if month else _with_date(clock, zone, reference)


def _date(told: dict[str, str], reference: datetime, *, day_first: bool) -> tuple[int, int, int]:
    """Year, month and day of `a/b/c`: month first unless told otherwise; with a year of two digits the reading nearest to `reference`."""
    one, two, three = int(told["one"]), int(told["two"]), int(told["three"])
    readings = [(three, two, one), (three, one, two)] if day_first else [(three, one, two), (three, two, one)]
    if three < 100:
        readings.append((one, two, three))
    sane = [reading for reading in readings if 1 <= reading[1] <= 12 and 1 <= reading[2] <= 31]
    return min(sane, key=lambda reading: abs(reading[0] % 100 - reference.year % 100)) if three < 100 and sane else (sane or readings)[0]


def _with_year(month: int, day: int, clock: tuple[int, int, int, int], zone: tzinfo, reference: datetime) -> datetime | None:
    for year in range(reference.year + 1, reference.year - 8, -1):  # 29 February may lie eight years back
        try:
            moment = datetime(year, month, day, *clock, zone).astimezone(UTC)
        except ValueError:
            continue
        if moment <= reference + timedelta(days=1):
            return moment
    return None


def _with_date(clock: tuple[int, int, int, int], zone: tzinfo, reference: datetime) -> datetime:
    hour, minute, second, fraction = clock
    moment = reference.astimezone(zone).replace(hour=hour, minute=minute, second=second, microsecond=fraction).astimezone(UTC)
    return moment if moment <= reference + timedelta(hours=1) else moment - timedelta(days=1)
