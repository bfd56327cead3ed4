"""Logs in columns or blocks: RAS rows of large machines, W3C extended files, the journal's export, databases' own layouts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from mcp_servers.logs.formats.fields import HEADER, Fields, told
from mcp_servers.logs.formats.mapping import from_mapping
from mcp_servers.logs.formats.severities import of_plain
from mcp_servers.logs.model import Severity

_LABELLED = re.compile(r"(?P<label>\S+) (?P<epoch>1?\d{9}) \d{4}\.\d\d\.\d\d (?P<node>\S+) ")
_NUMBERED = re.compile(r"\d+ (?P<columns>(?:[^\s\"]+ ){1,4}?)(?P<epoch>1?\d{9})(?: \d{1,2})? (?=[A-Za-z(\\])")
_REDIS = re.compile(r"(?P<pid>\d+):(?P<role>[XCSM]) (?P<time>\d{1,2} [A-Z][a-z]{2} (?:\d{4} )?[\d:.]+) (?P<level>[.*#-]) ")
_REDIS_LEVELS = {".": Severity.DEBUG, "-": Severity.DEBUG, "*": Severity.INFO, "#": Severity.WARN}
_SLOW_TIME = re.compile(r"# Time: (\S+(?: +[\d:]+)?)")
_SLOW_USER = re.compile(r"# User@Host: (\S*?)\[[^\]]*\] @ (\S*) ?\[([\d.:a-f]*)\]")
_SLOW_PART = re.compile(r"(\w+): ([\d.]+)")
_SLOW_QUERY = re.compile(r"^(?!#|SET timestamp=|use \w+;)(?=\S)", re.M)
_AUDIT = re.compile(r"(?:node=(?P<node>\S+) )?type=(?P<type>\w+) msg=audit\((?P<epoch>\d+\.\d+):(?P<serial>\d+)\): ?")
_PAIR = re.compile(r'(?:^|\s)([A-Za-z_@][\w.@/-]*)=("(?:[^"\\]|\\.)*"|\S*)')
_MARKS = frozenset({"msg", "message", "level", "lvl", "at", "severity"})
_REQUEST = frozenset({"method", "path", "status"})


def of_row(text: str, inner: Callable[[str], Fields]) -> Fields | None:
    """A row whose moment is a column of epoch seconds: `label epoch date node …` around a line, or `number node component … epoch message`."""
    if found := _LABELLED.match(text, 0, HEADER):
        fields = inner(text[found.end() :])
        fields.time = found["epoch"]
        fields.attributes = told(host__name=found["node"], label=found["label"]) | fields.attributes
        return fields
    if found := _NUMBERED.match(text, 0, HEADER):
        node, *others = found["columns"].split()
        body = text[found.end() :]
        logger = others[0] if others else ""
        attributes = told(host__name=node, logger=logger, event__name=others[1] if len(others) > 1 else "")
        return Fields(body, found["epoch"], of_plain(body), logger=logger, attributes=attributes)
    return None


def of_redis(text: str) -> Fields | None:
    if found := _REDIS.match(text):
        attributes = told(process__pid=int(found["pid"]))
        return Fields(text[found.end() :], found["time"], _REDIS_LEVELS[found["level"]], attributes=attributes)
    return None


def of_slow_query(text: str) -> Fields | None:
    """MySQL's slow log: comment lines with the moment, the user and the cost, then the statement."""
    if not text.startswith(("# Time: ", "# User@Host: ")):
        return None
    time, user = _SLOW_TIME.match(text), _SLOW_USER.search(text[:HEADER])
    parts = dict(_SLOW_PART.findall(next((line for line in text.split("\n") if line.startswith("# Query_time")), "")))
    query = _SLOW_QUERY.search(text)
    stamp = re.search(r"^SET timestamp=(\d+)", text[: 4 * HEADER], re.M)
    attributes: dict[str, Any] = told(user__name=user[1] if user else "", client__address=(user[2] or user[3]) if user else "")
    if "Query_time" in parts and parts["Query_time"].count(".") <= 1:
        attributes["event.duration"] = int(float(parts["Query_time"]) * 1e9)
    return Fields(text[query.start() :] if query else text, time[1] if time else stamp[1] if stamp else None, attributes=attributes)


def of_logfmt(text: str) -> Fields | None:
    """`time=… level=… msg="…"`: at least three pairs from the line's start, one of them a message or a level; and the auditor's lines."""
    if "=" not in text[:40]:
        return None
    if found := _AUDIT.match(text, 0, HEADER):
        attributes = told(host__name=found["node"], event__id=found["serial"]) | {
            name: _unquoted(value) for name, value in _PAIR.findall(text[found.end() :])
        }
        return Fields(text[found.end() :], found["epoch"], logger=found["type"], attributes=attributes)
    if not _PAIR.match(text):
        return None
    pairs = {name: _unquoted(value) for name, value in _PAIR.findall(text)}
    if len(pairs) < 3 or not (pairs.keys() & _MARKS or pairs.keys() >= _REQUEST):
        return None
    fields = from_mapping(dict(pairs))
    return fields if pairs.keys() & {"msg", "message", "event"} else _with_body(fields, text)


def of_journal_export(text: str) -> Fields | None:
    """One block of `journalctl -o export`."""
    if not text.startswith(("__CURSOR=", "__REALTIME_TIMESTAMP=")):
        return None
    return from_mapping(dict(line.split("=", 1) for line in text.split("\n") if "=" in line))


class Extended:
    """W3C extended files (IIS, CloudFront): the `#Fields:` line names the columns of the lines behind it."""

    def __init__(self) -> None:
        self._columns: list[str] = []

    def read(self, text: str) -> Fields | None:
        if text.startswith("#"):
            if text.startswith("#Fields:"):
                self._columns = text[8:].split()
            return None
        values = text.split("\t") if "\t" in text else text.split(" ")
        if not self._columns or len(values) != len(self._columns):
            return None
        row = {name: value for name, value in zip(self._columns, values, strict=True) if value not in ("-", "")}
        time = f"{row.pop('date', '')} {row.pop('time', '')}".strip()
        status, method, path = row.get("sc-status", ""), row.get("cs-method", ""), row.get("cs-uri-stem", "")
        attributes: dict[str, Any] = {_W3C.get(name, name): value for name, value in row.items()}
        if status.isdecimal():
            attributes["http.response.status_code"] = int(status)
        taken = row.get("time-taken", "")
        if taken.replace(".", "", 1).isdecimal():
            attributes["http.server.request.duration"] = float(taken) / (1 if "." in taken else 1e3)
        severity = Severity.UNSPECIFIED if not status else Severity.ERROR if status[0] == "5" else Severity.INFO
        return Fields(
            f'"{method} {path}" {status}' if method and path else " ".join(row.values()) or text, time, severity, attributes=attributes
        )


_W3C = {
    "cs-method": "http.request.method", "cs-uri-stem": "url.path", "cs-uri-query": "url.query", "c-ip": "client.address", "s-ip": "server.address",
    "cs(User-Agent)": "user_agent.original", "cs-username": "user.name", "s-port": "server.port", "s-computername": "host.name",
}  # fmt: skip


def _with_body(fields: Fields, text: str) -> Fields:
    fields.body = text
    return fields


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if len(value) > 1 and value[0] == value[-1] == '"' else value
