"""What people and experience decided about guards. The guards themselves are kept by their lessons."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Column, MetaData, String, Table, Text, delete, func, insert, select

from mcp_servers.kit.database import Database, Migration
from mcp_servers.knowledge.guards.hits import Hit, Tally
from mcp_servers.knowledge.guards.model import State

METADATA = MetaData()
STATES = Table(
    "knowledge_guard_states",
    METADATA,
    Column("guard", String(64), primary_key=True),
    Column("at", String(32), nullable=False),
    *(Column(name, Text, nullable=False) for name in ("state", "reason", "actor")),
)
HITS = Table(
    "knowledge_guard_hits",
    METADATA,
    Column("guard", String(64), primary_key=True),
    Column("place", String(64), primary_key=True),
    Column("outcome", String(16), nullable=False),
)

MIGRATIONS: tuple[Migration, ...] = (METADATA.create_all,)


@dataclass(frozen=True, slots=True)
class Decision:
    """Why a guard is in a state, who said so and when."""

    state: State
    reason: str
    actor: str
    at: datetime


class GuardStore:
    """States and records of guards, by id. Every write may be repeated."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.migrate("knowledge_guards", MIGRATIONS)

    def decide(self, guard: str, decision: Decision) -> None:
        """Puts a guard into a state."""
        row = {"guard": guard, "state": decision.state, "reason": decision.reason, "actor": decision.actor}
        with self._database.transaction() as connection:
            connection.execute(delete(STATES).where(STATES.c.guard == guard))
            connection.execute(insert(STATES).values(**row, at=decision.at.astimezone(UTC).isoformat()))

    def decisions(self) -> dict[str, Decision]:
        """The last decision about each guard that somebody decided about."""
        with self._database.reading() as connection:
            rows = connection.execute(select(STATES)).mappings().all()
        return {row["guard"]: Decision(row["state"], row["reason"], row["actor"], datetime.fromisoformat(row["at"])) for row in rows}

    def add_hits(self, hits: Iterable[Hit]) -> None:
        """Notes what became of findings; the last outcome of a place counts."""
        last = {(hit.guard[:64], hit.place[:64]): hit.outcome for hit in hits}
        if not last:
            return
        with self._database.transaction() as connection:
            for guard, place in last:
                connection.execute(delete(HITS).where(HITS.c.guard == guard, HITS.c.place == place))
            rows = [{"guard": guard, "place": place, "outcome": outcome} for (guard, place), outcome in last.items()]
            connection.execute(insert(HITS), rows)

    def tallies(self) -> dict[str, Tally]:
        """The record of each guard that has one."""
        with self._database.reading() as connection:
            query = select(HITS.c.guard, HITS.c.outcome, func.count()).group_by(HITS.c.guard, HITS.c.outcome)
            rows = connection.execute(query).all()
        counts: dict[str, dict[str, int]] = {}
        for guard, outcome, count in rows:
            counts.setdefault(guard, {})[outcome] = count
        return {guard: Tally(told.get("accepted", 0), told.get("overruled", 0)) for guard, told in counts.items()}
