"""Where a kind of message occurs: services, releases, what else the same requests said, and how often before and after a moment."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mcp_servers.logs.digest import Digest, text_of
from mcp_servers.logs.health import rates
from mcp_servers.logs.model import LogRecord
from mcp_servers.logs.templates import Template
from mcp_servers.logs.traffic import is_access

VARYING = "<*>"
_LIFT = 1.5
_ENOUGH = 3
_COMPANIONS = 10


@dataclass(frozen=True, slots=True)
class Companion:
    """Another template: in which share of the requests (or seconds) of the pattern it occurs, and how many times the share of all."""

    service: str
    template: Template
    together: int
    share: float
    lift: float


@dataclass(frozen=True, slots=True)
class Sides:
    """Occurrences before and after a moment, over requests or minutes, with the ratio of rates and the chance of such a difference."""

    before: int
    after: int
    exposure_before: float
    exposure_after: float
    unit: str
    ratio: float | None
    p: float


@dataclass(frozen=True, slots=True)
class Pattern:
    """Everything that matched; the templates are those it was said in."""

    count: int
    first: datetime | None
    last: datetime | None
    services: dict[str, int]
    releases: dict[str, int]
    templates: tuple[Template, ...]
    companions: tuple[Companion, ...]
    joined_by: str
    sides: Sides | None


def analyze(records: Sequence[LogRecord], pattern: str, at: datetime | None = None) -> Pattern:
    """The records that hold all words of the pattern, in any case and order, or that belong to the template of this id.

    A pattern may be the text of a template: what varies there may be anything.
    """
    digest = Digest()
    for record in records:
        digest.add(record)
    templates = [digest.template_of(record) for record in records]
    words = pattern.lower().replace(VARYING, " ").split()
    matched = [pattern == template or (bool(words) and _holds(record, words)) for record, template in zip(records, templates, strict=True)]
    found = [record for record, hit in zip(records, matched, strict=True) if hit]
    said = Counter(template for template, hit in zip(templates, matched, strict=True) if hit)
    known = {(line.service, line.template.id): line.template for line in digest.lines()}
    by_id = {id: template for (_, id), template in known.items()}
    times = sorted(record.timestamp for record in found if record.timestamp is not None)
    companions, joined_by = _companions(records, templates, matched, known)
    return Pattern(
        len(found),
        times[0] if times else None,
        times[-1] if times else None,
        dict(Counter(record.service for record in found if record.service).most_common()),
        dict(Counter(record.release for record in found if record.release).most_common()),
        tuple(by_id[id] for id, _ in said.most_common() if id in by_id),
        companions,
        joined_by,
        _sides(records, times, at, {record.service for record in found}) if at else None,
    )


def _holds(record: LogRecord, words: Sequence[str]) -> bool:
    text = f"{text_of(record)} {' '.join(str(value) for value in record.attributes.values())}".lower()
    return all(word in text for word in words)


def _companions(
    records: Sequence[LogRecord], templates: Sequence[str], matched: Sequence[bool], known: dict[tuple[str, str], Template]
) -> tuple[tuple[Companion, ...], str]:
    """What occurs with the pattern clearly more often than without: in the same requests, or in the same second where no id joins."""
    joined = sum(1 for record, hit in zip(records, matched, strict=True) if hit and record.trace_id) * 2 >= sum(matched)
    units: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    hits: set[str] = set()
    for record, template, hit in zip(records, templates, matched, strict=True):
        unit = record.trace_id if joined else str(int(record.timestamp.timestamp())) if record.timestamp else ""
        if not unit:
            continue
        if hit:
            hits.add(unit)
        else:
            units[unit].add((record.service, template))
    everywhere = Counter(template for said in units.values() for template in said)
    together = Counter(template for unit in hits for template in units.get(unit, ()))
    total = len(units.keys() | hits)
    found = [
        Companion(key[0], known[key], number, number / len(hits), number / len(hits) / (everywhere[key] / total))
        for key, number in together.items()
        if key in known and number >= min(_ENOUGH, len(hits))
    ]
    telling = sorted((one for one in found if one.lift >= _LIFT), key=lambda one: (-one.share * min(one.lift, 10), one.template.text))
    return tuple(telling[:_COMPANIONS]), "request" if joined else "second"


def _sides(records: Sequence[LogRecord], times: Sequence[datetime], at: datetime, services: set[str]) -> Sides:
    moments = [record.timestamp for record in records if record.timestamp is not None]
    start, end = min(moments, default=at), max(moments, default=at)
    served = [record.timestamp for record in records if record.timestamp and record.service in services and is_access(record)]
    early, late = sum(time < at for time in served), sum(time >= at for time in served)
    counted = early > 0 and late > 0
    minutes = timedelta(minutes=1)
    exposure_before = float(early) if counted else max(0.0, (at - start) / minutes)
    exposure_after = float(late) if counted else max(0.0, (end - at) / minutes)
    before = sum(time < at for time in times)
    after = len(times) - before
    ratio = rates.ratio(after, exposure_after, before, exposure_before)
    test = rates.p_lower if ratio is not None and ratio < 1 else rates.p_higher
    p = min(1.0, 2 * test(after, exposure_after, before, exposure_before))
    return Sides(before, after, exposure_before, exposure_after, "requests" if counted else "minutes", ratio, p)
