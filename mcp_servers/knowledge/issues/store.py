"""Where issues live. Crosses repositories on purpose."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Column, Connection, Integer, MetaData, RowMapping, String, Table, Text, delete, func, insert, select

from mcp_servers.kit.database import Database, Migration
from mcp_servers.kit.fulltext import FullText
from mcp_servers.knowledge.issues.model import RuntimeIssue, resolved, seen_again, text_of
from mcp_servers.knowledge.recall import Found, Question
from mcp_servers.knowledge.store import candidates, fields_of, row_of, same

METADATA = MetaData()
ISSUES = Table(
    "knowledge_issues",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("repository", Text, nullable=False),
    Column("detected_at", String(32), nullable=False),
    *(Column(name, Text, nullable=False) for name in ("issue_type", "severity", "service_type", "logs", "root_cause", "fix", "pattern")),
    Column("status", String(16), nullable=False),
    Column("github_issue", Text, nullable=False),
    Column("resolution_time", Integer),
    Column("coarse", String(64), nullable=False, index=True),
    Column("fine", String(64), nullable=False, index=True),
    Column("template", String(500), nullable=False, index=True),
)
WORDS = FullText("knowledge_issue_words")


def _index(connection: Connection) -> None:
    """Makes the word index anew over the issues that are there."""
    WORDS.create(connection)
    issues = [_issue(row) for row in connection.execute(select(ISSUES)).mappings()]
    WORDS.put_all(connection, {issue.id: text_of(issue) for issue in issues})


MIGRATIONS: tuple[Migration, ...] = (METADATA.create_all, _index)


class IssueStore:
    """The problems that production had. Every write may be repeated: it changes nothing the second time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.migrate("knowledge_issues", MIGRATIONS)

    def add(self, report: RuntimeIssue) -> tuple[RuntimeIssue, bool]:
        """The issue as now known, and whether it is new; an issue of the same id is completed."""
        with self._database.transaction() as connection:
            row = connection.execute(select(ISSUES).where(ISSUES.c.id == report.id)).mappings().first()
            issue = seen_again(_issue(row), report) if row else report
            _put(connection, issue)
        return issue, row is None

    def about(self, question: Question, repository: str = "") -> Found[RuntimeIssue]:
        """The issues that could answer the question, unranked."""
        newest = ISSUES.c.detected_at.desc()
        with self._database.reading() as connection:
            rows, hits = candidates(connection, ISSUES, WORDS, select(ISSUES), question, repository, newest)
        return Found([_issue(row) for row in rows], hits)

    def latest(self, *, pattern: str = "", repository: str = "", since: datetime | None = None, limit: int = 500) -> list[RuntimeIssue]:
        """The issues linked to a pattern (small letters and hyphens), or of a repository, detected since a moment; the latest first."""
        query = select(ISSUES).order_by(ISSUES.c.detected_at.desc(), ISSUES.c.id).limit(limit)
        query = query.where(func.replace(func.lower(ISSUES.c.pattern), " ", "-") == pattern) if pattern else query
        query = query.where(ISSUES.c.repository == repository) if repository else query
        query = query.where(ISSUES.c.detected_at >= since.astimezone(UTC).isoformat()) if since else query
        with self._database.reading() as connection:
            return [_issue(row) for row in connection.execute(query).mappings()]


def resolve(connection: Connection, question: Question, repository: str, now: datetime, *, cause: str, fix: str) -> None:
    """Closes the open issues of the repository that have the question's fingerprint or template, in the caller's transaction."""
    alive = ISSUES.c.status.in_(("open", "investigating"))
    query = select(ISSUES).where(ISSUES.c.repository == repository, alive, same(ISSUES, question))
    for row in connection.execute(query).mappings().all():
        _put(connection, resolved(_issue(row), now, root_cause=cause, fix=fix))


def _put(connection: Connection, issue: RuntimeIssue) -> None:
    connection.execute(delete(ISSUES).where(ISSUES.c.id == issue.id))
    connection.execute(insert(ISSUES).values(row_of(issue, "detected_at")))
    WORDS.put(connection, issue.id, text_of(issue))


def _issue(row: RowMapping) -> RuntimeIssue:
    fields = fields_of(row, "detected_at")
    return RuntimeIssue(**fields)
