"""The noun of what a case taught."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mcp_servers.knowledge.model import NO_FINGERPRINT, Fingerprint, digest

EARNED_TRUST: Mapping[str, float] = {"verified": 0.9, "certified": 0.7, "reported": 0.4}


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one case taught. `trust` is what its provenance earned; `held` and `failed` count later cases of the same error in which its
    fix helped or not, told by lessons that earned at least as much; `held_at` is when it last helped."""

    id: str
    case: str
    repository: str
    learned_at: datetime
    symptom: str
    cause: str
    fix: str
    evidence: str = ""
    provenance: str = "reported"
    trust: float = 0.4
    fingerprint: Fingerprint = NO_FINGERPRINT
    template: str = ""
    recipe: str = ""
    guard_id: str = ""
    guard: str = ""
    held: int = 0
    failed: int = 0
    held_at: datetime | None = None


def lesson_id(repository: str, case: str) -> str:
    return "lesson_" + digest(repository, case)


def text_of(lesson: Lesson) -> str:
    """What of a lesson is searched by words."""
    return "\n".join((lesson.symptom, lesson.cause, lesson.fix, lesson.template))


def same_error(one: Lesson, other: Lesson) -> bool:
    """Whether two lessons are about one error: they share its fingerprint, or its template where one of them has no fingerprint."""
    a, b = one.fingerprint, other.fingerprint
    if a and b:
        return (a.coarse == b.coarse != "") or (a.fine == b.fine != "")
    return one.template == other.template != ""
