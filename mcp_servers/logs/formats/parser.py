"""One entry of a source to a LogRecord, whatever its format."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from mcp_servers.kit.redaction import visible
from mcp_servers.kit.stack import StackTrace
from mcp_servers.logs import stacktrace
from mcp_servers.logs.formats.access import of_access, of_balancer
from mcp_servers.logs.formats.fields import Fields, Format
from mcp_servers.logs.formats.jsons import of_json
from mcp_servers.logs.formats.runtimes import RUNTIMES, of_named
from mcp_servers.logs.formats.severities import of_plain, severity_of
from mcp_servers.logs.formats.stamped import of_level_first, of_simple, of_stamped
from mcp_servers.logs.formats.syslog import of_kernel, of_syslog_line
from mcp_servers.logs.formats.tables import Extended, of_journal_export, of_logfmt, of_redis, of_row, of_slow_query
from mcp_servers.logs.formats.trailing import take_trailing
from mcp_servers.logs.model import LogRecord, Severity
from mcp_servers.logs.times import Clock

_STACKS = (
    "exception.stacktrace", "error.stack_trace", "stack_trace", "exc_info", "stack", "stacktrace", "traceback", "err.stack", "error.stack",
    "exception.traceback", "exc_text", "exception", "error", "trace",
)  # fmt: skip
_STACK_NAMES = frozenset(_STACKS)
_DEEPEST = 3


class Parser:
    """Parses the entries of one source. `service` and `fallback` name it when a record does not: before, and after, its logger's name.

    The format that fitted last is tried first; the formats exclude each other, so that a mixed file is read line by line all the same.
    """

    def __init__(self, reference: datetime, *, service: str = "", fallback: str = "") -> None:
        self._clock = Clock(reference)
        self._service = service
        self._fallback = fallback
        self._extended = Extended()
        self._formats: list[Format] = [
            *RUNTIMES,
            of_access,
            of_logfmt,
            of_redis,
            of_slow_query,
            of_journal_export,
        ]
        self._last: datetime | None = None
        self._depth = 0

    def parse(self, text: str, origin: str = "", observed: datetime | None = None) -> LogRecord:
        """The record of one entry. Without a time of its own it takes `observed`, else the time of the entry before it.

        Terminal colours and byte order marks are dropped; control, bidirectional and zero-width characters become visible escapes.
        """
        if not text.isprintable():
            text = _harmless(text)
        fields = self._fields(text)
        timestamp = observed or self._clock.read(fields.time) or self._last
        self._last = timestamp
        attributes, severity = fields.attributes, severity_of(fields.level)
        trace = _trace(fields) if "\n" in fields.body or not _STACK_NAMES.isdisjoint(attributes) else None
        return LogRecord(
            timestamp,
            Severity.ERROR if trace and not severity else severity,
            fields.body,
            fields.service or self._service or fields.logger or self._fallback,
            fields.trace_id,
            fields.release,
            attributes,
            trace,
            origin,
        )

    def _fields(self, text: str) -> Fields:
        first = text[:1]
        if first == "{" or (first.isspace() and text.lstrip()[:1] == "{"):
            return of_json(text, self._inner) or _plain(text)
        if first == "<" and (fields := of_syslog_line(text)):
            return fields
        if first in "123456789h" and (fields := of_simple(text) or of_balancer(text)):
            take_trailing(text, fields)
            return fields
        if fields := self._extended.read(text):
            return fields
        if fields := of_stamped(text, self._inner):
            take_trailing(text, fields)
            return fields
        return self._unstamped(text)

    def _unstamped(self, text: str) -> Fields:
        for position, known in enumerate(self._formats):
            if fields := known(text):
                if position:
                    self._formats.insert(0, self._formats.pop(position))
                return fields
        wrapped = of_row(text, self._inner) or of_named(text, self._inner) or of_level_first(text, self._inner)
        return wrapped or of_kernel(text) or self._behind_a_name(text) or _plain(text)

    def _behind_a_name(self, text: str) -> Fields | None:
        """`file.log 2026-…`, as `grep` and `tail` print lines: a name, then a moment."""
        name, _, rest = text.partition(" ")
        if rest[:4].isdigit() and "." in name and (fields := of_stamped(rest, self._inner)):
            fields.attributes = {"log.file.name": name.rstrip(":"), **fields.attributes}
            return fields
        return None

    def _inner(self, text: str) -> Fields:
        """The fields of a line that another format wrapped."""
        if self._depth >= _DEEPEST:
            return _plain(text)
        self._depth += 1
        try:
            return self._fields(text)
        finally:
            self._depth -= 1


def _plain(text: str) -> Fields:
    return Fields(text, level=of_plain(text))


def _harmless(text: str) -> str:
    return visible(text.replace("\ufeff", "").replace("\r\n", "\n").replace("\r", "\n"))


def _trace(fields: Fields) -> StackTrace | None:
    for name in _STACKS:
        value = fields.attributes.get(name)
        if isinstance(value, list):
            value = "\n".join(str(line) for line in cast(list[Any], value))
        if isinstance(value, str) and "\n" in value and (found := stacktrace.parse(value)):
            return found
    return stacktrace.parse(fields.body) if "\n" in fields.body else None
