"""Names and values (of JSON, logfmt, a journal) to fields: what each name means in the dialects that are in use."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from mcp_servers.logs.formats.fields import Fields
from mcp_servers.logs.formats.severities import of_syslog
from mcp_servers.logs.model import Severity

_MEANINGS = {
    "time": "timestamp @timestamp time ts timeUnixNano time_unix_nano datetime date asctime eventTime @t Timestamp Time TimeStamp timeMillis"
    " _SOURCE_REALTIME_TIMESTAMP __REALTIME_TIMESTAMP start_time StartUTC time_local time_iso8601 observedTimeUnixNano receiveTimestamp",
    "level": "severity_text severityText SeverityText severity levelname level_name level log.level severity_number severityNumber SeverityNumber levelno lvl"
    " @l Level LogLevel loglevel log_level PRIORITY levelText Severity",
    "body": "body.stringValue body Body message msg event textPayload jsonPayload.message jsonPayload.msg short_message log @m RenderedMessage MESSAGE Message"
    " @mt MessageTemplate error.message err.message",
    "service": "service.name service resource.service.name resource.attributes.service.name service_name resource.labels.service_name app SYSLOG_IDENTIFIER"
    " application serviceContext.service kubernetes.labels.app _COMM",
    "release": "service.version release version resource.service.version resource.attributes.service.version service_version"
    " resource.labels.revision_name serviceContext.version",
    "trace_id": "trace_id traceId TraceId trace.id traceID request_id requestId request.id http.request.id x_request_id correlation_id correlationId"
    " dd.trace_id logging.googleapis.com/trace req.id reqId @tr xray_trace_id",
    "logger": "logger log.logger logger_name loggerName SourceContext Properties.SourceContext scope.name",
}
_ROLE = {name: (role, rank) for role, names in _MEANINGS.items() for rank, name in enumerate(names.split())}
_RENAMED = {
    "httpRequest.requestMethod": "http.request.method", "httpRequest.requestUrl": "url.full", "httpRequest.status": "http.response.status_code",
    "httpRequest.userAgent": "user_agent.original", "httpRequest.remoteIp": "client.address",
    "req.method": "http.request.method", "req.url": "url.full", "res.statusCode": "http.response.status_code", "res.status": "http.response.status_code",
    "request.method": "http.request.method", "request.uri": "url.full", "request.url": "url.full", "request.remote_ip": "client.address",
    "request_method": "http.request.method", "request_uri": "url.full", "remote_addr": "client.address", "http_user_agent": "user_agent.original",
    "RequestMethod": "http.request.method", "RequestPath": "url.full", "DownstreamStatus": "http.response.status_code", "ClientHost": "client.address",
    "response_code": "http.response.status_code", "x_forwarded_for": "client.address",
    "hostname": "host.name", "_HOSTNAME": "host.name", "pid": "process.pid", "_PID": "process.pid", "process.thread.name": "thread.name",
    "thread": "thread.name", "thread_name": "thread.name", "threadName": "thread.name", "ctx": "thread.name", "spanId": "span_id", "span.id": "span_id",
    "@x": "exception.stacktrace", "Exception": "exception.stacktrace", "err.type": "exception.type", "error.type": "exception.type",
}  # fmt: skip
_SECONDS: dict[str, tuple[str, float]] = {
    "request_time": ("http.server.request.duration", 1.0), "responseTime": ("http.server.request.duration", 1e-3),
    "httpRequest.latency": ("http.server.request.duration", 1.0), "Duration": ("http.server.request.duration", 1e-9),
}  # fmt: skip
_LOGGERS_BESIDE = {"name": ("hostname", "levelname", "level_name"), "channel": ("level_name",), "Category": ("LogLevel",)}
"""Names that mean the logger only where the dialect shows by another name."""

_HOLE = re.compile(r"\{[@$]?(\w[\w.]*)(?:,[^{}]*)?(?::[^{}]*)?\}")
_LEVELS_OF_PYTHON = {10: Severity.DEBUG, 20: Severity.INFO, 30: Severity.WARN, 40: Severity.ERROR, 50: Severity.FATAL}
_DEEPEST = 8
_ONE_OF = ("stringValue", "intValue", "doubleValue", "boolValue", "bytesValue")


def from_mapping(value: Mapping[str, Any]) -> Fields:
    """The fields of one record. Names nobody knows are attributes; nested ones are joined by dots."""
    found: dict[str, tuple[int, str, Any]] = {}
    attributes: dict[str, Any] = {}
    for name, item in _flat(value):
        meaning = _ROLE.get(name)
        if meaning is None or item == "":
            attributes[_RENAMED.get(name, name)] = item
            continue
        role, rank = meaning
        held = found.get(role)
        if held is None or rank < held[0]:
            found[role] = (rank, name, item)
            rank, name, item = held or (0, "", None)
        if name:
            attributes[name] = item
    fields = Fields("", attributes=attributes)
    for role, (_, name, item) in found.items():
        _SETTERS[role](fields, name, item)
    if not fields.body:
        fields.body = json.dumps(value, ensure_ascii=False, default=str) if "body" not in found else _text(found["body"][2])
    if attributes:
        _tell_apart(fields, value)
        _describe_request(attributes)
    return fields


def _tell_apart(fields: Fields, value: Mapping[str, Any]) -> None:
    """Names whose meaning depends on their neighbours."""
    attributes = fields.attributes
    for name, beside in _LOGGERS_BESIDE.items():
        if not fields.logger and name in attributes and any(other in value for other in beside):
            fields.logger = attributes["logger"] = str(attributes.pop(name))
    if not fields.trace_id and str(attributes.get("trace", "")).startswith("projects/"):
        _set_trace_id(fields, "trace", attributes.pop("trace"))


def _set_body(fields: Fields, name: str, item: Any) -> None:
    fields.body = _text(item)
    if name in ("@mt", "MessageTemplate"):
        fields.body = _HOLE.sub(lambda hole: _filled(hole, fields.attributes), fields.body)


def _set_time(fields: Fields, name: str, item: Any) -> None:
    fields.time = item


def _set_level(fields: Fields, name: str, item: Any) -> None:
    fields.level = item
    if name == "PRIORITY" and str(item).isdecimal():
        fields.level = of_syslog(int(str(item)[:3]))
    elif name == "levelno" and isinstance(item, int):
        fields.level = _LEVELS_OF_PYTHON.get(item, item)
    elif name == "level" and item.__class__ is int and item < 8:  # GELF counts as syslog does; no other JSON format has such small levels
        fields.level = of_syslog(max(item, 0))


def _set_trace_id(fields: Fields, name: str, item: Any) -> None:
    fields.trace_id = str(item).rpartition("/traces/")[2]


def _setter(role: str) -> Callable[[Fields, str, Any], None]:
    return lambda fields, name, item: setattr(fields, role, str(item))


def _set_logger(fields: Fields, name: str, item: Any) -> None:
    fields.logger = str(item)
    fields.attributes[name] = item


_SETTERS = {
    "body": _set_body,
    "time": _set_time,
    "level": _set_level,
    "trace_id": _set_trace_id,
    "logger": _set_logger,
    "service": _setter("service"),
    "release": _setter("release"),
}


def _flat(value: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        name = prefix + key if prefix else key
        if item.__class__ is dict and item and depth < _DEEPEST:
            yield from _flat(item, prefix if key == "attributes" else f"{name}.", depth + 1)
        elif item.__class__ is list and key == "attributes":
            yield from _pairs(cast(list[Any], item), prefix)
        elif item is not None:
            yield name, item


def _pairs(items: list[Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """OTLP's lists of {"key": …, "value": {"stringValue": …}}; those of a resource keep its name in front, so that they never hide the record's own."""
    known = [cast(dict[str, Any], item) for item in items if isinstance(item, dict) and "key" in item]
    if not known:
        yield prefix + "attributes", items
    for item in known:
        yield prefix + str(item["key"]), _one_of(item.get("value"))


def _one_of(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    told = cast(dict[str, Any], value)
    return next((told[name] for name in _ONE_OF if name in told), told)


def _describe_request(attributes: dict[str, Any]) -> None:
    """The path and query of a full URL, durations in seconds, the status beside a method: under the names that a request is known by."""
    full = attributes.get("url.full")
    if isinstance(full, str) and "url.path" not in attributes:
        path, _, query = re.sub(r"^\w+://[^/?#]*", "", full).partition("?")
        attributes["url.path"] = path or "/"
        if query:
            attributes["url.query"] = query
    for name, (known, unit) in _SECONDS.items():
        if name in attributes and (seconds := _number(attributes[name])) is not None:
            attributes[known] = seconds * unit
    if "http.request.method" in attributes and "status" in attributes:
        attributes.setdefault("http.response.status_code", attributes["status"])


def _number(value: Any) -> float | None:
    try:
        return float(str(value).removesuffix("s")[:32])
    except ValueError:
        return None


def _filled(hole: re.Match[str], attributes: Mapping[str, Any]) -> str:
    value = attributes.get(hole[1], attributes.get(f"Properties.{hole[1]}"))
    return hole[0] if value is None else _text(value)


def _text(item: Any) -> str:
    if isinstance(item, str):
        return item
    if isinstance(item, list) and item and all(isinstance(byte, int) and 0 <= byte < 256 for byte in cast(list[Any], item)):
        return bytes(cast(list[int], item)).decode("utf-8", "replace")  # the journal writes what is not printable as numbers
    return json.dumps(item, ensure_ascii=False, default=str)
