"""Where lessons live, and how they fared. Crosses repositories on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
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
    select,
    update,
)

from mcp_servers.kit.database import Database, Migration
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.fulltext import FullText
from mcp_servers.knowledge import issues
from mcp_servers.knowledge.lessons.model import EARNED_TRUST, Lesson, text_of
from mcp_servers.knowledge.recall import Question
from mcp_servers.knowledge.store import candidates, fields_of, row_of

METADATA = MetaData()
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
WORDS = FullText("knowledge_lesson_words")
MIGRATIONS: tuple[Migration, ...] = (METADATA.create_all, WORDS.create)


class LessonStore:
    """What cases taught. Every write may be repeated: it changes nothing the second time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.migrate("knowledge_lessons", MIGRATIONS)

    def record(
        self, lesson: Lesson, *, confirms: str = "", contradicts: str = "", on_verified: Callable[[Connection], None] | None = None
    ) -> tuple[Lesson, bool]:
        """The lesson as stored, and whether it is new; notes of earlier lessons that they held or failed in this lesson's case.

        `on_verified` runs inside the transaction when the lesson becomes a verified one: if it raises, nothing is stored.
        """
        with self._database.transaction() as connection:
            known = connection.execute(select(LESSONS.c.provenance).where(LESSONS.c.id == lesson.id)).scalar()
            _put(connection, lesson, known)
            for other, held in ((confirms, True), (contradicts, False)):
                _put_outcome(connection, other, lesson.case, held)
            if lesson.provenance == "verified" != known:
                _resolve(connection, lesson)
                if on_verified:
                    on_verified(connection)
            stored = connection.execute(_lessons().where(LESSONS.c.id == lesson.id)).mappings().one()
        return _lesson(stored), known is None

    def about(self, question: Question, repository: str = "") -> tuple[list[Lesson], int]:
        """The lessons that could answer the question, unranked, and how many there are in all."""
        with self._database.reading() as connection:
            rows, total = candidates(connection, LESSONS, WORDS, _lessons(), question, repository)
        return [_lesson(row) for row in rows], total

    def get(self, id: str) -> Lesson | None:
        """The lesson of this id, or None."""
        with self._database.reading() as connection:
            row = connection.execute(_lessons().where(LESSONS.c.id == id)).mappings().first()
        return _lesson(row) if row else None

    def guarded(self) -> list[Lesson]:
        """Every lesson that carries a guard, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(_lessons().where(LESSONS.c.guard != "").order_by(LESSONS.c.learned_at, LESSONS.c.id))
            return [_lesson(row) for row in rows.mappings()]


def _lessons() -> Select[Any]:
    held = func.coalesce(func.sum(case((OUTCOMES.c.held, 1), else_=0)), 0)
    failed = func.count(OUTCOMES.c.case) - held
    counts = select(OUTCOMES.c.lesson, held.label("held"), failed.label("failed")).group_by(OUTCOMES.c.lesson).subquery()
    columns = (LESSONS, func.coalesce(counts.c.held, 0).label("held"), func.coalesce(counts.c.failed, 0).label("failed"))
    return select(*columns).outerjoin(counts, counts.c.lesson == LESSONS.c.id)


def _put(connection: Connection, lesson: Lesson, known: str | None) -> None:
    row = {key: value for key, value in row_of(lesson, "learned_at").items() if key not in ("held", "failed")}
    if known:
        weaker = EARNED_TRUST[lesson.provenance] < EARNED_TRUST[known]
        unchanged = {"learned_at", "provenance", "trust"} if weaker else {"learned_at"}
        told = {key: value for key, value in row.items() if value != "" and key not in unchanged}
        connection.execute(update(LESSONS).where(LESSONS.c.id == lesson.id).values(told))
    else:
        connection.execute(insert(LESSONS).values(row))
    WORDS.put(connection, lesson.id, text_of(lesson))


def _put_outcome(connection: Connection, lesson: str, case_id: str, held: bool) -> None:
    if not lesson:
        return
    if connection.execute(select(LESSONS.c.id).where(LESSONS.c.id == lesson)).first() is None:
        raise Refusal(f"There is no lesson {lesson!r}; search_lessons gives the ids.", code="unknown_lesson")
    connection.execute(delete(OUTCOMES).where(OUTCOMES.c.lesson == lesson, OUTCOMES.c.case == case_id))
    connection.execute(insert(OUTCOMES).values(lesson=lesson, case=case_id, held=held))


def _resolve(connection: Connection, lesson: Lesson) -> None:
    question = Question(lesson.fingerprint, "" if lesson.fingerprint else lesson.template)
    if question:
        issues.resolve(connection, question, lesson.repository, lesson.learned_at, cause=lesson.cause, fix=lesson.fix)


def _lesson(row: RowMapping) -> Lesson:
    fields = fields_of(row, "learned_at")
    return Lesson(**fields)
