"""Who works on a case now: a lease for each case with a fencing number, and a beat for each driver that shows it lives.

No clock is compared with another. A driver is dead when its beat stood still for `lapse` seconds of the watcher's own monotonic clock, or when
the watcher's system says so. The number of a lease only rises; whoever comes back late with an old one is refused inside the transaction that
would have written. (The lock client of DynamoDB works like this; for fencing, Kleppmann, "How to do distributed locking", 2016.)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, insert, select, update

from mcp_servers.kit.database import Database, Migration
from mcp_servers.kit.errors import Refusal

METADATA = MetaData()
LEASES = Table(
    "case_leases",
    METADATA,
    Column("case_id", String(60), primary_key=True),
    Column("holder", String(200), nullable=False),
    Column("fence", Integer, nullable=False),
)
DRIVERS = Table(
    "case_drivers",
    METADATA,
    Column("id", String(200), primary_key=True),
    Column("beat", Integer, nullable=False),
)


def _create(connection: Connection) -> None:
    METADATA.create_all(connection)


MIGRATIONS: tuple[Migration, ...] = (_create,)
LAPSE = 20.0
"""Seconds without a beat after which others may take a driver's cases."""
FENCED = "fenced"
"""The code of the refusal that a late writer gets."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to move one case on. `fence` is higher than that of every lease of this case before."""

    case: str
    holder: str
    fence: int


_HELD: ContextVar[Lease | None] = ContextVar("_HELD", default=None)


@contextmanager
def holding(lease: Lease) -> Generator[None]:
    """Within it, every write to the ledger, of the tools that are called too, happens only while the lease stands."""
    token = _HELD.set(lease)
    try:
        yield
    finally:
        _HELD.reset(token)


def check(connection: Connection) -> None:
    """Raises `Refusal` (`fenced`) when the lease that this work is done under has gone to another driver. Work under no lease passes."""
    lease = _HELD.get()
    if lease is None:
        return
    row = _row(lease.case, connection)
    if row is None or (row.holder, row.fence) != (lease.holder, lease.fence):
        raise Refusal(
            f"Case {lease.case} went to another driver while this one stood still; nothing more was written here. It goes on there.",
            code=FENCED,
        )


class Leases:
    """The leases of one driver. `gone` says of another driver's id whether it is known to be dead, without waiting for its beat."""

    def __init__(
        self,
        database: Database,
        holder: str,
        *,
        lapse: float = LAPSE,
        gone: Callable[[str], bool] = lambda _: False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._holder = holder
        self._lapse = lapse
        self._gone = gone
        self._monotonic = monotonic
        self._held: dict[str, Lease] = {}
        self._seen: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()
        database.migrate("leases", MIGRATIONS)

    def take(self, case: str) -> Lease | None:
        """The lease of the case, the same one while this driver keeps it; None while another driver that may live has it."""
        if (held := self._held.get(case)) is not None and self._stands(held):
            return held
        with self._database.transaction() as connection:
            row = _row(case, connection)
            if row is not None and row.holder not in {"", self._holder} and not self._dead(row.holder, connection):
                return None
            lease = Lease(case, self._holder, (row.fence if row is not None else 0) + 1)
            self._write(lease, row is None, connection)
            self._beat(connection)  # whoever watched this driver while it had nothing to do starts to count anew
        with self._lock:
            self._held[case] = lease
        return lease

    def release(self, case: str) -> None:
        """Lets the case go, if it is still this driver's; its fencing number stays."""
        with self._lock:
            lease = self._held.pop(case, None)
        if lease is None:
            return
        mine = (LEASES.c.case_id == case, LEASES.c.holder == lease.holder, LEASES.c.fence == lease.fence)
        with self._database.transaction() as connection:
            connection.execute(update(LEASES).where(*mine).values(holder=""))

    def beat(self) -> None:
        """Shows others that this driver lives; without a lease there is nothing to show."""
        if self._held:
            with self._database.transaction() as connection:
                self._beat(connection)

    def sign(self, case: str) -> tuple[str, int] | None:
        """Who has the case and their beat, which moves while they live; None when nobody has it, or one who is known to be dead."""
        with self._database.reading() as connection:
            row = _row(case, connection)
            if row is None or row.holder in {"", self._holder} or self._gone(row.holder):
                return None
            return row.holder, _beat_of(row.holder, connection)

    def _stands(self, lease: Lease) -> bool:
        with self._database.reading() as connection:
            row = _row(lease.case, connection)
        return row is not None and (row.holder, row.fence) == (lease.holder, lease.fence)

    def _dead(self, holder: str, connection: Connection) -> bool:
        if self._gone(holder):
            return True
        beat, now = _beat_of(holder, connection), self._monotonic()
        with self._lock:
            known, since = self._seen.get(holder, (-1, now))
            if known != beat:
                self._seen[holder] = (beat, now)
                return False
        return now - since >= self._lapse

    def _write(self, lease: Lease, new: bool, connection: Connection) -> None:
        values = {"holder": lease.holder, "fence": lease.fence}
        if new:
            connection.execute(insert(LEASES).values(case_id=lease.case, **values))
        else:
            connection.execute(update(LEASES).where(LEASES.c.case_id == lease.case).values(**values))

    def _beat(self, connection: Connection) -> None:
        beaten = connection.execute(update(DRIVERS).where(DRIVERS.c.id == self._holder).values(beat=DRIVERS.c.beat + 1))
        if not beaten.rowcount:
            connection.execute(insert(DRIVERS).values(id=self._holder, beat=1))


def _row(case: str, connection: Connection) -> Any:
    return connection.execute(select(LEASES.c.holder, LEASES.c.fence).where(LEASES.c.case_id == case)).first()


def _beat_of(holder: str, connection: Connection) -> int:
    return connection.scalar(select(DRIVERS.c.beat).where(DRIVERS.c.id == holder)) or 0
