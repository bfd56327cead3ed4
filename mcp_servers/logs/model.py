"""The nouns of logs. Field names follow the OpenTelemetry log data model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any

from mcp_servers.kit.stack import StackTrace
from mcp_servers.logs.groupings import AS_IT_IS, Grouping


class Severity(IntEnum):
    """OpenTelemetry severity numbers, the first of each range."""

    UNSPECIFIED = 0
    TRACE = 1
    DEBUG = 5
    INFO = 9
    WARN = 13
    ERROR = 17
    FATAL = 21


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One entry after multi-line joining.

    `timestamp` is aware (UTC) or None when the line tells no time; `attributes` is what the line carried beside its message
    (dotted OpenTelemetry or ECS names kept as they are); `origin` names where it was read, for example `api.log:120`;
    `grouping` is what a person decided about the project's errors; `derived` keeps what was worked out from a record, so that it is worked
    out once.
    """

    timestamp: datetime | None
    severity: Severity
    body: str
    service: str = ""
    trace_id: str = ""
    release: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    trace: StackTrace | None = None
    origin: str = ""
    grouping: Grouping = AS_IT_IS
    derived: dict[str, Any] = field(init=False, compare=False, repr=False, default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Query:
    """What to read: a half-open window of time (either end may be open), words the text must hold, a least severity, services, and how many records at most."""

    since: datetime | None = None
    until: datetime | None = None
    text: str = ""
    severity: Severity = Severity.UNSPECIFIED
    services: tuple[str, ...] = ()
    limit: int = 100_000


@dataclass(frozen=True, slots=True)
class Reading:
    """Records in time order, with what was left out: nothing is cut silently."""

    records: tuple[LogRecord, ...]
    lines: int
    cut: bool = False
    notes: tuple[str, ...] = ()
