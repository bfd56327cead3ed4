"""What the tools of lessons say, as schemas."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NotRequired

from typing_extensions import TypedDict

from mcp_servers.knowledge.lessons.model import Lesson
from mcp_servers.knowledge.lessons.trust import speaks, trust_now
from mcp_servers.knowledge.recall import Match

TEST = re.compile(r"(?:^|/)(?:tests?|__tests__|spec)/|(?:^|/)test_|[._](?:test|spec)\.|Tests?\.\w+$")
RECIPE = re.compile(r"recipe_\w+(?= is active)")


class LessonFound(TypedDict):
    id: str
    standing: str
    likeness: float
    why: str
    trust: float
    held: int
    failed: int
    provenance: str
    repository: str
    case: str
    learned_at: str
    symptom: str
    cause: str
    fix: str
    evidence: NotRequired[str]
    recipe: NotRequired[str]
    guard_id: NotRequired[str]


class LessonWhole(LessonFound):
    guard: NotRequired[str]


class LessonsFound(TypedDict):
    returned: int
    total: int
    omitted: int
    lessons: list[LessonFound]
    note: NotRequired[str]


class LessonRecorded(TypedDict):
    """`artifacts` is what the error left behind: its test, rule, monitoring, entry and recipe; empty where it has none, and a note says why."""

    lesson_id: str
    created: bool
    trust: float
    guard_id: NotRequired[str]
    guard_note: NotRequired[str]
    recipe_note: NotRequired[str]
    artifacts: NotRequired[dict[str, str]]


def lesson_found(match: Match[Lesson], now: datetime) -> LessonFound:
    """`standing` is known (the same error, verified in production), likely (nearly its trace), told (so, on somebody's word) or related."""
    lesson = match.known
    same = match.standing if match.standing == "related" or speaks(lesson, now) else "told"
    answer = LessonFound(
        id=lesson.id,
        standing=same,
        likeness=match.likeness,
        why=match.reason,
        trust=trust_now(lesson, now),
        held=lesson.held,
        failed=lesson.failed,
        provenance=lesson.provenance,
        repository=lesson.repository,
        case=lesson.case,
        learned_at=lesson.learned_at.isoformat(),
        symptom=lesson.symptom,
        cause=lesson.cause,
        fix=lesson.fix,
    )
    for key in ("evidence", "recipe", "guard_id"):
        if value := getattr(lesson, key):
            answer[key] = value
    return answer


def lesson_whole(lesson: Lesson, now: datetime) -> LessonWhole:
    """The lesson with the rule and the examples of its guard, which a list of lessons has no room for."""
    answer = LessonWhole(**lesson_found(Match(lesson, 1.0, "its id", "known"), now))
    return {**answer, "guard": lesson.guard} if lesson.guard else answer


def lesson_recorded(lesson: Lesson, created: bool, trust: float, note: str, taught: str, test: str) -> LessonRecorded:
    answer = LessonRecorded(lesson_id=lesson.id, created=created, trust=trust)
    if lesson.guard_id:
        answer["guard_id"] = lesson.guard_id
    if note:
        answer["guard_note"] = note
    if taught:
        answer["recipe_note"] = taught
    if lesson.provenance == "verified":
        known = RECIPE.match(taught)
        answer["artifacts"] = {
            "test": test,
            "rule": lesson.guard_id,
            "monitoring": f"watch_for after each deployment: {lesson.template[:100]}" if lesson.template else "",
            "entry": lesson.id,
            "prevention": known[0] if known else lesson.recipe,
        }
    return answer
