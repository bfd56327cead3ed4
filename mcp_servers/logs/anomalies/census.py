"""Every kind of line that a service writes, in the baseline and in the window: what is new, what is missing, what became slow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mcp_servers.logs.anomalies.kinds import kind_of
from mcp_servers.logs.digest import text_of
from mcp_servers.logs.model import LogRecord, Severity
from mcp_servers.logs.templates import Miner
from mcp_servers.logs.templates.catalogue import Mined, united
from mcp_servers.logs.traffic import answered, is_access, request_of


@dataclass(slots=True)
class LineKind:
    """One template of one service: its records before and in the window, in time order."""

    service: str
    text: str
    is_access: bool = False
    severity: Severity = Severity.UNSPECIFIED
    before: list[LogRecord] = field(default_factory=list[LogRecord])
    during: list[LogRecord] = field(default_factory=list[LogRecord])

    @property
    def title(self) -> str:
        return self.text[:160]


@dataclass(frozen=True, slots=True)
class Census:
    """All kinds of line of a call, and their templates. Records without a time are left out: they belong to no side of the window."""

    kinds: tuple[LineKind, ...]
    mined: tuple[Mined, ...] = ()

    @property
    def of_service(self) -> dict[str, list[LineKind]]:
        found: defaultdict[str, list[LineKind]] = defaultdict(list)
        for kind in self.kinds:
            found[kind.service].append(kind)
        return dict(found)


def take(window: Iterable[LogRecord], baseline: Sequence[LogRecord]) -> Census:
    """The census of both; empty without a baseline, since nothing can be compared then."""
    if not baseline:
        return Census(())
    miners: defaultdict[str, Miner] = defaultdict(Miner)
    seen = [(side, *_told(record, miners)) for side, records in enumerate((baseline, window)) for record in records if record.timestamp]
    kinds: dict[tuple[str, str], LineKind] = {}
    for side, record, told in seen:
        text = told if isinstance(told, str) else miners[record.service].template_of(told).text
        kind = kinds.setdefault((record.service, text), LineKind(record.service, text, isinstance(told, str)))
        kind.severity = max(kind.severity, record.severity)
        (kind.during if side else kind.before).append(record)
    return Census(tuple(kinds.values()), tuple(united(one for miner in miners.values() for one in miner.forms())))


def times(records: Iterable[LogRecord]) -> list[datetime]:
    """The times of these records, sorted."""
    return sorted(record.timestamp for record in records if record.timestamp is not None)


def _told(record: LogRecord, miners: Mapping[str, Miner]) -> tuple[LogRecord, str | int]:
    """What a record is counted as: the route and status of a request, else the number that its service's miner gives its kind."""
    if is_access(record):
        return record, answered(request_of(record))
    miner = miners[record.service]
    number = kind_of(record, text_of(record), miner)
    miner.count(number, 1, record.timestamp, record.timestamp)
    return record, number
