"""Any amount of log in a few thousand tokens: templates with counts, grave and rare ones first, and where every line went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mcp_servers.logs.model import LogRecord, Severity
from mcp_servers.logs.templates import Miner, Template
from mcp_servers.logs.templates.catalogue import Mined, united

MOST_SERVICES = 2_000
OTHER_SERVICES = "(other services)"


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
    """Takes records one by one, or kinds of them with counts, and keeps what their templates need, not the records.

    Services and severities have templates of their own unless `apart` is False.
    """

    def __init__(self, *, apart: bool = True) -> None:
        self._apart = apart
        self._miners: dict[tuple[Severity, str], Miner] = {}
        self._kinds: dict[tuple[Severity, str, int], int] = {}
        self._behind: list[tuple[Severity, str, int]] = []
        self.records = 0

    def empty(self) -> Digest:
        """One of the same make without anything in it."""
        return Digest(apart=self._apart)

    def add(self, record: LogRecord) -> None:
        self.count(self.kind(record), 1, record.timestamp, record.timestamp)

    def kind(self, record: LogRecord) -> int:
        """The number of the record's kind: severity, service, and what its message has in common with others."""
        severity, service = (record.severity, record.service) if self._apart else (Severity.UNSPECIFIED, "")
        if (severity, service) not in self._miners and len(self._miners) >= MOST_SERVICES:
            service = OTHER_SERVICES
        return self.kind_of(text_of(record), severity, service)

    def kind_of(self, text: str, severity: Severity = Severity.UNSPECIFIED, service: str = "") -> int:
        """The number of the kind of a bare message."""
        miner = self._miners.setdefault((severity, service), Miner())
        return self._number((severity, service, miner.kind(text)))

    def count(self, kind: int, records: int, first: datetime | None = None, last: datetime | None = None) -> None:
        """Book so many records of a kind, seen between these moments."""
        severity, service, number = self._behind[kind]
        self._miners[severity, service].count(number, records, first, last)
        self.records += records

    def absorb(self, other: Digest) -> list[int]:
        """Take over what another digest has counted. Item n of the answer is the number here of its kind n."""
        self.records += other.records
        known = {key: self._miners.setdefault(key, Miner()).absorb(miner) for key, miner in other._miners.items()}
        return [self._number((severity, service, known[severity, service][kind])) for severity, service, kind in other._behind]

    def lines(self) -> list[Line]:
        """Errors first, the rare ones before the frequent; then the rest, the frequent ones before the rare."""
        found = [
            Line(severity, service, template)
            for (severity, service), miner in self._miners.items()
            for template in miner.templates()
            if template.count
        ]  # fmt: skip
        return sorted(found, key=_order)

    def line_of(self, kind: int) -> Line:
        """The line of the digest that the records of a kind went into."""
        severity, service, number = self._behind[kind]
        return Line(severity, service, self._miners[severity, service].template_of(number))

    def forms(self) -> list[Mined]:
        """Every template with its forms, over all services and severities: what a catalogue needs."""
        return united(one for miner in self._miners.values() for one in miner.forms())

    def template_of(self, record: LogRecord) -> str:
        """The id of the template that this record belongs to, empty for a record of another kind than those added."""
        miner = self._miners.get((record.severity, record.service))
        template = miner.assign(text_of(record)) if miner else None
        return template.id if template else ""

    def _number(self, key: tuple[Severity, str, int]) -> int:
        number = self._kinds.get(key)
        if number is None:
            number = self._kinds[key] = len(self._behind)
            self._behind.append(key)
        return number


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
