"""What a service did in a period: requests, how they ended and how long they took, and its errors, each told once per request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mcp_servers.logs import fingerprint
from mcp_servers.logs.digest import text_of
from mcp_servers.logs.model import LogRecord, Severity
from mcp_servers.logs.traffic import duration_of, is_access, request_of

_TITLE = 160


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open window of time."""

    start: datetime
    end: datetime

    @property
    def minutes(self) -> float:
        return max(0.0, (self.end - self.start).total_seconds() / 60)

    def holds(self, record: LogRecord) -> bool:
        return record.timestamp is not None and self.start <= record.timestamp < self.end


@dataclass(slots=True)
class ErrorSeen:
    """One error by its coarse fingerprint; `times` are of the first record in each request."""

    coarse: str
    title: str
    times: list[datetime] = field(default_factory=list[datetime])


@dataclass(slots=True)
class Observation:
    """One service in one period. `seconds` are how long requests took, as far as the log tells."""

    lines: int = 0
    requests: int = 0
    failed: int = 0
    seconds: list[float] = field(default_factory=list[float])
    errors: dict[str, ErrorSeen] = field(default_factory=dict[str, ErrorSeen])

    @property
    def error_count(self) -> int:
        return sum(len(error.times) for error in self.errors.values())

    @property
    def error_times(self) -> list[float]:
        """Sorted seconds since the epoch."""
        return sorted(time.timestamp() for error in self.errors.values() for time in error.times)

    @property
    def top_errors(self) -> list[ErrorSeen]:
        """The most frequent first."""
        return sorted(self.errors.values(), key=lambda error: (-len(error.times), error.title))

    def percentile(self, share: float) -> float | None:
        """The seconds that this share of requests did not exceed; None when no record tells."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def is_error(record: LogRecord) -> bool:
    """Whether a record reports an error by itself; the end of a failed request is told by its access record."""
    raised = record.trace is not None or bool(record.attributes.get("exception.type"))
    return not is_access(record) and (record.severity >= Severity.ERROR or (raised and record.severity < Severity.DEBUG))


def observe(records: Iterable[LogRecord]) -> dict[str, Observation]:
    """What each service did, by its name (empty when the log tells none)."""
    seen: defaultdict[str, Observation] = defaultdict(Observation)
    told: set[tuple[str, str, str]] = set()
    for record in records:
        one = seen[record.service]
        one.lines += 1
        if is_access(record):
            _take_access(one, record)
        elif is_error(record):
            _take_error(one, record, told)
    return dict(seen)


def releases_begun(records: Sequence[LogRecord]) -> list[tuple[datetime, str, str]]:
    """When each release of each service was first seen, (time, service, release), for those that were not there from the beginning."""
    first: dict[tuple[str, str], datetime] = {}
    begun: dict[str, datetime] = {}
    for record in records:
        if record.timestamp is None or not record.release:
            continue
        key = (record.service, record.release)
        first[key] = min(record.timestamp, first.get(key, record.timestamp))
        begun[record.service] = min(record.timestamp, begun.get(record.service, record.timestamp))
    return sorted((time, service, release) for (service, release), time in first.items() if time > begun[service])


def _take_access(one: Observation, record: LogRecord) -> None:
    one.requests += 1
    one.failed += request_of(record).status >= 500
    duration = duration_of(record)
    if duration is not None:
        one.seconds.append(duration.total_seconds())


def _take_error(one: Observation, record: LogRecord, told: set[tuple[str, str, str]]) -> None:
    found = fingerprint.of(record)
    coarse = found.coarse if found else ""
    if record.trace_id:
        key = (record.service, coarse, record.trace_id)
        if key in told:
            return
        told.add(key)
    error = one.errors.setdefault(coarse, ErrorSeen(coarse, text_of(record)[:_TITLE]))
    if record.timestamp is not None:
        error.times.append(record.timestamp)
