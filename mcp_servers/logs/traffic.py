"""Requests as the log tells them: who called what, how it ended, how many at a time."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mcp_servers.logs.endings import Ending, ending_of
from mcp_servers.logs.model import LogRecord

_LINE = re.compile(r'"(?P<method>GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (?P<target>\S+)(?: HTTP/[\d.]+)?"?,? (?P<status>[1-5]\d\d)\b')
_PATH = ("url.path", "http.target", "path")
_RELATIVE = ("uri", "request_uri", "http_path", "http.path", "request.path", "url")
_METHOD = ("http.request.method", "http.method", "method", "http_method", "request_method", "verb")
_STATUS = ("http.response.status_code", "http.status_code", "status_code", "status", "http_status", "statusCode", "http.status")
_SEGMENT = re.compile(r"/[^/]*\d[^/]*")
_SAMPLES = 5
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as far as it is known: empty text and status 0 stand for what the log does not tell."""

    method: str = ""
    target: str = ""
    body: str = ""
    status: int = 0

    @property
    def route(self) -> str:
        """The path without its query, segments that hold digits as `<*>`."""
        return _SEGMENT.sub("/<*>", self.target.partition("?")[0])

    def filled_from(self, other: Request) -> Request:
        return Request(self.method or other.method, self.target or other.target, self.body or other.body, self.status or other.status)

    def as_json(self) -> dict[str, Any]:
        known = {"method": self.method, "target": self.target, "body": self.body, "status": self.status}
        return {name: value for name, value in known.items() if value}


_UNKNOWN = Request()


def request_of(record: LogRecord) -> Request:
    """The request that a record names in its attributes, or as a line of an access log."""
    found = record.derived.get("request")
    if found is None:
        found = record.derived["request"] = _request_of(record)
    return found


def _request_of(record: LogRecord) -> Request:
    attributes = record.attributes
    path = method = ""
    if attributes:
        path, method = _text(attributes, *_PATH) or _relative(attributes), _text(attributes, *_METHOD)
    if not (path and method):
        return _in_words(record)
    query = _text(attributes, "url.query")
    target = f"{path}?{query.removeprefix('?')}" if query else path
    return Request(method, target, _text(attributes, "http.request.body.content"), _status(attributes))


def _in_words(record: LogRecord) -> Request:
    """The request that a message tells, quoted as in an access log or in other words."""
    line = _LINE.search(record.body[:_LONGEST]) if '"' in record.body else None
    if line:
        return Request(line["method"], line["target"], "", int(line["status"]))
    if ending := _ending(record):
        return Request(ending.method, ending.target, "", ending.status)
    return Request(status=_status(record.attributes)) if record.attributes else _UNKNOWN


def _ending(record: LogRecord) -> Ending | None:
    logger = str(record.attributes.get("logger", "")) if record.attributes else ""
    return ending_of(f"{logger} {record.body}" if "{" in logger else record.body)


def answered(request: Request) -> str:
    """How a request ended, in words that are the same for every value in its route: `GET /orders/<*> answered 502`."""
    return f"{request.method} {request.route} answered {request.status}"


def is_access(record: LogRecord) -> bool:
    """Whether a record tells the end of a request and nothing else."""
    if record.trace is not None or record.attributes.get("exception.type"):
        return False
    request = request_of(record)
    return bool(request.status and request.target)


def duration_of(record: LogRecord) -> timedelta | None:
    """How long a request took, from the attributes of its record or from its words; None where neither tells."""
    for name, unit in (("event.duration", 1e-9), ("duration_ms", 1e-3), ("http.server.request.duration", 1.0)):
        value = record.attributes.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value * unit < 86_400:
            return timedelta(seconds=value * unit)
    ending = _ending(record)
    return timedelta(milliseconds=ending.milliseconds) if ending and ending.milliseconds is not None else None


class Traffic:
    """The access records of a window, by service and by trace id."""

    def __init__(self, records: Iterable[LogRecord]) -> None:
        self._of_service: defaultdict[str, list[LogRecord]] = defaultdict(list)
        self._of_trace: defaultdict[str, list[LogRecord]] = defaultdict(list)
        self._concurrency: dict[str, int] = {}
        for record in records:
            if is_access(record):
                self._of_service[record.service].append(record)
                if record.trace_id:
                    self._of_trace[record.trace_id].append(record)

    @property
    def trace_ids(self) -> set[str]:
        return set(self._of_trace)

    def of(self, service: str) -> list[LogRecord]:
        """The access records of a service."""
        return self._of_service.get(service, [])

    @property
    def accesses(self) -> list[LogRecord]:
        """All access records, service by service."""
        return [record for records in self._of_service.values() for record in records]

    def users(self, records: Iterable[LogRecord], who: Callable[[LogRecord], str]) -> int:
        """How many different users (or clients) are behind these records: named by themselves or by a request of the same trace."""
        found = {name for record in records if (name := who(record) or self._by_trace(record, who))}
        return len(found)

    def times(self, service: str) -> list[datetime]:
        return [record.timestamp for record in self.of(service) if record.timestamp is not None]

    def failed(self) -> set[str]:
        """The trace ids of requests that some service answered with 5xx."""
        return {trace for trace, accesses in self._of_trace.items() if any(request_of(access).status >= 500 for access in accesses)}

    def statuses(self, trace_ids: Iterable[str], service: str) -> dict[int, int]:
        """How the requests of these traces ended, as the service itself answered them (as any service did when it logged no access)."""
        counts: Counter[int] = Counter()
        for trace in trace_ids:
            accesses = self._of_trace.get(trace, [])
            own = [access for access in accesses if access.service == service] or accesses[:1]
            counts.update(request_of(access).status for access in own[:1])
        return dict(counts)

    def samples(self, records: Sequence[LogRecord]) -> tuple[Request, ...]:
        """At most five distinct requests behind these records: told by themselves, completed by the access record of the same trace."""
        found: dict[tuple[str, str, str], Request] = {}
        for record in records:
            request = self._joined(record)
            if request.target:
                found.setdefault((request.method, request.target, request.body), request)
            if len(found) == _SAMPLES:
                break
        return tuple(found.values())

    def concurrency(self, service: str) -> int:
        """The most requests of a service that overlapped in time; 0 when no record tells how long one took."""
        if service not in self._concurrency:
            self._concurrency[service] = self._overlap(service)
        return self._concurrency[service]

    def _overlap(self, service: str) -> int:
        moments: list[tuple[datetime, int]] = []
        for record in self.of(service):
            duration = duration_of(record)
            if duration is not None and record.timestamp is not None:
                moments += [(record.timestamp - duration, 1), (record.timestamp, -1)]
        running = peak = 0
        for _, step in sorted(moments):
            running += step
            peak = max(peak, running)
        return peak

    def _by_trace(self, record: LogRecord, who: Callable[[LogRecord], str]) -> str:
        return next((name for access in self._of_trace.get(record.trace_id, []) if (name := who(access))), "") if record.trace_id else ""

    def _joined(self, record: LogRecord) -> Request:
        own = request_of(record)
        accesses = self._of_trace.get(record.trace_id, []) if record.trace_id else []
        same = [access for access in accesses if access.service == record.service] or accesses[:1]
        fits = [access for access in same if own.target in ("", request_of(access).target)]
        return own.filled_from(request_of(fits[0])) if fits else own


def _relative(attributes: Any) -> str:
    """A target in names that clients use for addresses elsewhere as well."""
    found = _text(attributes, *_RELATIVE)
    return found if found.startswith("/") else ""


def _status(attributes: Any) -> int:
    value = _text(attributes, *_STATUS)
    return int(value) if value.isdecimal() and len(value) == 3 else 0


def _text(attributes: Any, *names: str) -> str:
    for name in names:
        value = attributes.get(name)
        if value is not None and value != "":
            return str(value)
    return ""
