"""Where patterns live: who uses what with which values, how values changed and why, who was told, and how it goes in production."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Column, Connection, Float, Integer, MetaData, RowMapping, String, Table, Text, delete, insert, select, update

from mcp_servers.kit.database import Database
from mcp_servers.knowledge.patterns.changes import changes, notices
from mcp_servers.knowledge.patterns.model import Change, Metrics, Notice, Scanned, Use

METADATA = MetaData()
USES = Table(
    "knowledge_pattern_uses",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("repository", String(200), nullable=False, index=True),
    Column("name", String(100), nullable=False, index=True),
    Column("kind", String(20), nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("path", Text, nullable=False),
    Column("line", Integer, nullable=False),
)
CHANGES = Table(
    "knowledge_pattern_changes",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("repository", String(200), nullable=False, index=True),
    Column("pattern", String(100), nullable=False, index=True),
    Column("parameter", String(100), nullable=False),
    Column("old", JSON, nullable=False),
    Column("new", JSON, nullable=False),
    *(Column(name, Text, nullable=False) for name in ("path", "commit", "reason", "cause")),
    Column("at", String(40), nullable=False),
)
NOTICES = Table(
    "knowledge_pattern_notices",
    METADATA,
    Column("change", String(64), primary_key=True),
    Column("repository", String(200), primary_key=True),
    Column("has", JSON, nullable=False),
    Column("ticket", String(60), nullable=False),
)
METRICS = Table(
    "knowledge_pattern_metrics",
    METADATA,
    Column("pattern", String(100), primary_key=True),
    Column("repository", String(200), primary_key=True),
    *(Column(name, Float) for name in ("error_rate", "latency_p50", "latency_p95", "latency_p99", "throughput_rps")),
    Column("last_updated", String(40), nullable=False),
)
REPOSITORIES = Table(
    "knowledge_repositories",
    METADATA,
    Column("name", String(200), primary_key=True),
    Column("root", Text, nullable=False),
    Column("scanned", String(64), nullable=False),
)


class PatternStore:
    """Patterns of all repositories. Every write may be repeated: it changes nothing the second time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.migrate("knowledge_patterns", (METADATA.create_all,))

    def record(self, repository: str, scanned: Scanned, *, whole: bool = False) -> list[Notice]:
        """Keeps what a scan brought, and says whom its changes concern. With `whole`, what the scan does not name is gone."""
        with self._database.transaction() as connection:
            if whole:
                connection.execute(delete(USES).where(USES.c.repository == repository))
            for path, uses in scanned.uses.items():
                connection.execute(delete(USES).where(USES.c.repository == repository, USES.c.path == path))
                rows = [_row(repository, use) for use in uses]
                if rows:
                    connection.execute(insert(USES), rows)
            return [notice for change in scanned.changes for notice in _changed(connection, change)]

    def told(self, repository: str, use: Use, told: Change) -> tuple[list[Change], list[Notice], bool]:
        """Keeps one use that somebody told of beside those of its file: its changes, whom they concern, and whether it is new."""
        with self._database.transaction() as connection:
            here = (USES.c.repository == repository) & (USES.c.name == use.name) & (USES.c.path == use.path)
            known = [_use(row) for row in connection.execute(select(USES).where(here)).mappings()]
            merged = {**known[0].parameters, **use.parameters} if known else use.parameters
            now = Use(use.name, use.kind, merged, use.path, use.line or (known[0].line if known else 0))
            found = list(changes(known[:1], [now], told))
            connection.execute(delete(USES).where(here))
            connection.execute(insert(USES).values(_row(repository, now)))
            return found, [notice for change in found for notice in _changed(connection, change)], not known

    def users(self, pattern: str = "", repository: str = "") -> list[tuple[str, Use]]:
        """Repositories and their uses: of one pattern, or of one repository."""
        query = select(USES).order_by(USES.c.repository, USES.c.name, USES.c.path, USES.c.number)
        query = query.where(USES.c.name == pattern) if pattern else query
        query = query.where(USES.c.repository == repository) if repository else query
        with self._database.reading() as connection:
            return [(row["repository"], _use(row)) for row in connection.execute(query).mappings()]

    def history(self, pattern: str = "", repository: str = "", since: datetime | None = None) -> list[Change]:
        """The changes of values, the latest first."""
        query = select(CHANGES).order_by(CHANGES.c.at.desc(), CHANGES.c.id)
        query = query.where(CHANGES.c.pattern == pattern) if pattern else query
        query = query.where(CHANGES.c.repository == repository) if repository else query
        query = query.where(CHANGES.c.at >= _iso(since)) if since else query
        with self._database.reading() as connection:
            return [_change(row) for row in connection.execute(query.limit(500)).mappings()]

    def notices(self, repository: str = "", *, unticketed: bool = False) -> list[Notice]:
        """What repositories were told of changes elsewhere, the latest first; `unticketed` those that no ticket tells yet."""
        query = select(CHANGES, NOTICES.c.repository.label("told"), NOTICES.c.has, NOTICES.c.ticket)
        query = query.join(NOTICES, NOTICES.c.change == CHANGES.c.id).order_by(CHANGES.c.at.desc(), CHANGES.c.id, NOTICES.c.repository)
        query = query.where(NOTICES.c.repository == repository) if repository else query
        query = query.where(NOTICES.c.ticket == "") if unticketed else query
        with self._database.reading() as connection:
            rows = connection.execute(query.limit(500)).mappings()
            return [Notice(row["told"], _change(row), row["has"], row["ticket"]) for row in rows]

    def ticketed(self, notice: Notice, ticket: str) -> None:
        """Notes the ticket that tells a notice, so that it is told once."""
        here = (NOTICES.c.change == notice.change.id) & (NOTICES.c.repository == notice.repository)
        with self._database.transaction() as connection:
            connection.execute(update(NOTICES).where(here).values(ticket=ticket))

    def measure(self, metrics: Metrics, at: datetime) -> Metrics:
        """Keeps what was measured; what was not measured this time stays as it was."""
        here = (METRICS.c.pattern == metrics.pattern) & (METRICS.c.repository == metrics.repository)
        with self._database.transaction() as connection:
            row = connection.execute(select(METRICS).where(here)).mappings().first()
            figures = {**(_metrics(row).figures() if row else {}), **metrics.figures()}
            connection.execute(delete(METRICS).where(here))
            named = {"pattern": metrics.pattern, "repository": metrics.repository, "last_updated": _iso(at)}
            connection.execute(insert(METRICS).values(**named, **figures))
        return Metrics(metrics.pattern, metrics.repository, **figures, last_updated=at)

    def metrics(self, pattern: str = "", repository: str = "") -> list[Metrics]:
        """What was measured of a pattern, or in a repository, the latest first."""
        query = select(METRICS).order_by(METRICS.c.last_updated.desc(), METRICS.c.pattern, METRICS.c.repository)
        query = query.where(METRICS.c.pattern == pattern) if pattern else query
        query = query.where(METRICS.c.repository == repository) if repository else query
        with self._database.reading() as connection:
            return [_metrics(row) for row in connection.execute(query).mappings()]

    def know(self, name: str, root: str, scanned: str) -> None:
        """Keeps where a repository is on this machine, and up to which commit it was scanned."""
        with self._database.transaction() as connection:
            connection.execute(delete(REPOSITORIES).where(REPOSITORIES.c.name == name))
            connection.execute(insert(REPOSITORIES).values(name=name, root=root, scanned=scanned))

    def known(self, name: str) -> tuple[str, str]:
        """Where a repository is, and up to which commit it was scanned; empty words when nobody scanned it."""
        with self._database.reading() as connection:
            row = connection.execute(select(REPOSITORIES).where(REPOSITORIES.c.name == name)).mappings().first()
        return (row["root"], row["scanned"]) if row else ("", "")


def _changed(connection: Connection, change: Change) -> Sequence[Notice]:
    """Writes a change and its notices; those that were known are not given again."""
    if connection.execute(select(CHANGES.c.id).where(CHANGES.c.id == change.id)).first():
        return ()
    at = _iso(change.at or datetime.now(UTC))
    names = ("repository", "pattern", "parameter", "old", "new", "path", "commit", "reason", "cause")
    connection.execute(insert(CHANGES).values(id=change.id, at=at, **{name: getattr(change, name) for name in names}))
    rows = connection.execute(select(USES).where(USES.c.name == change.pattern).order_by(USES.c.repository, USES.c.number)).mappings()
    made = list(notices(change, [(row["repository"], _use(row)) for row in rows]))
    for notice in made:
        connection.execute(insert(NOTICES).values(change=change.id, repository=notice.repository, has=notice.has, ticket=""))
    return made


def _row(repository: str, use: Use) -> dict[str, Any]:
    return {
        "repository": repository,
        "name": use.name,
        "kind": use.kind,
        "parameters": dict(use.parameters),
        "path": use.path,
        "line": use.line,
    }


def _use(row: RowMapping) -> Use:
    return Use(row["name"], row["kind"], row["parameters"], row["path"], row["line"])


def _change(row: RowMapping) -> Change:
    names = ("repository", "pattern", "parameter", "old", "new", "path", "commit", "reason", "cause")
    return Change(**{name: row[name] for name in names}, at=datetime.fromisoformat(row["at"]))


def _metrics(row: RowMapping) -> Metrics:
    fields: dict[str, Any] = dict(row)
    updated = datetime.fromisoformat(fields.pop("last_updated"))
    return Metrics(**fields, last_updated=updated)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def repositories(users: Iterable[tuple[str, Use]]) -> frozenset[str]:
    """The names of those who use something."""
    return frozenset(name for name, _ in users)
