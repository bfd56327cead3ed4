"""The ledger: append-only events, each hash covering the one before. A case is a fold over its events; nothing else is stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Connection, Index, Integer, MetaData, String, Table, func, insert, select

from mcp_servers.cases import leases
from mcp_servers.cases.model import Case, Event, State
from mcp_servers.cases.policy import PROPOSALS, SETTLED, advance, fold
from mcp_servers.kit.database import Database, Migration
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.redaction import clean

METADATA = MetaData()
EVENTS = Table(
    "case_events",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("case_id", String(60), nullable=False, index=True),
    Column("kind", String(30), nullable=False),
    Column("at", String(32), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("data", JSON, nullable=False),
    Column("key", String(200), nullable=False),
    Column("fingerprint", String(80), nullable=False, default=""),
    Column("hash", String(64), nullable=False),
    Index("case_events_once", "case_id", "key", unique=True),
    Index("case_events_fingerprint", "fingerprint"),
)


def _create(connection: Connection) -> None:
    METADATA.create_all(connection, tables=[EVENTS])


MIGRATIONS: tuple[Migration, ...] = (_create,)
GENESIS = "0" * 64
LOOP = "loop"
"""The stream of events that belong to no case: pause and resume."""


class Ledger:
    """What happened, in order, by whom. Several processes may append at once: each append is one transaction."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self.database = database
        self._clock = clock
        database.migrate("cases", MIGRATIONS)

    def now(self) -> datetime:
        return self._clock()

    def append(
        self, case: str, kind: str, data: Mapping[str, Any], *, actor: str, key: str = "", connection: Connection | None = None
    ) -> Case:
        """The case after the event. With a `key` the same event is written once: a repetition changes nothing.
        Raises `Refusal` by the law, and for a driver whose lease went to another."""
        with _joined(self.database, connection) as open_connection:
            leases.check(open_connection)
            current = self._fold(case, open_connection)
            if key and self._written(case, f"{kind}:{key}", open_connection) and current is not None:
                return current
            event = self._event(case, kind, data, actor)
            after = advance(current, event)
            self._write(event, key, after.fingerprint if kind == "opened" else "", open_connection)
            return after

    def open_case(self, project: str, anomaly: Mapping[str, Any], *, actor: str) -> tuple[Case, bool]:
        """The case of this anomaly's fingerprint and whether it is new. A case that was verified regresses; one that is under way counts the recurrence."""
        fingerprint = f"{project}:{anomaly['fingerprint']['coarse']}"
        with self.database.transaction() as connection:
            known = self._cases_of(fingerprint, connection) or self._formerly(project, anomaly, connection)
            live = next((case for case in known if case.state is not State.FALSE_POSITIVE), None)
            if live is not None:
                return self._again(live, anomaly, actor, connection), False
            if known:
                return known[-1], False
            case_id = self._free_id(fingerprint, connection)
            data = {
                "project": project,
                "title": anomaly["title"],
                "service": anomaly.get("service", ""),
                "severity": anomaly.get("severity", "MEDIUM"),
                "fingerprint": fingerprint,
                "evidence": dict(anomaly),
            }
            event = self._event(case_id, "opened", data, actor)
            opened = advance(None, event)
            self._write(event, "opened", fingerprint, connection)
            return opened, True

    def case(self, case: str, connection: Connection | None = None) -> Case:
        """The case as it stands (for a caller's transaction, when given); raises `Refusal` when there is none of that id."""
        with nullcontext(connection) if connection is not None else self.database.reading() as open_connection:
            found = self._fold(case, open_connection)
        if found is None:
            raise Refusal(f"There is no case {case!r}; `kintsugi cases` lists them.", code="unknown_case")
        return found

    def cases(self, project: str = "", states: Sequence[State] = ()) -> list[Case]:
        """All cases, newest first, of one project and of some states when given."""
        with self.database.reading() as connection:
            rows = connection.execute(select(EVENTS).where(EVENTS.c.case_id != LOOP).order_by(EVENTS.c.number)).all()
        streams: dict[str, list[Event]] = {}
        for row in rows:
            streams.setdefault(row.case_id, []).append(_event_of(row))
        cases = [fold(events) for events in streams.values()]
        wanted = [c for c in cases if (not project or c.project == project) and (not states or c.state in states)]
        return sorted(wanted, key=lambda case: case.opened, reverse=True)

    def events(self, case: str, connection: Connection | None = None) -> list[Event]:
        with nullcontext(connection) if connection is not None else self.database.reading() as open_connection:
            return self._events(case, open_connection)

    def events_since(self, number: int) -> list[Event]:
        """What has happened to any case after event `number`, in order."""
        query = select(EVENTS).where(EVENTS.c.number > number, EVENTS.c.case_id != LOOP).order_by(EVENTS.c.number)
        with self.database.reading() as connection:
            return [_event_of(row) for row in connection.execute(query)]

    def case_of_fix(self, fix: str) -> Case:
        """The case that a proposal belongs to; raises `Refusal` for an unknown fix id."""
        query = select(EVENTS.c.case_id, EVENTS.c.data).where(EVENTS.c.kind.in_(PROPOSALS)).order_by(EVENTS.c.number.desc())
        with self.database.reading() as connection:
            found = next((row.case_id for row in connection.execute(query).all() if row.data.get("fix") == fix), "")
            if found:
                return self.case(found, connection)
        raise Refusal(f"There is no fix {fix!r}; `kintsugi cases` lists what waits for a decision.", code="unknown_fix")

    def count_since(self, kind: str, since: datetime) -> int:
        query = select(func.count()).where(EVENTS.c.kind == kind, EVENTS.c.at >= _text(since))
        with self.database.reading() as connection:
            return connection.scalar(query) or 0

    def pause(self, paused: bool, *, actor: str, reason: str = "") -> None:
        """Sets the switch that stops every write of every driver, or releases it."""
        with self.database.transaction() as connection:
            if self._paused(connection)[0] != paused:
                event = self._event(LOOP, "paused" if paused else "resumed", {"reason": reason}, actor)
                self._write(event, "", "", connection)

    def check_lease(self) -> None:
        """Raises `Refusal` when the case that this driver works on went to another driver."""
        with self.database.reading() as connection:
            leases.check(connection)

    def paused(self) -> tuple[bool, str]:
        """Whether healing is paused, and who said why."""
        with self.database.reading() as connection:
            return self._paused(connection)

    def verify_chain(self) -> int:
        """The number of events; raises `Refusal` naming the first one whose hash does not follow from the one before."""
        previous, count = GENESIS, 0
        with self.database.reading() as connection:
            for row in connection.execute(select(EVENTS).order_by(EVENTS.c.number)):
                event = _event_of(row)
                if event.hash != _hash(event, previous):
                    raise Refusal(f"Event {event.number} of the ledger was altered: its hash does not follow.", code="chain_broken")
                previous, count = event.hash, count + 1
        return count

    def _free_id(self, fingerprint: str, connection: Connection) -> str:
        digest = hashlib.sha256(fingerprint.encode()).hexdigest()
        ids = (f"case_{digest[:length]}" for length in range(8, 65))
        return next(case_id for case_id in ids if not self._events(case_id, connection))

    def _again(self, case: Case, anomaly: Mapping[str, Any], actor: str, connection: Connection) -> Case:
        seen = str(anomaly.get("last_seen", ""))
        if seen and seen <= str(case.evidence.get("last_seen", "")):
            return case
        if case.state in SETTLED:
            deployed = case.times.get("deployed", case.opened)
            if not seen or seen <= _text(deployed) or not _release_is_new(case, anomaly):
                return case
            data = {"reason": f"seen again at {seen}, after the fix was verified"}
            return self.append(case.id, "regressed", data, actor=actor, connection=connection)
        if case.state in {State.OPEN, State.DIAGNOSED}:
            data = {"count": anomaly.get("count", 1), "evidence": dict(anomaly)}
            minute = seen[:16]  # however often a driver looks, a case is not written to more than once a minute
            return self.append(case.id, "recurred", data, actor=actor, key=minute, connection=connection)
        return case

    def _event(self, case: str, kind: str, data: Mapping[str, Any], actor: str) -> Event:
        return Event(0, case, kind, self._clock(), actor, clean(json.loads(json.dumps(data, default=str))))

    def _write(self, event: Event, key: str, fingerprint: str, connection: Connection) -> None:
        last = connection.execute(select(EVENTS.c.number, EVENTS.c.hash).order_by(EVENTS.c.number.desc()).limit(1)).first()
        number = (last.number if last else 0) + 1
        connection.execute(
            insert(EVENTS).values(
                number=number,
                case_id=event.case,
                kind=event.kind,
                at=_text(event.at),
                actor=event.actor,
                data=event.data,
                key=f"{event.kind}:{key}" if key else f"#{number}",
                fingerprint=fingerprint,
                hash=_hash(event, last.hash if last else GENESIS),
            )
        )

    def _written(self, case: str, key: str, connection: Connection) -> bool:
        query = select(EVENTS.c.number).where(EVENTS.c.case_id == case, EVENTS.c.key == key)
        return connection.execute(query).first() is not None

    def _events(self, case: str, connection: Connection) -> list[Event]:
        query = select(EVENTS).where(EVENTS.c.case_id == case).order_by(EVENTS.c.number)
        return [_event_of(row) for row in connection.execute(query)]

    def _fold(self, case: str, connection: Connection) -> Case | None:
        events = self._events(case, connection)
        return fold(events) if events else None

    def _formerly(self, project: str, anomaly: Mapping[str, Any], connection: Connection) -> list[Case]:
        """The cases that an older version of the fingerprint opened for the same error."""
        former = anomaly["fingerprint"].get("former")
        return self._cases_of(f"{project}:{former}", connection) if former else []

    def _cases_of(self, fingerprint: str, connection: Connection) -> list[Case]:
        query = select(EVENTS.c.case_id).where(EVENTS.c.fingerprint == fingerprint).order_by(EVENTS.c.number)
        return [fold(self._events(row.case_id, connection)) for row in connection.execute(query).all()]

    def _paused(self, connection: Connection) -> tuple[bool, str]:
        events = self._events(LOOP, connection)
        if not events or events[-1].kind != "paused":
            return False, ""
        return True, f"by {events[-1].actor}: {events[-1].data.get('reason') or 'no reason given'}"


def _joined(database: Database, connection: Connection | None) -> Any:
    return nullcontext(connection) if connection is not None else database.transaction()


def _release_is_new(case: Case, anomaly: Mapping[str, Any]) -> bool:
    """Stale instances of an older release do not make a fix regress."""
    releases: Mapping[str, Any] = anomaly.get("releases") or {}
    return not case.release or not releases or case.release in releases


def _hash(event: Event, previous: str) -> str:
    content = json.dumps(
        [previous, event.case, event.kind, _text(event.at), event.actor, event.data],
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")


def _event_of(row: Any) -> Event:
    return Event(row.number, row.case_id, row.kind, datetime.fromisoformat(row.at), row.actor, row.data, row.hash)
