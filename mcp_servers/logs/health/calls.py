"""Who uses what, as a window of logs tells it: the parents of spans, what client spans name, and the hosts and databases in errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from mcp_servers.logs.health.dependencies import Kind, named
from mcp_servers.logs.health.spans import PARENT, SPAN, failed
from mcp_servers.logs.model import LogRecord

FEWEST = 3
"""So often an error must name a host before it counts as used; a span that names one is enough."""
_ADDRESS = ("peer.service", "server.address", "net.peer.name", "peer.hostname", "upstream_addr", "upstream.address")
_CACHES = frozenset({"redis", "valkey", "memcached"})
_USED: dict[Kind, Kind] = {"host": "host", "instance": "database", "database": "database"}


@dataclass(frozen=True, slots=True)
class Use:
    """`service` uses `name`. `scope` tells things of one name apart (empty: the name alone does); `told` is traced, named in errors or configured."""

    service: str
    kind: Kind
    name: str
    told: str
    scope: str = ""

    @property
    def identity(self) -> tuple[Kind, str]:
        return self.kind, self.scope or self.name


def recorded(rows: Iterable[Mapping[str, str]]) -> list[Use]:
    """What is on record, as rows that name service, kind, name, told and scope."""
    return [Use(row["service"], cast(Kind, row["kind"]), row["name"], row["told"], row["scope"]) for row in rows]


def uses(records: Sequence[LogRecord]) -> list[Use]:
    """What each service was seen to use, each once, by name."""
    found = {Use(*one, "traced"): 1 for one in [*_parents(records), *(use for record in records for use in _clients(record))]}
    blamed = Counter(use for record in records if record.service and failed(record) for use in _blamed(record))
    found |= {Use(*use, "named in errors"): count for use, count in blamed.items() if count >= FEWEST and Use(*use, "traced") not in found}
    return sorted(found, key=lambda one: (one.service, one.kind, one.name))


def _parents(records: Iterable[LogRecord]) -> Iterator[tuple[str, Kind, str]]:
    """The service of a span calls the services of its children."""
    spans: dict[tuple[str, str], str] = {}
    children: list[tuple[str, str, str]] = []
    for record in records:
        if record.trace_id and record.service and (span := _told(record, SPAN)):
            spans[record.trace_id, span] = record.service
            if parent := _told(record, PARENT):
                children.append((record.trace_id, parent, record.service))
    for trace, parent, service in children:
        caller = spans.get((trace, parent), service)
        if caller != service:
            yield caller, "service", service


def _clients(record: LogRecord) -> Iterator[tuple[str, Kind, str]]:
    """What the attributes of a client's span say that it talks to."""
    system = _told(record, ("db.system", "db.system.name")).lower()
    queue, peer = _told(record, ("messaging.system",)), _told(record, ("peer.service",))
    address = _told(record, _ADDRESS).partition(":")[0]
    if not record.service:
        return
    if system and (name := address or _told(record, ("db.name", "db.namespace"))):
        yield record.service, "cache" if system in _CACHES else "database", name
    elif queue and (name := address or _told(record, ("messaging.destination.name", "messaging.destination"))):
        yield record.service, "queue", name
    elif peer and peer != record.service:
        yield record.service, "service", peer


def _blamed(record: LogRecord) -> Iterator[tuple[str, Kind, str]]:
    for one in named(record):
        if one.kind in _USED and one.name != record.service:
            yield record.service, _USED[one.kind], one.name


def _told(record: LogRecord, names: Sequence[str]) -> str:
    given: Iterator[Any] = (record.attributes.get(name) for name in names)
    return next((str(one) for one in given if one), "")
