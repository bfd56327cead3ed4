"""Signed requests that were acted on: each one counts once, also among several processes."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, MetaData, String, Table, delete, insert, select

from mcp_servers.kit.database import Database, Migration
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.signatures import Signed

METADATA = MetaData()
REPLAYS = Table(
    "approval_replays",
    METADATA,
    Column("once", String(64), primary_key=True),
    Column("until", String(32), nullable=False),
)
KEPT = timedelta(days=30)
"""How long a request without a time of its own is remembered."""


def _create(connection: Connection) -> None:
    METADATA.create_all(connection)


MIGRATIONS: tuple[Migration, ...] = (_create,)


class Replays:
    """The store of what was spent; it forgets what is too old to be accepted again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.migrate("replays", MIGRATIONS)

    def spend(self, request: Signed, now: datetime, connection: Connection | None = None) -> None:
        """Returns the first time that this request comes; raises `Refusal` each other time. Inside the caller's transaction when given one."""
        if connection is None:
            with self._database.transaction() as own:
                self.spend(request, now, own)
            return
        connection.execute(delete(REPLAYS).where(REPLAYS.c.until < now.isoformat()))
        if connection.execute(select(REPLAYS.c.once).where(REPLAYS.c.once == request.once)).first():
            raise Refusal(f"This request of {request.scheme} was acted on already; nothing was done twice.", code="replayed")
        connection.execute(insert(REPLAYS).values(once=request.once, until=(request.until or now + KEPT).isoformat()))
