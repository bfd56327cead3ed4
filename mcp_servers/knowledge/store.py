"""Where knowledge lives: issues, lessons and how lessons fared, with a word index. Crosses repositories on purpose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    MetaData,
    RowMapping,
    Select,
    String,
    Table,
    Text,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from mcp_servers.kit.database import Database, Migration
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.fulltext import FullText
from mcp_servers.knowledge.model import EARNED_TRUST, Fingerprint, Lesson, RuntimeIssue, resolved, seen_again
from mcp_servers.knowledge.recall import Question

_EXACT = 200

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
LESSONS = Table(
    "knowledge_lessons",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("case", Text, nullable=False),
    Column("repository", Text, nullable=False),
    Column("learned_at", String(32), nullable=False),
    *(Column(name, Text, nullable=False) for name in ("symptom", "cause", "fix", "evidence", "provenance")),
    Column("trust", Float, nullable=False),
    Column("coarse", String(64), nullable=False, index=True),
    Column("fine", String(64), nullable=False, index=True),
    Column("template", String(500), nullable=False, index=True),
    *(Column(name, Text, nullable=False) for name in ("recipe", "guard_id", "guard")),
)
OUTCOMES = Table(
    "knowledge_outcomes",
    METADATA,
    Column("lesson", String(64), primary_key=True),
    Column("case", String(200), primary_key=True),
    Column("held", Boolean, nullable=False),
)
ISSUE_WORDS, LESSON_WORDS = FullText("knowledge_issue_words"), FullText("knowledge_lesson_words")

MIGRATIONS: tuple[Migration, ...] = (METADATA.create_all, ISSUE_WORDS.create, LESSON_WORDS.create)


class Store:
    """The knowledge base in a database. Every write may be repeated: it changes nothing the second time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.migrate("knowledge", MIGRATIONS)

    def add_issue(self, report: RuntimeIssue) -> tuple[RuntimeIssue, bool]:
        """The issue as now known, and whether it is new; an issue of the same id is completed."""
        with self._database.transaction() as connection:
            row = connection.execute(select(ISSUES).where(ISSUES.c.id == report.id)).mappings().first()
            issue = seen_again(_issue(row), report) if row else report
            _put_issue(connection, issue)
        return issue, row is None

    def issues(self, question: Question, repository: str = "") -> tuple[list[RuntimeIssue], int]:
        """The issues that could answer the question, unranked, and how many there are in all."""
        rows, total = self._candidates(ISSUES, ISSUE_WORDS, select(ISSUES), question, repository)
        return [_issue(row) for row in rows], total

    def record_lesson(
        self, lesson: Lesson, *, confirms: str = "", contradicts: str = "", on_verified: Callable[[Connection], None] | None = None
    ) -> tuple[Lesson, bool]:
        """The lesson as stored, and whether it is new; notes of earlier lessons that they held or failed in this lesson's case.

        `on_verified` runs inside the transaction when the lesson becomes a verified one: if it raises, nothing is stored.
        """
        with self._database.transaction() as connection:
            known = connection.execute(select(LESSONS.c.provenance).where(LESSONS.c.id == lesson.id)).scalar()
            _put_lesson(connection, lesson, known)
            for other, held in ((confirms, True), (contradicts, False)):
                _put_outcome(connection, other, lesson.case, held)
            if lesson.provenance == "verified" != known:
                _resolve_issues(connection, lesson)
                if on_verified:
                    on_verified(connection)
            stored = connection.execute(_lessons().where(LESSONS.c.id == lesson.id)).mappings().one()
        return _lesson(stored), known is None

    def lessons(self, question: Question, repository: str = "") -> tuple[list[Lesson], int]:
        """The lessons that could answer the question, unranked, and how many there are in all."""
        rows, total = self._candidates(LESSONS, LESSON_WORDS, _lessons(), question, repository)
        return [_lesson(row) for row in rows], total

    def guarded(self) -> list[Lesson]:
        """Every lesson that carries a guard, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(_lessons().where(LESSONS.c.guard != "").order_by(LESSONS.c.learned_at, LESSONS.c.id))
            return [_lesson(row) for row in rows.mappings()]

    def _candidates(
        self, table: Table, index: FullText, query: Select[Any], question: Question, repository: str
    ) -> tuple[list[RowMapping], int]:
        with self._database.reading() as connection:
            total = connection.scalar(select(func.count()).select_from(table)) or 0
            here = [table.c.repository == repository] if repository else []
            said = table.c.id.in_(index.search(connection, question.text))
            exact = query.where(_same(table, question), *here).order_by(table.c.id).limit(_EXACT)
            rows = [*connection.execute(exact).mappings(), *connection.execute(query.where(said, *here)).mappings()]
        return list({str(row["id"]): row for row in rows}.values()), total


def _same(table: Table, question: Question) -> Any:
    fingerprint = question.fingerprint
    asked = (
        (table.c.fine, fingerprint.fine),
        (table.c.coarse, fingerprint.coarse),
        (table.c.coarse, fingerprint.former),
        (table.c.template, question.template),
    )
    return or_(False, *(column == value for column, value in asked if value))


def _lessons() -> Select[Any]:
    held = func.coalesce(func.sum(case((OUTCOMES.c.held, 1), else_=0)), 0)
    failed = func.count(OUTCOMES.c.case) - held
    counts = select(OUTCOMES.c.lesson, held.label("held"), failed.label("failed")).group_by(OUTCOMES.c.lesson).subquery()
    columns = (LESSONS, func.coalesce(counts.c.held, 0).label("held"), func.coalesce(counts.c.failed, 0).label("failed"))
    return select(*columns).outerjoin(counts, counts.c.lesson == LESSONS.c.id)


def _put_issue(connection: Connection, issue: RuntimeIssue) -> None:
    connection.execute(delete(ISSUES).where(ISSUES.c.id == issue.id))
    connection.execute(insert(ISSUES).values(_row(issue, "detected_at")))
    ISSUE_WORDS.put(connection, issue.id, "\n".join((issue.logs, issue.root_cause, issue.fix, issue.pattern, issue.service_type)))


def _put_lesson(connection: Connection, lesson: Lesson, known: str | None) -> None:
    row = {key: value for key, value in _row(lesson, "learned_at").items() if key not in ("held", "failed")}
    if known:
        weaker = EARNED_TRUST[lesson.provenance] < EARNED_TRUST[known]
        unchanged = {"learned_at", "provenance", "trust"} if weaker else {"learned_at"}
        told = {key: value for key, value in row.items() if value != "" and key not in unchanged}
        connection.execute(update(LESSONS).where(LESSONS.c.id == lesson.id).values(told))
    else:
        connection.execute(insert(LESSONS).values(row))
    LESSON_WORDS.put(connection, lesson.id, "\n".join((lesson.symptom, lesson.cause, lesson.fix, lesson.template)))


def _put_outcome(connection: Connection, lesson: str, case_id: str, held: bool) -> None:
    if not lesson:
        return
    if connection.execute(select(LESSONS.c.id).where(LESSONS.c.id == lesson)).first() is None:
        raise Refusal(f"There is no lesson {lesson!r}; search_lessons gives the ids.", code="unknown_lesson")
    connection.execute(delete(OUTCOMES).where(OUTCOMES.c.lesson == lesson, OUTCOMES.c.case == case_id))
    connection.execute(insert(OUTCOMES).values(lesson=lesson, case=case_id, held=held))


def _resolve_issues(connection: Connection, lesson: Lesson) -> None:
    question = Question(lesson.fingerprint, "" if lesson.fingerprint else lesson.template)
    if not question:
        return
    alive = ISSUES.c.status.in_(("open", "investigating"))
    query = select(ISSUES).where(ISSUES.c.repository == lesson.repository, alive, _same(ISSUES, question))
    for row in connection.execute(query).mappings().all():
        _put_issue(connection, resolved(_issue(row), lesson.learned_at, root_cause=lesson.cause, fix=lesson.fix))


def _row(value: RuntimeIssue | Lesson, time: str) -> dict[str, Any]:
    row = asdict(value)
    row |= {"coarse": value.fingerprint.coarse, "fine": row.pop("fingerprint")["fine"]}
    return row | {time: row[time].astimezone(UTC).isoformat()}


def _issue(row: RowMapping) -> RuntimeIssue:
    return RuntimeIssue(**_fields(row, "detected_at"))


def _lesson(row: RowMapping) -> Lesson:
    return Lesson(**_fields(row, "learned_at"))


def _fields(row: RowMapping, time: str) -> dict[str, Any]:
    fields = dict(row)
    fingerprint = Fingerprint(fields.pop("coarse"), fields.pop("fine"))
    return {**fields, "fingerprint": fingerprint, time: datetime.fromisoformat(fields[time])}
