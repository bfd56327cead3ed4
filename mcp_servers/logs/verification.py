"""Counts one error before and after a fix: events, requests that could have met it, minutes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from mcp_servers.logs import fingerprint
from mcp_servers.logs.model import LogRecord
from mcp_servers.logs.traffic import is_access
from mcp_servers.logs.verdict import Exposure


@dataclass(slots=True)
class _Side:
    events: int = 0
    requests: Counter[str] = field(default_factory=Counter[str])


def exposures(
    records: Iterable[LogRecord], *, coarse: str, since: datetime, fixed_at: datetime, now: datetime, release: str = ""
) -> tuple[Exposure, Exposure]:
    """What was seen of an error before and after the fix. With `release`, what older releases still wrote after the fix does not count.

    Requests are those of the services that the error struck (of all, when it struck none). A log that begins after `since` counts from there.
    """
    before, after = _Side(), _Side()
    services: set[str] = set()
    older: set[str] = set()
    late: list[LogRecord] = []
    first = now
    for record in records:
        if record.timestamp is None or not since <= record.timestamp < now:
            continue
        first = min(first, record.timestamp)
        if record.timestamp >= fixed_at:
            late.append(record)
            continue
        older.add(record.release)
        _book(before, record, coarse, services)
    superseded = older - {release, ""} if release else set[str]()
    for record in late:
        if record.release not in superseded:
            _book(after, record, coarse, services)
    begun = min(max(since, first), fixed_at)
    return _exposure(before, services, fixed_at, begun), _exposure(after, services, now, fixed_at)


def _book(side: _Side, record: LogRecord, coarse: str, services: set[str]) -> None:
    if is_access(record):
        side.requests[record.service] += 1
    found = fingerprint.of(record)
    if found is not None and found.coarse == coarse:
        side.events += 1
        services.add(record.service)


def _exposure(side: _Side, services: set[str], end: datetime, begin: datetime) -> Exposure:
    requests = sum(count for service, count in side.requests.items() if not services or service in services)
    return Exposure(side.events, requests, max((end - begin).total_seconds() / 60, 0.0))
