"""Where lessons live, and how they fared. Crosses repositories on purpose."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
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
from mcp_servers.knowledge.lessons.model import EARNED_TRUST, Lesson, same_error, text_of
from mcp_servers.knowledge.lessons.trust import speaks
from mcp_servers.knowledge.recall import Found, Question
from mcp_servers.knowledge.store import candidates, fields_of, insert_all, row_of

_RECORD = frozenset({"held", "failed", "held_at"})

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
    "knowledge_lesson_outcomes",
    METADATA,
    Column("lesson", String(64), primary_key=True),
    Column("case", String(200), primary_key=True),
    Column("held", Boolean, nullable=False),
    Column("earned", Float, nullable=False),
    Column("at", String(32), nullable=False),
)
WORDS, TOLD_WORDS = FullText("knowledge_lesson_words"), FullText("knowledge_told_words")
"""Words of what was verified and of what was only told: however much is told, it neither crowds out nor outweighs what was verified."""


def _index_all(connection: Connection) -> None:
    """Makes the word indexes anew over the lessons that are there."""
    WORDS.create(connection)
    TOLD_WORDS.create(connection)
    _index(connection, [_lesson(row) for row in connection.execute(_lessons()).mappings()])


MIGRATIONS: tuple[Migration, ...] = (METADATA.create_all, _index_all)


class LessonStore:
    """What cases taught. Every write may be repeated: it changes nothing the second time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        issues.IssueStore(database)  # what is learned closes issues
        database.migrate("knowledge_lessons", MIGRATIONS)

    def record(
        self, lesson: Lesson, *, confirms: str = "", contradicts: str = "", on_verified: Callable[[Connection], None] | None = None
    ) -> tuple[Lesson, bool]:
        """The lesson as stored, and whether it is new; notes of earlier lessons of this error that they held or failed in this lesson's case.

        What is there already gives way only to what earned more; a verified lesson stands as it was first told. `on_verified` runs
        inside the transaction when the lesson becomes a verified one: if it raises, nothing is stored. Raises `Refusal` for a case that
        another repository learned from, and for a judgement of a lesson that is not there or is about another error.
        """
        with self._database.transaction() as connection:
            known = connection.execute(select(LESSONS.c.provenance).where(LESSONS.c.id == lesson.id)).scalar()
            if lesson.provenance == "verified":
                _only_here(connection, lesson)
            _put(connection, lesson, known)
            for other, held in ((confirms, True), (contradicts, False)):
                _put_outcome(connection, other, lesson, held)
            if lesson.provenance == "verified" != known:
                _resolve(connection, lesson)
                if on_verified:
                    on_verified(connection)
            stored = connection.execute(_lessons().where(LESSONS.c.id == lesson.id)).mappings().one()
        return _lesson(stored), known is None

    def take(self, lessons: Sequence[Lesson]) -> None:
        """Stores lessons that were only told, all or none; those whose id is known to have earned more stay as they are."""
        rows = {lesson.id: _row(lesson) for lesson in lessons}
        with self._database.transaction() as connection:
            known = {str(row.id): str(row.provenance) for row in connection.execute(select(LESSONS.c.id, LESSONS.c.provenance))}
            new = [lesson for lesson in lessons if lesson.id not in known]
            insert_all(connection, LESSONS, [rows[lesson.id] for lesson in new])
            _index(connection, new)
            for lesson in lessons:
                if lesson.id in known:
                    _put(connection, lesson, known[lesson.id])

    def about(self, question: Question, repository: str = "", *, told: bool = False) -> Found[Lesson]:
        """The lessons that could answer the question, unranked: those that were verified, or those that were only `told`."""
        query = _lessons().where((LESSONS.c.provenance != "verified") == told)
        order = (LESSONS.c.trust.desc(), LESSONS.c.learned_at.desc())
        with self._database.reading() as connection:
            rows, hits = candidates(connection, LESSONS, TOLD_WORDS if told else WORDS, query, question, repository, *order)
        return Found([_lesson(row) for row in rows], hits)

    def all(self) -> list[Lesson]:
        """Every lesson, by id."""
        with self._database.reading() as connection:
            return [_lesson(row) for row in connection.execute(_lessons().order_by(LESSONS.c.id)).mappings()]

    def get(self, id: str) -> Lesson | None:
        """The lesson of this id, or None."""
        with self._database.reading() as connection:
            row = connection.execute(_lessons().where(LESSONS.c.id == id)).mappings().first()
        return _lesson(row) if row else None

    def speaker(self, clock: Callable[[], datetime]) -> Callable[[str], bool]:
        """Says of a lesson's id whether it may speak for what is known now."""
        return lambda id: (lesson := self.get(id)) is not None and speaks(lesson, clock())

    def healed(self, repository: str, most: int) -> list[str]:
        """The log templates of what was healed in a repository and verified, the latest first, each once."""
        query = select(LESSONS.c.template).where(
            LESSONS.c.repository == repository, LESSONS.c.provenance == "verified", LESSONS.c.template != ""
        )
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(LESSONS.c.learned_at.desc(), LESSONS.c.id).limit(most)).scalars()
            return list(dict.fromkeys(rows))

    def guarded(self) -> list[Lesson]:
        """Every lesson that carries a guard, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(_lessons().where(LESSONS.c.guard != "").order_by(LESSONS.c.learned_at, LESSONS.c.id))
            return [_lesson(row) for row in rows.mappings()]


def _lessons() -> Select[Any]:
    """Lessons with their record: only witnesses that earned at least as much, in another case, are counted."""
    judged = LESSONS.alias()
    counted = (OUTCOMES.c.lesson == judged.c.id) & (OUTCOMES.c.case != judged.c.case) & (OUTCOMES.c.earned >= judged.c.trust)
    held = func.sum(case((OUTCOMES.c.held, 1), else_=0))
    counts = (
        select(
            OUTCOMES.c.lesson,
            held.label("held"),
            (func.count(OUTCOMES.c.case) - held).label("failed"),
            func.max(case((OUTCOMES.c.held, OUTCOMES.c.at))).label("held_at"),
        )
        .join(judged, counted)
        .group_by(OUTCOMES.c.lesson)
        .subquery()
    )
    record = (func.coalesce(counts.c[name], 0).label(name) for name in ("held", "failed"))
    return select(LESSONS, *record, counts.c.held_at).outerjoin(counts, counts.c.lesson == LESSONS.c.id)


def _only_here(connection: Connection, lesson: Lesson) -> None:
    other = connection.execute(
        select(LESSONS.c.repository).where(LESSONS.c.case == lesson.case, LESSONS.c.provenance == "verified", LESSONS.c.id != lesson.id)
    ).scalar()
    if other is not None:
        raise Refusal(f"The case {lesson.case} has taught its lesson in {other!r}; a case teaches once.", code="already_learned")


def _put(connection: Connection, lesson: Lesson, known: str | None) -> None:
    """Stores the lesson, or what of it may change the one that is there."""
    row = _row(lesson)
    if known is None:
        connection.execute(insert(LESSONS).values(row))
    elif EARNED_TRUST[lesson.provenance] > EARNED_TRUST[known]:
        connection.execute(update(LESSONS).where(LESSONS.c.id == lesson.id).values(row))
    elif lesson.provenance == known:
        _complete(connection, lesson.id, row)
    _index(connection, [_lesson(connection.execute(_lessons().where(LESSONS.c.id == lesson.id)).mappings().one())])


def _row(lesson: Lesson) -> dict[str, Any]:
    return {key: value for key, value in row_of(lesson, "learned_at").items() if key not in _RECORD}


def _index(connection: Connection, lessons: Sequence[Lesson]) -> None:
    """Puts the words of each lesson where its provenance says, and only there."""
    for index, other, verified in ((WORDS, TOLD_WORDS, True), (TOLD_WORDS, WORDS, False)):
        texts = {lesson.id: text_of(lesson) for lesson in lessons if (lesson.provenance == "verified") is verified}
        if texts:
            other.forget(connection, list(texts))
            index.put_all(connection, texts)


def _complete(connection: Connection, id: str, row: Mapping[str, Any]) -> None:
    """A lesson told again: a verified one is only completed where it said nothing, any other says what was told last."""
    was = connection.execute(select(LESSONS).where(LESSONS.c.id == id)).mappings().one()
    verified = was["provenance"] == "verified"
    told = {key: value for key, value in row.items() if value != "" and key != "learned_at" and not (verified and was[key] != "")}
    if told:
        connection.execute(update(LESSONS).where(LESSONS.c.id == id).values(told))


def _put_outcome(connection: Connection, id: str, witness: Lesson, held: bool) -> None:
    if not id:
        return
    row = connection.execute(_lessons().where(LESSONS.c.id == id)).mappings().first()
    if row is None:
        raise Refusal(f"There is no lesson {id!r}; search_lessons gives the ids.", code="unknown_lesson")
    if not same_error(_lesson(row), witness):
        raise Refusal(f"{id} is about another error than this case; a lesson is judged by cases of its own error.", code="another_error")
    connection.execute(delete(OUTCOMES).where(OUTCOMES.c.lesson == id, OUTCOMES.c.case == witness.case))
    told = {"lesson": id, "case": witness.case, "held": held, "earned": EARNED_TRUST[witness.provenance]}
    connection.execute(insert(OUTCOMES).values(told | {"at": witness.learned_at.astimezone(UTC).isoformat()}))


def _resolve(connection: Connection, lesson: Lesson) -> None:
    question = Question(lesson.fingerprint, "" if lesson.fingerprint else lesson.template)
    if question:
        issues.resolve(connection, question, lesson.repository, lesson.learned_at, cause=lesson.cause, fix=lesson.fix)


def _lesson(row: RowMapping) -> Lesson:
    fields = fields_of(row, "learned_at", "held_at")
    return Lesson(**fields)
