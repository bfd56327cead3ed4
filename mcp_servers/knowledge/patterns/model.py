"""The nouns of patterns: how code is configured to talk to what it depends on, with its values and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mcp_servers.knowledge.model import digest

Value = float | str | bool
KINDS = ("llm", "retry", "pool", "cache", "queue", "limit", "client", "timeout", "serialization")


@dataclass(frozen=True, slots=True)
class Use:
    """One place where a repository uses a pattern; `line` counts from 1, 0 where it is not known."""

    name: str
    kind: str
    parameters: Mapping[str, Value]
    path: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """A value of a pattern that a commit changed, and the reason that was given. `cause` names the case or issue it answers, if any."""

    repository: str
    pattern: str
    parameter: str
    old: Value
    new: Value
    path: str = ""
    commit: str = ""
    reason: str = ""
    cause: str = ""
    at: datetime | None = None

    @property
    def id(self) -> str:
        """The same for the same change, however often it is told."""
        parts = (self.repository, self.pattern, self.parameter, shown(self.old), shown(self.new), self.path, self.commit)
        return "change_" + digest(*parts)

    @property
    def told(self) -> str:
        return f"{self.parameter} {shown(self.old)} → {shown(self.new)}"


@dataclass(frozen=True, slots=True)
class Notice:
    """Word to a repository that a pattern which it uses was changed elsewhere; `ticket` is empty until one tells it."""

    repository: str
    change: Change
    has: Value
    ticket: str = ""


@dataclass(frozen=True, slots=True)
class AntiPattern:
    """A value that hurt: how it showed, how it is detected, what was done about it, and who still has it."""

    pattern: str
    symptom: str
    signal: str
    fix: str
    affected: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Metrics:
    """How a pattern does in production in one repository: a share, milliseconds and requests per second; None where nobody measured."""

    pattern: str
    repository: str
    error_rate: float | None = None
    latency_p50: float | None = None
    latency_p95: float | None = None
    latency_p99: float | None = None
    throughput_rps: float | None = None
    last_updated: datetime | None = None

    def figures(self) -> dict[str, float]:
        """What was measured, by name."""
        names = ("error_rate", "latency_p50", "latency_p95", "latency_p99", "throughput_rps")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a scan brings: by path the uses that are there now (none: the pattern is gone), and the changes that commits made."""

    uses: Mapping[str, list[Use]]
    changes: list[Change] = field(default_factory=list[Change])


def shown(value: Value) -> str:
    """The value as people write it: a whole number without a point, however a store gives it back."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
