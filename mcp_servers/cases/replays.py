"""The one door for signed requests from outside: known by their bytes, in time, and acted on once, also among several processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, MetaData, String, Table, delete, insert, select

from mcp_servers.kit.database import Database, Migration
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.signatures import Signed, verify

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

    def admit(
        self, scheme: str, headers: Mapping[str, str], body: bytes, keys: Sequence[str], now: datetime, connection: Connection | None = None
    ) -> Signed:
        """The request as `verify` knows it, the first time that it comes. Inside the caller's transaction when given one: then it is
        spent with what it does, or not at all. Raises `Refusal` for one that is forged, altered, too old or acted on already."""
        request = verify(scheme, headers, body, keys, now)
        with nullcontext(connection) if connection is not None else self._database.transaction() as open_connection:
            _spend(request, now, open_connection)
        return request


def _spend(request: Signed, now: datetime, connection: Connection) -> None:
    connection.execute(delete(REPLAYS).where(REPLAYS.c.until < now.isoformat()))
    if connection.execute(select(REPLAYS.c.once).where(REPLAYS.c.once == request.once)).first():
        raise Refusal(f"This request of {request.scheme} was acted on already; nothing was done twice.", code="replayed")
    connection.execute(insert(REPLAYS).values(once=request.once, until=(request.until or now + KEPT).isoformat()))
