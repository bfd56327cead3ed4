"""State: SQLAlchemy Core on SQLite by default (WAL, every write transaction begun IMMEDIATE), on PostgreSQL by URL."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from sqlalchemy import Column, Connection, Engine, Integer, MetaData, String, Table, create_engine, event, func, insert, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError, SQLAlchemyError

from mcp_servers.kit.errors import KintsugiError, Misconfigured, Unavailable

Migration = Callable[[Connection], None]

_META = MetaData()
_MIGRATIONS = Table(
    "kintsugi_migrations",
    _META,
    Column("slice", String(40), primary_key=True),
    Column("step", Integer, primary_key=True, autoincrement=False),
)
_WRITER_LOCK = 0x6B696E74  # one advisory lock for writers on PostgreSQL: the ledger is one chain
_MOST_IDLE = 15_000  # milliseconds


class Database:
    """One store for a user or a team. Threads and processes may share it; writers take turns."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str) -> Database:
        """Opens and prepares the store behind a SQLAlchemy URL; raises `Misconfigured` when it is no URL, unreadable or damaged."""
        try:
            parsed = make_url(url)
            if parsed.get_backend_name() == "sqlite":
                return cls._open_sqlite(url, parsed.database or "")
            if parsed.get_backend_name() == "postgresql":
                parsed = parsed.set(drivername="postgresql+psycopg")
            engine = create_engine(parsed, pool_pre_ping=True)
            event.listen(engine, "connect", _prepare_postgresql)
            return cls(engine)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            raise Misconfigured(
                f"KINTSUGI_DATABASE_URL does not name a database we can use ({error}); write sqlite:///path or postgresql://user@host/name."
            ) from error

    @classmethod
    def _open_sqlite(cls, url: str, path: str) -> Database:
        if path and path != ":memory:" and not path.startswith("file:"):  # a URI says itself whether it may create anything
            try:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise Misconfigured(
                    f"The folder of the database {path} cannot be made: {error.strerror}. Set KINTSUGI_HOME to a folder of yours, or KINTSUGI_DATABASE_URL."
                ) from error
        engine = create_engine(url, connect_args={"timeout": 5.0})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return cls(engine)

    @property
    def dialect(self) -> str:
        return self._engine.dialect.name

    @property
    def name(self) -> str:
        """Where the store is, for people: without a password, letters as they are written."""
        return unquote(self._engine.url.render_as_string(hide_password=True))

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        """A write transaction: commits at the end, rolls back on any error. Writers on one store take turns."""
        with self._translated(), self._engine.connect().execution_options(kintsugi_write=True) as connection, connection.begin():
            if self.dialect == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITER_LOCK})
            yield connection

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """A consistent view for reading."""
        with self._translated(), self._engine.connect() as connection, connection.begin():
            yield connection

    def migrate(self, slice_name: str, steps: Sequence[Migration]) -> None:
        """Runs the steps of a slice that this store has not seen, in order, each once, also when two processes start together."""
        with self._translated():
            if self._steps_done(slice_name) == len(steps):
                return
        with self.transaction() as connection:
            _META.create_all(connection)
            done = connection.scalar(select(func.count()).where(_MIGRATIONS.c.slice == slice_name)) or 0
            for number, step in enumerate(steps[done:], start=done):
                step(connection)
                connection.execute(insert(_MIGRATIONS).values(slice=slice_name, step=number))

    def close(self) -> None:
        self._engine.dispose()

    def _steps_done(self, slice_name: str) -> int:
        with self._engine.connect() as connection:
            if not self._engine.dialect.has_table(connection, _MIGRATIONS.name):
                return 0
            return connection.scalar(select(func.count()).where(_MIGRATIONS.c.slice == slice_name)) or 0

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except KintsugiError:
            raise
        except DBAPIError as error:
            raise _sentence(error, self.name) from error
        except SQLAlchemyError as error:
            raise Unavailable(f"The database {self.name} failed: {error}.") from error


def _sentence(error: DBAPIError, name: str) -> KintsugiError:
    cause = " ".join(str(error.orig).split()).rstrip(".?")
    if "readonly" in cause or "unable to open" in cause:
        return Misconfigured(
            f"The database {name} cannot be written ({cause}); give this user the right to write it, or set KINTSUGI_DATABASE_URL.",
            code="database_read_only",
        )
    if "malformed" in cause or "not a database" in cause:
        return Misconfigured(
            f"The file {name} is not a sound database ({cause}); put back a copy, or move it away and start again.", code="database_damaged"
        )
    if "full" in cause or "disk I/O" in cause:  # SQLite cannot map its shared memory on a full disk, and says the latter
        return Unavailable(f"The database {name} could not be written: {cause}. Free some disk space; nothing was lost.", code="disk_full")
    if isinstance(error, OperationalError):
        return Unavailable(
            f"The database {name} did not answer: {cause}. Start it, or set KINTSUGI_DATABASE_URL; then try again.",
            code="database_unavailable",
        )
    return Unavailable(f"The database {name} refused a statement: {cause}.", code="database_error")


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we begin transactions ourselves, see _begin_sqlite
    for pragma in ("busy_timeout=5000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    """A process that was stopped inside a transaction holds the lock of all writers; the server ends its session instead of waiting for it."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET idle_in_transaction_session_timeout = {_MOST_IDLE}")
    connection.commit()


def _begin_sqlite(connection: Connection) -> None:
    write = connection.get_execution_options().get("kintsugi_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
