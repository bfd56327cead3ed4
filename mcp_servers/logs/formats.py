"""A log line to a LogRecord, in the formats that logs are found in. A parser keeps the format that fitted last and tries it first."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from mcp_servers.kit.stack import StackTrace
from mcp_servers.logs import stacktrace
from mcp_servers.logs.model import LogRecord, Severity
from mcp_servers.logs.times import parse_time

_WORDS = {
    Severity.TRACE: "trace verbose finest silly",
    Severity.DEBUG: "debug fine config",
    Severity.INFO: "info information notice log default",
    Severity.WARN: "warn warning",
    Severity.ERROR: "error err severe",
    Severity.FATAL: "fatal critical crit alert emergency emerg panic dpanic",
}
SEVERITIES = {word: severity for severity, words in _WORDS.items() for word in words.split()}

_TIME = "timestamp @timestamp time ts timeUnixNano time_unix_nano datetime date asctime eventTime"
_LEVEL = (
    "severity_text severityText SeverityText severity level levelname log.level severity_number severityNumber SeverityNumber levelno lvl"
)
_BODY = "body.stringValue body Body message msg event textPayload jsonPayload.message jsonPayload.msg short_message log"
_SERVICE = "service.name service resource.service.name resource.attributes.service.name service_name resource.labels.service_name app"
_RELEASE = "service.version release version resource.service.version resource.attributes.service.version service_version resource.labels.revision_name"
_TRACE_ID = (
    "trace_id traceId TraceId trace.id traceID request_id requestId request.id http.request.id x_request_id correlation_id correlationId "
    "dd.trace_id logging.googleapis.com/trace req.id reqId"
)
_STACKS = "exception.stacktrace error.stack_trace stack_trace exc_info stack stacktrace traceback err.stack error.stack exception.traceback exc_text exception"
_ECS_OF_GCP = {
    "httpRequest.requestMethod": "http.request.method",
    "httpRequest.requestUrl": "url.full",
    "httpRequest.status": "http.response.status_code",
}
_SYSLOG_SEVERITIES = (
    Severity.FATAL, Severity.FATAL, Severity.FATAL, Severity.ERROR, Severity.WARN, Severity.INFO, Severity.INFO, Severity.DEBUG,
)  # fmt: skip


@dataclass(slots=True)
class Fields:
    """What a format found in a line, before names and numbers are brought into one shape."""

    body: str
    time: Any = None
    level: Any = None
    service: str = ""
    release: str = ""
    trace_id: str = ""
    logger: str = ""
    attributes: dict[str, Any] = field(default_factory=dict[str, Any])


Format = Callable[[str], "Fields | None"]


class Parser:
    """Parses the entries of one source. `service` and `fallback` name it when a record does not: before, and after, its logger's name."""

    def __init__(self, reference: datetime, *, service: str = "", fallback: str = "") -> None:
        self._reference = reference
        self._service = service
        self._fallback = fallback
        self._formats: list[Format] = [_json, _syslog, _access, _levelled, _logfmt]
        self._last: datetime | None = None

    def parse(self, text: str, origin: str = "", observed: datetime | None = None) -> LogRecord:
        """The record of one entry. Without a time of its own it takes `observed`, else the time of the entry before it."""
        fields = self._fields(text)
        timestamp = observed or parse_time(fields.time, self._reference) or self._last
        self._last = timestamp
        trace, severity = _trace(fields), severity_of(fields.level)
        return LogRecord(
            timestamp=timestamp,
            severity=Severity.ERROR if trace and not severity else severity,
            body=fields.body,
            service=fields.service or self._service or fields.logger or self._fallback,
            trace_id=fields.trace_id,
            release=fields.release,
            attributes=fields.attributes,
            trace=trace,
            origin=origin,
        )

    def _fields(self, text: str) -> Fields:
        for position, known in enumerate(self._formats):
            if fields := known(text):
                if position:
                    self._formats.insert(0, self._formats.pop(position))
                return fields
        return Fields(text, level=_level_of_plain(text))


def severity_of(value: Any) -> Severity:
    """The severity behind a word or a number: OpenTelemetry 1–24, bunyan and pino 10–60, syslog names. Unknown is UNSPECIFIED."""
    if isinstance(value, Severity):
        return value
    if isinstance(value, str) and not value.isdigit():
        word = value.strip().lower().removeprefix("severity_number_")
        return SEVERITIES.get(word, SEVERITIES.get(word.rstrip("0123456789"), Severity.UNSPECIFIED))
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return Severity.UNSPECIFIED
    if 10 <= number <= 60 and number % 10 == 0:
        return Severity(number // 10 * 4 - 3)
    return (
        max((severity for severity in Severity if severity <= number), default=Severity.UNSPECIFIED)
        if 0 < number <= 24
        else Severity.UNSPECIFIED
    )


def _trace(fields: Fields) -> StackTrace | None:
    for name in _STACKS.split():
        value = fields.attributes.get(name)
        if isinstance(value, list):
            value = "\n".join(str(line) for line in cast(list[Any], value))
        if isinstance(value, str) and "\n" in value and (found := stacktrace.parse(value)):
            return found
    return stacktrace.parse(fields.body) if "\n" in fields.body else None


# --- JSON ---


def _json(text: str) -> Fields | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    fields = cast(dict[str, Any], value)
    return _docker_file(fields) or _from_mapping(fields)


def _docker_file(value: dict[str, Any]) -> Fields | None:
    """The engine's own file: {"log": …, "stream": …, "time": …} around a line that has a format itself."""
    if not isinstance(value.get("log"), str) or not {"stream", "time"} <= value.keys():
        return None
    line = value["log"].rstrip("\r\n")
    inner = _json(line) or _levelled(line) or Fields(line, level=_level_of_plain(line))
    inner.time = value["time"]
    inner.attributes = {"log.iostream": value["stream"], **value.get("attrs", {}), **inner.attributes}
    return inner


def _from_mapping(value: dict[str, Any]) -> Fields:
    flat: dict[str, Any] = {_ECS_OF_GCP.get(name, name): item for name, item in _flatten(value)}
    body = _take(flat, _BODY)
    level, number = _take(flat, _LEVEL), value.get("level")
    if isinstance(number, int) and number < 8:  # GELF counts as syslog does; no other JSON format has such small levels
        level = _SYSLOG_SEVERITIES[max(number, 0)]
    logger = flat.get("logger") or flat.get("log.logger") or flat.get("logger_name") or ""
    return Fields(
        body if isinstance(body, str) else json.dumps(body if body is not None else value, ensure_ascii=False, default=str),
        time=_take(flat, _TIME),
        level=level,
        service=str(_take(flat, _SERVICE) or ""),
        release=str(_take(flat, _RELEASE) or ""),
        trace_id=str(_take(flat, _TRACE_ID) or ""),
        logger=str(logger),
        attributes=flat,
    )


def _flatten(value: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        name = f"{prefix}{key}"
        if isinstance(item, dict) and item and depth < 8:
            yield from _flatten(cast(dict[str, Any], item), f"{name}.", depth + 1)
        elif item is not None:
            yield name, item


def _take(flat: dict[str, Any], names: str) -> Any:
    return next((flat.pop(name) for name in names.split() if flat.get(name) not in (None, "")), None)


# --- lines ---

_SYSLOG_3164 = re.compile(
    r"(?:<(?P<priority>\d{1,3})>)?(?P<time>[A-Z][a-z]{2} [ \d]?\d \d\d:\d\d:\d\d(?:\.\d+)?) (?P<host>\S+) (?P<app>[^\s:\[]+)(?:\[(?P<pid>\d+)\])?: ?(?P<body>.*)",
    re.S,
)
_SYSLOG_5424 = re.compile(
    r"<(?P<priority>\d{1,3})>1 (?P<time>\S+) (?P<host>\S+) (?P<app>\S+) (?P<pid>\S+) (?P<id>\S+) (?:-|(?:\[(?:[^\]\\]|\\.)*\])+) ?(?P<body>.*)",
    re.S,
)
_ACCESS = re.compile(
    r'(?P<host>\S+) \S+ (?P<user>\S+) \[(?P<time>[^\]]+)\] (?P<body>"(?:(?P<method>[A-Z]+) (?P<target>\S+)[^"]*|[^"]*)" (?P<status>\d{3}) (?P<size>\d+|-))'
    r'(?: "(?P<referer>[^"]*)" "(?P<agent>[^"]*)")?(?P<rest>.*)',
    re.S,
)
_STAMP = r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,:]\d{1,9})?)?(?: ?(?:Z\b|UTC\b|GMT\b|[+-]\d\d:?\d\d\b))?|\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(?: [+-]\d{4})?"
_UPPER = "TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|ERR|CRITICAL|CRIT|FATAL|SEVERE|EMERG|ALERT|PANIC|LOG|FINE"
_STAMPED = re.compile(rf"[\[(]?(?P<time>{_STAMP})[\])]?[:,]?\s*(?P<rest>.*)", re.S)
_LEVEL_IN = re.compile(
    rf"(?P<before>(?:[-|]\s+|\[[^\]]*\]:?\s+|\(?[\w.$/:#*@-]+\)?\s+){{0,4}}?)[\[(<|]?(?P<level>{_UPPER}|(?i:{_UPPER})(?=[\]>|:]))[\])>|]?:?(?=[\s\-|:]|$)(?P<after>.*)",
    re.S,
)
_AFTER = re.compile(
    r"\s*(?:[-|]\s+)?(?:(?P<pid>\d+)\s+---\s+)?(?:\[(?P<thread>[^\]]*)\]\s*)*(?:[-|]\s+)?"
    r"(?:in (?P<module>\w+): |(?P<logger>[A-Za-z_$][\w.$/-]*)(?:\s+-\s+|\s*\|\s+|\s*: )|(?P<dotted>[A-Za-z_$][\w$]*(?:\.[\w$]+)+)\s+)?(?:[-|:]\s+)?(?P<body>.*)",
    re.S,
)
_PYTHON_BASIC = re.compile(r"(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL):(?P<logger>[\w.]+):(?P<body>.*)", re.S)
_GLOG = re.compile(r"(?P<level>[IWEF])\d{4} (?:\d\d:\d\d:\d\d\.\d+)\s+\d+ (?P<logger>[^\]]+)\] (?P<body>.*)", re.S)
_LOGGER_BEFORE = re.compile(r"(?:^|\s)-?\s*([A-Za-z_$][\w.$]*)\s+-?\s*$")
_PLAIN_LEVEL = re.compile(
    rf"\s*[\[(<]?(?P<level>{_UPPER}|(?i:{_UPPER})(?=[\]:]))[\])>]?(?=[\s:])|(?P<panic>panic:|fatal error:|Traceback |Unhandled |Uncaught )"
)
_PAIR = re.compile(r'(?:^|\s)([A-Za-z_@][\w.@/-]*)=("(?:[^"\\]|\\.)*"|\S*)')
_GLOG_LEVELS = {"I": Severity.INFO, "W": Severity.WARN, "E": Severity.ERROR, "F": Severity.FATAL}


def _syslog(text: str) -> Fields | None:
    if not (match := _SYSLOG_5424.match(text) or _SYSLOG_3164.match(text)):
        return None
    priority = match["priority"]
    level = _SYSLOG_SEVERITIES[int(priority) % 8] if priority else _level_of_plain(match["body"])
    attributes = {"host.name": match["host"], "process.pid": match["pid"]}
    kept = {name: value for name, value in attributes.items() if value and value != "-"}
    return Fields(
        match["body"].removeprefix("\ufeff"), match["time"], level, service="" if match["app"] == "-" else match["app"], attributes=kept
    )


def _access(text: str) -> Fields | None:
    if not (match := _ACCESS.match(text)):
        return None
    path, _, query = (match["target"] or "").partition("?")
    status = int(match["status"])
    attributes: dict[str, Any] = {
        "http.request.method": match["method"],
        "url.path": path,
        "url.query": query,
        "http.response.status_code": status,
        "http.response.body.size": int(match["size"]) if match["size"].isdigit() else 0,
        "client.address": match["host"],
        "user_agent.original": match["agent"],
        "log.rest": match["rest"].strip(),
    }
    kept = {name: value for name, value in attributes.items() if value not in (None, "", "-")}
    return Fields(match["body"], match["time"], Severity.ERROR if status >= 500 else Severity.INFO, attributes=kept)


def _levelled(text: str) -> Fields | None:
    if basic := _PYTHON_BASIC.match(text):
        return Fields(basic["body"], level=basic["level"], logger=basic["logger"])
    if glog := _GLOG.match(text):
        return Fields(glog["body"], level=_GLOG_LEVELS[glog["level"]], logger=glog["logger"])
    if not (stamped := _STAMPED.match(text)):
        return None
    level = _LEVEL_IN.match(stamped["rest"])
    if not level:
        return Fields(stamped["rest"], stamped["time"], _level_of_plain(stamped["rest"]))
    after = _AFTER.match(level["after"])
    before = _LOGGER_BEFORE.search(level["before"])
    logger = before[1] if before else (after["logger"] or after["dotted"] or after["module"] or "") if after else ""
    body = after["body"] if after and not (before and after["logger"]) else level["after"].lstrip(" -:|")
    return Fields(body, stamped["time"], level["level"], logger=logger, attributes=_named(logger, level["before"], after))


def _named(logger: str, before: str, after: re.Match[str] | None) -> dict[str, Any]:
    bracketed = re.search(r"\[([^\]]+)\]", before)
    thread = bracketed[1] if bracketed else after["thread"] if after else None
    return {name: value.strip() for name, value in (("logger", logger), ("thread.name", thread)) if value}


def _logfmt(text: str) -> Fields | None:
    """`time=… level=… msg="…"`: at least three pairs, one of them a message or a level, from the line's start."""
    pairs = {key: _unquoted(value) for key, value in _PAIR.findall(text)} if "=" in text[:40] else {}
    if len(pairs) < 3 or not pairs.keys() & {"msg", "message", "level", "lvl"} or not _PAIR.match(text):
        return None
    return _from_mapping(dict(pairs))


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if len(value) > 1 and value[0] == value[-1] == '"' else value


def _level_of_plain(text: str) -> Any:
    if found := _PLAIN_LEVEL.match(text):
        return found["level"] or Severity.ERROR
    return None
