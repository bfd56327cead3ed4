"""The knowledge store, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mcp_servers.kit.database import Database
from mcp_servers.kit.errors import Refusal
from mcp_servers.knowledge.issues.model import RuntimeIssue
from mcp_servers.knowledge.issues.store import IssueStore
from mcp_servers.knowledge.issues.tools import ASPECTS as ISSUES
from mcp_servers.knowledge.lessons import Lesson, LessonStore
from mcp_servers.knowledge.lessons.tools import ASPECTS as LESSONS
from mcp_servers.knowledge.model import Fingerprint
from mcp_servers.knowledge.recall import Question, recall
from tests.databases import database, database_url

__all__ = ["database", "database_url"]

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
ISSUE = RuntimeIssue(
    "issue_1", "shop/api", NOW, "error", "high", "api", "redis.ConnectionPool exhausted", fingerprint=Fingerprint("c1", "f1"), template="t1"
)
LESSON = Lesson(
    "lesson_1", "case_1", "shop/api", NOW + timedelta(minutes=42), "pool exhausted under load", "pool of 5", "pool of 20",
    provenance="verified", trust=0.9, fingerprint=Fingerprint("c1", "f1"),
)  # fmt: skip


class Store:
    """Both stores over one database."""

    def __init__(self, database: Database) -> None:
        issues, lessons = IssueStore(database), LessonStore(database)
        self.add_issue, self.issues = issues.add, issues.about
        self.record_lesson, self.lessons, self.guarded = lessons.record, lessons.about, lessons.guarded


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database)


@pytest.mark.promise("S0.22")
def test_an_issue_comes_back_as_it_was_stored(store: Store) -> None:
    assert store.add_issue(ISSUE) == (ISSUE, True)
    assert store.issues(Question(ISSUE.fingerprint)).things == [ISSUE]


def test_a_repeated_report_completes_the_issue_and_takes_nothing_away(store: Store) -> None:
    store.add_issue(ISSUE)
    told, created = store.add_issue(replace(ISSUE, logs="again", root_cause="pool of 5", status="investigating"))
    assert (told.logs, told.root_cause, told.status, created) == (ISSUE.logs, "pool of 5", "investigating", False)
    assert store.add_issue(ISSUE)[0] == told


def test_a_verified_lesson_closes_its_issue_with_the_time_it_took_and_a_recurrence_opens_it_again(store: Store) -> None:
    store.add_issue(ISSUE)
    store.record_lesson(LESSON)
    [fixed] = store.issues(Question(ISSUE.fingerprint)).things
    assert (fixed.status, fixed.resolution_time, fixed.root_cause, fixed.fix) == ("fixed", 42, "pool of 5", "pool of 20")
    again, _ = store.add_issue(replace(ISSUE, detected_at=NOW + timedelta(days=1)))
    assert (again.status, again.resolution_time, again.detected_at) == ("open", None, NOW + timedelta(days=1))


def test_a_lesson_that_may_not_be_recorded_leaves_nothing_behind(store: Store) -> None:
    def refuse(_connection: object) -> None:
        raise Refusal("the case is not verified")

    store.add_issue(ISSUE)
    with pytest.raises(Refusal, match="not verified"):
        store.record_lesson(LESSON, on_verified=refuse)
    assert store.lessons(Question(LESSON.fingerprint)).things == []
    assert store.issues(Question(ISSUE.fingerprint)).things == [ISSUE]


def test_a_lesson_is_one_per_case_and_never_loses_trust_or_its_guard_by_repetition(store: Store) -> None:
    store.record_lesson(replace(LESSON, guard_id="guard_1", guard="{}"))
    stored, created = store.record_lesson(
        replace(LESSON, provenance="reported", trust=0.4, fix="pool of 30", learned_at=NOW + timedelta(days=9))
    )
    assert (stored.provenance, stored.trust, stored.guard_id, stored.fix, created) == ("verified", 0.9, "guard_1", "pool of 20", False)
    assert stored.learned_at == LESSON.learned_at
    assert [lesson.guard_id for lesson in store.guarded()] == ["guard_1"]


@pytest.mark.promise("S3.13")
def test_later_cases_count_for_or_against_a_lesson_once_each(store: Store) -> None:
    store.record_lesson(LESSON)
    for _ in range(2):
        store.record_lesson(replace(LESSON, id="lesson_2", case="case_2"), contradicts="lesson_1")
        store.record_lesson(replace(LESSON, id="lesson_3", case="case_3"), confirms="lesson_1")
    lessons = store.lessons(Question(LESSON.fingerprint)).things
    assert {lesson.id: (lesson.held, lesson.failed) for lesson in lessons} == {"lesson_1": (1, 1), "lesson_2": (0, 0), "lesson_3": (0, 0)}
    with pytest.raises(Refusal, match="no lesson 'lesson_9'"):
        store.record_lesson(replace(LESSON, id="lesson_4", case="case_4"), confirms="lesson_9")


def test_a_witness_counts_only_when_it_earned_as_much_and_knows_the_error(store: Store) -> None:
    store.record_lesson(LESSON)
    told = replace(LESSON, id="lesson_2", case="case_2", provenance="reported", trust=0.4)
    store.record_lesson(told, contradicts="lesson_1")
    store.record_lesson(replace(LESSON, fingerprint=LESSON.fingerprint), confirms="lesson_1")
    [known] = [lesson for lesson in store.lessons(Question(LESSON.fingerprint)).things if lesson.id == "lesson_1"]
    assert (known.held, known.failed, known.held_at) == (0, 0, None)
    with pytest.raises(Refusal, match="about another error"):
        store.record_lesson(replace(told, id="lesson_3", fingerprint=Fingerprint("c9", "f9")), contradicts="lesson_1")


def test_what_earned_more_replaces_what_was_only_told_and_never_the_other_way_round(store: Store) -> None:
    store.record_lesson(replace(LESSON, provenance="reported", trust=0.4, recipe="{}", fix="restart"))
    stored, _ = store.record_lesson(LESSON)
    assert (stored.fix, stored.recipe, stored.provenance) == ("pool of 20", "", "verified")
    again, _ = store.record_lesson(replace(LESSON, fix="drop the pool", evidence="fix_2"))
    assert (again.fix, again.evidence) == ("pool of 20", "fix_2")
    with pytest.raises(Refusal, match="a case teaches once"):
        store.record_lesson(replace(LESSON, id="lesson_9", repository="other/one"))


@pytest.mark.parametrize(
    "text", ['"', "a OR b NEAR(", "words:*", "' ); DROP TABLE x; --", "-", "\\", "🦊 ß İ é", "x" * 4000, "& | ! <->", "%"]
)
def test_no_text_is_an_error_of_the_index(store: Store, text: str) -> None:
    store.add_issue(replace(ISSUE, logs=f"connection {text[:400]}"))
    assert [issue.id for issue in store.issues(Question(text=f"connection {text}")).things] == ["issue_1"]
    store.issues(Question(text=text))


def test_words_are_found_through_case_accents_and_compound_names(store: Store) -> None:
    store.add_issue(replace(ISSUE, logs="redis.ConnectionPool: pool_size épuisé"))
    for text in ("connection pool", "POOL SIZE", "epuise redis"):
        found = recall(Question(text=text), store.issues(Question(text=text)), ISSUES, NOW)
        assert [match.known.id for match in found] == ["issue_1"]


@pytest.mark.promise("S0.12")
def test_both_databases_rank_alike(store: Store) -> None:
    texts = (
        "pool exhausted",
        "pool exhausted under load of redis",
        "redis timeout under load",
        "disk full on worker",
        "pool of connections exhausted",
    )
    for number, text in enumerate(texts):
        case = f"case_{number}"
        store.record_lesson(Lesson(f"lesson_{number}", case, "shop/api", NOW, text, "?", "?", provenance="verified", trust=0.9))
    question = Question(text="redis pool exhausted")
    found = [(match.known.id, match.likeness) for match in recall(question, store.lessons(question), LESSONS, NOW)]
    assert [id for id, _ in found] == ["lesson_1", "lesson_0", "lesson_4"]
    assert found == sorted(found, key=lambda one: -one[1])


def test_a_repository_can_be_asked_alone(store: Store) -> None:
    store.add_issue(ISSUE)
    store.add_issue(replace(ISSUE, id="issue_2", repository="shop/web"))
    assert [issue.id for issue in store.issues(Question(ISSUE.fingerprint, text="redis"), "shop/web").things] == ["issue_2"]
