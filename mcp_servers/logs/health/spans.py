"""Who failed first within one request: the deepest erroring span, by parents where they are told, else by nesting and order in time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from mcp_servers.logs.health.observation import is_error
from mcp_servers.logs.model import LogRecord
from mcp_servers.logs.traffic import duration_of, is_access, request_of

How = Literal["span parents", "nesting in time", "order in time"]

SPAN = ("span_id", "spanId", "span.id", "dd.span_id")
PARENT = ("parent_span_id", "parentSpanId", "parent_id", "parentId", "parent.id", "parent_span.id", "dd.parent_id")
_DEEPEST = 200


@dataclass(frozen=True, slots=True)
class Blame:
    """One failed request: the service that leads, its record, the other services that failed in it, and how that was told."""

    service: str
    record: LogRecord
    followers: tuple[str, ...]
    how: How


def blames(records: Iterable[LogRecord]) -> list[Blame]:
    """One blame for each trace in which something failed."""
    of_trace: defaultdict[str, list[LogRecord]] = defaultdict(list)
    for record in records:
        if record.trace_id:
            of_trace[record.trace_id].append(record)
    return [found for trace in of_trace.values() if (found := _blame(trace)) is not None]


def failed(record: LogRecord) -> bool:
    """Whether a record says that something failed: an error, or a request that ended with 5xx."""
    return is_error(record) or (is_access(record) and request_of(record).status >= 500)


def _blame(trace: Sequence[LogRecord]) -> Blame | None:
    wrong = [record for record in trace if failed(record)]
    if not wrong:
        return None
    depths, how = _depths(trace, wrong)
    first = {service: min(_moment(record) for record in wrong if record.service == service) for service in {one.service for one in wrong}}
    lead = min(wrong, key=lambda record: (-depths[id(record)], first[record.service], not is_error(record), _moment(record)))
    return Blame(lead.service, lead, tuple(sorted(first.keys() - {lead.service})), how)


def _depths(trace: Sequence[LogRecord], wrong: Sequence[LogRecord]) -> tuple[dict[int, int], How]:
    parents = {span: parent for record in trace if (span := _told(record, SPAN)) and (parent := _told(record, PARENT))}
    if parents and all(_told(record, SPAN) for record in wrong):
        return {id(record): _depth(_told(record, SPAN), parents) for record in wrong}, "span parents"
    intervals: defaultdict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for record in trace:
        duration = duration_of(record) if is_access(record) else None
        if duration and record.timestamp is not None:
            intervals[record.service].append((record.timestamp - duration, record.timestamp))
    services = {record.service for record in wrong}
    if len(services) > 1 and services <= intervals.keys():
        nested = {service: _nesting(service, intervals) for service in services}
        return {id(record): nested[record.service] for record in wrong}, "nesting in time"
    return {id(record): 0 for record in wrong}, "order in time"


def _depth(span: str, parents: dict[str, str]) -> int:
    depth = 0
    while span in parents and depth < _DEEPEST:
        span, depth = parents[span], depth + 1
    return depth


def _nesting(service: str, intervals: dict[str, list[tuple[datetime, datetime]]]) -> int:
    """In how many other services' requests one of this service's requests lies, at most."""
    others = [(start, end) for name, spans in intervals.items() if name != service for start, end in spans]
    return max(
        sum(start <= inner[0] and inner[1] <= end and end - start > _length(inner) for start, end in others) for inner in intervals[service]
    )


def _length(interval: tuple[datetime, datetime]) -> timedelta:
    return interval[1] - interval[0]


def _told(record: LogRecord, names: Sequence[str]) -> str:
    return next((str(record.attributes[name]) for name in names if record.attributes.get(name)), "")


def _moment(record: LogRecord) -> float:
    return record.timestamp.timestamp() if record.timestamp else float("inf")
