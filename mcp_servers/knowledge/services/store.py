"""Where services and what they use live. They cross repositories on purpose."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import Column, MetaData, String, Table, Text, delete, insert, select

from mcp_servers.kit.database import Database
from mcp_servers.knowledge.model import digest
from mcp_servers.knowledge.services.model import Declared, Dependency, Landscape

MOST = 5_000
METADATA = MetaData()
DEPENDENCIES = Table(
    "knowledge_dependencies",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("repository", String(200), nullable=False, index=True),
    Column("service", String(200), nullable=False, index=True),
    Column("kind", String(20), nullable=False),
    Column("name", String(200), nullable=False, index=True),
    Column("told", String(20), nullable=False),
    Column("place", Text, nullable=False),
    Column("first_seen", String(40), nullable=False),
    Column("last_seen", String(40), nullable=False),
)
SERVICES = Table(
    "knowledge_services",
    METADATA,
    Column("repository", String(200), primary_key=True),
    Column("service", String(200), primary_key=True),
    Column("folder", Text, nullable=False),
)
READ = Table(
    "knowledge_services_read",
    METADATA,
    Column("repository", String(200), primary_key=True),
    Column("commit", String(64), nullable=False),
    Column("looked", String(40), nullable=False),
)


class ServiceStore:
    """Services and their dependencies in a database. Every write may be repeated."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.migrate("knowledge_services", (METADATA.create_all,))

    def declare(self, repository: str, commit: str, found: Declared, now: datetime) -> None:
        """Keeps what the configuration of a repository says at a commit; what it said before and says no more is gone."""
        self._put(found.dependencies, now, repository)
        rows = [{"repository": repository, "service": name[:200], "folder": folder} for name, folder in found.services.items()]
        with self._database.transaction() as connection:
            connection.execute(delete(SERVICES).where(SERVICES.c.repository == repository))
            if rows:
                connection.execute(insert(SERVICES), rows)
        self._read(repository, commit, "")

    def observe(self, repository: str, found: Iterable[Dependency], now: datetime) -> None:
        """Keeps what logs of the repository's project told, beside what is known."""
        self._put(found, now, "")
        self._read(repository, "", _iso(now))

    def scanned(self, repository: str) -> str:
        """The commit whose configuration was read last; empty for none."""
        return self._known(repository)[0]

    def looked(self, repository: str) -> datetime | None:
        """When the logs were last read for who calls whom."""
        looked = self._known(repository)[1]
        return datetime.fromisoformat(looked) if looked else None

    def landscape(self) -> Landscape:
        """All that is known, what was seen last first where it is more than 5,000."""
        query = select(DEPENDENCIES).order_by(DEPENDENCIES.c.last_seen.desc(), DEPENDENCIES.c.id).limit(MOST)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings()
            names = ("service", "kind", "name", "repository", "told", "place")
            return Landscape(tuple(sorted(Dependency(**{name: row[name] for name in names}) for row in rows)))

    def folders(self, repository: str) -> dict[str, str]:
        """The services of a repository and the folders that they are built from; an empty folder for one that is not built there."""
        query = select(SERVICES).where(SERVICES.c.repository == repository).order_by(SERVICES.c.service)
        with self._database.reading() as connection:
            return {row["service"]: row["folder"] for row in connection.execute(query).mappings()}

    def _put(self, found: Iterable[Dependency], now: datetime, whole: str) -> None:
        rows = {_id(one): one for one in found}
        with self._database.transaction() as connection:
            asked = select(DEPENDENCIES.c.id, DEPENDENCIES.c.first_seen).where(DEPENDENCIES.c.id.in_(rows))
            known = {str(row["id"]): str(row["first_seen"]) for row in connection.execute(asked).mappings()}
            if whole:
                gone = (DEPENDENCIES.c.repository == whole) & (DEPENDENCIES.c.told == "configured")
                connection.execute(delete(DEPENDENCIES).where(gone))
            connection.execute(delete(DEPENDENCIES).where(DEPENDENCIES.c.id.in_(rows)))
            if rows:
                connection.execute(insert(DEPENDENCIES), [_row(id, one, known.get(id, _iso(now)), _iso(now)) for id, one in rows.items()])

    def _known(self, repository: str) -> tuple[str, str]:
        with self._database.reading() as connection:
            row = connection.execute(select(READ).where(READ.c.repository == repository)).mappings().first()
        return (row["commit"], row["looked"]) if row else ("", "")

    def _read(self, repository: str, commit: str, looked: str) -> None:
        before = self._known(repository)
        with self._database.transaction() as connection:
            connection.execute(delete(READ).where(READ.c.repository == repository))
            connection.execute(insert(READ).values(repository=repository, commit=commit or before[0], looked=looked or before[1]))


def _id(one: Dependency) -> str:
    return "dependency_" + digest(one.repository, one.service, one.kind, one.name, one.told)


def _row(id: str, one: Dependency, first: str, last: str) -> dict[str, str]:
    given = {name: getattr(one, name) for name in ("repository", "kind", "told", "place")}
    return {"id": id, **given, "service": one.service[:200], "name": one.name[:200], "first_seen": first, "last_seen": last}


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
