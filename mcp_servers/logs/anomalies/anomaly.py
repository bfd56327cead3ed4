"""The nouns of detection: an anomaly with its evidence, and what a detector hands in before it is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from mcp_servers.kit.stack import StackTrace
from mcp_servers.logs.anomalies.quiet import LeftAlone
from mcp_servers.logs.fingerprint import Fingerprint
from mcp_servers.logs.model import LogRecord
from mcp_servers.logs.templates import Template
from mcp_servers.logs.templates.catalogue import Mined
from mcp_servers.logs.traffic import Request

Kind = Literal[
    "new_error", "rate_spike", "repeated_error", "truncation", "slow", "duplicate", "new_template",
    "vanished", "latency_shift", "trend", "security", "resource", "business", "infrastructure",
]  # fmt: skip
Level = Literal["HIGH", "MEDIUM", "LOW"]

LONGEST_BODY = 2000
_STACKS = ("exception.stacktrace", "exc_info", "stack")


@dataclass(frozen=True, slots=True)
class Symptom:
    """Something else that the same requests said; `title` is one such message with its numbers."""

    title: str
    template: str
    count: int
    sample: str


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One problem with its evidence. `concurrency` is the most requests at a time, `requests` how many the service answered in the window.

    `healable` says whether a change of the watched code or its configuration is thinkable; what is not is for people only.
    """

    id: str
    kind: Kind
    title: str
    service: str
    severity: Level
    error_type: str
    healable: bool
    fingerprint: Fingerprint
    template: Template
    count: int
    requests: int
    rate_per_minute: float
    first_seen: datetime
    last_seen: datetime
    onset: datetime
    releases: dict[str, int]
    trace: StackTrace | None
    message: str
    numbers: dict[str, float]
    samples: tuple[LogRecord, ...]
    request: tuple[Request, ...]
    concurrency: int
    also: tuple[Symptom, ...]
    explain: str

    def as_json(self) -> dict[str, Any]:
        """The value that a case stores as evidence; `trace` is left out when there is none."""
        plain = (
            *("id", "kind", "title", "service", "severity", "error_type", "healable", "count", "requests", "rate_per_minute"),
            *("releases", "message", "numbers"),
        )
        value: dict[str, Any] = {name: getattr(self, name) for name in plain}
        value |= {name: getattr(self, name).isoformat() for name in ("first_seen", "last_seen", "onset")}
        value["fingerprint"] = self.fingerprint.as_json()
        value["template"] = {"id": self.template.id, "text": self.template.text}
        value["samples"] = [_sample_json(record) for record in self.samples]
        value["request"] = [request.as_json() for request in self.request]
        value["concurrency"] = self.concurrency
        value["also"] = [{"title": one.title, "template": one.template, "count": one.count, "sample": one.sample} for one in self.also]
        value["explain"] = self.explain
        return value if self.trace is None else {**value, "trace": self.trace.as_json()}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a detector saw beside the errors. `p` is None for a rule; a test counts only when it survives the correction of the call.

    `records` are evidence (none for what stayed away), `count` how often it was, `told` one or two sentences with the numbers.
    """

    kind: Kind
    level: Level
    service: str
    title: str
    told: str
    count: int
    records: tuple[LogRecord, ...] = ()
    p: float | None = None
    numbers: Mapping[str, float] = field(default_factory=dict[str, float])
    onset: datetime | None = None
    healable: bool = False
    error_type: str = ""


@dataclass(frozen=True, slots=True)
class Noticed:
    """What one detector has to say: candidates, what it left alone, and how many tests it made to find them."""

    findings: tuple[Finding, ...] = ()
    left_alone: tuple[LeftAlone, ...] = ()
    tests: int = 0


@dataclass(frozen=True, slots=True)
class Statistics:
    """The tests of a call under one correction: of those that passed, at most the share `q` may be chance; `expected_false` is that many."""

    tests: int = 0
    passed: int = 0
    q: float = 0.01

    @property
    def expected_false(self) -> float:
        return round(self.q * self.passed, 4)


@dataclass(frozen=True, slots=True)
class Findings:
    """The anomalies, gravest first, what looked like one but is not, how much of it may be chance, and every template seen on the way."""

    anomalies: tuple[Anomaly, ...]
    left_alone: tuple[LeftAlone, ...]
    statistics: Statistics = Statistics()
    mined: tuple[Mined, ...] = ()


def _sample_json(record: LogRecord) -> dict[str, Any]:
    value: dict[str, Any] = {"body": record.body[:LONGEST_BODY], "origin": record.origin, "trace_id": record.trace_id}
    value = {name: text for name, text in value.items() if text}
    if record.timestamp is not None:
        value["at"] = record.timestamp.isoformat()
    attributes = {name: item for name, item in record.attributes.items() if name not in _STACKS}
    return {**value, "attributes": attributes} if attributes else value
