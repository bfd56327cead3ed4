"""Any amount of log in a few thousand tokens: templates with counts, grave and rare ones first, and where every line went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mcp_servers.logs.model import LogRecord, Severity
from mcp_servers.logs.templates import Miner, Template


@dataclass(frozen=True, slots=True)
class Line:
    """One template of one service and severity."""

    severity: Severity
    service: str
    template: Template

    @property
    def span(self) -> tuple[datetime | None, datetime | None]:
        return self.template.first, self.template.last


class Digest:
    """Takes records one by one and keeps what their templates need, not the records."""

    def __init__(self) -> None:
        self._miners: dict[tuple[Severity, str], Miner] = {}
        self.records = 0

    def add(self, record: LogRecord) -> None:
        self.records += 1
        self._miners.setdefault((record.severity, record.service), Miner()).add(text_of(record), record.timestamp)

    def lines(self) -> list[Line]:
        """Errors first, the rare ones before the frequent; then the rest, the frequent ones before the rare."""
        found = [
            Line(severity, service, template)
            for (severity, service), miner in self._miners.items()
            for template in miner.templates()
        ]  # fmt: skip
        return sorted(found, key=_order)

    def template_of(self, record: LogRecord) -> str:
        """The id of the template that this record belongs to, empty for a record of another kind than those added."""
        miner = self._miners.get((record.severity, record.service))
        template = miner.assign(text_of(record)) if miner else None
        return template.id if template else ""


def text_of(record: LogRecord) -> str:
    """What a record says, in one line where it holds a stack trace: its message, and the exception that was its cause."""
    if record.trace is None:
        return record.body or "(no message)"
    first, root = record.body.partition("\n")[0].strip(), record.trace.root
    cause = f"{root.type}: {root.message.partition(chr(10))[0]}".rstrip(": ")
    if not first or first.startswith("Traceback ") or cause in first:
        return first if cause in first else cause
    return f"{first} | {cause}"


def _order(line: Line) -> tuple[bool, int, int, str, str]:
    grave = line.severity >= Severity.WARN
    count = line.template.count
    return not grave, -line.severity if grave else 0, count if grave else -count, line.service, line.template.text
