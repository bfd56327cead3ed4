"""What do we know about this? Exact identity first, then the template, then the words; nothing rather than a near miss."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from mcp_servers.kit.similarity import rank, words
from mcp_servers.knowledge.model import NO_FINGERPRINT, Fingerprint, Lesson, RuntimeIssue

LEAST_SHARE = 0.5
LEAST_WORDS = 2
LEAST_TRUST = 0.1
HALF_LIFE_DAYS = 730.0

Known = TypeVar("Known", Lesson, RuntimeIssue)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked; every part is optional, an empty question matches nothing."""

    fingerprint: Fingerprint = NO_FINGERPRINT
    template: str = ""
    text: str = ""

    def __bool__(self) -> bool:
        return bool(self.fingerprint or self.template or self.text)


@dataclass(frozen=True, slots=True)
class Match(Generic[Known]):
    """One thing we know, how sure we are that it is about the same problem (0–1), and why we say so."""

    known: Known
    likeness: float
    reason: str


def trust_now(lesson: Lesson, now: datetime) -> float:
    """A lesson's trust today: it rises a little with every case it held in, halves with every contradiction and with every two years."""
    years = max((now - lesson.learned_at).total_seconds(), 0.0) / 86_400 / HALF_LIFE_DAYS
    return round(min(1.0, lesson.trust + 0.05 * lesson.held) * 0.5**lesson.failed * 0.5**years, 3)


def trusted(lessons: Iterable[Lesson], now: datetime) -> list[Lesson]:
    """The lessons that still count; one that kept failing is silent, and so is its guard."""
    return [lesson for lesson in lessons if trust_now(lesson, now) >= LEAST_TRUST]


def recall_issues(question: Question, candidates: Iterable[RuntimeIssue], total: int) -> list[Match[RuntimeIssue]]:
    """The issues that are about the question, best first, the latest first among equals."""
    found = _matches(question, {issue.id: (issue, _issue_text(issue)) for issue in candidates}, total)
    return sorted(found, key=lambda match: (-match.likeness, -match.known.detected_at.timestamp(), match.known.id))


def recall_lessons(question: Question, candidates: Iterable[Lesson], total: int, now: datetime) -> list[Match[Lesson]]:
    """The lessons that are about the question and still trusted, by likeness, then trust."""
    found = _matches(question, {lesson.id: (lesson, _lesson_text(lesson)) for lesson in trusted(candidates, now)}, total)
    return sorted(found, key=lambda match: (-match.likeness, -trust_now(match.known, now), match.known.id))


def _matches(question: Question, candidates: dict[str, tuple[Known, str]], total: int) -> list[Match[Known]]:
    said = {likeness.id: likeness.shared for likeness in rank(question.text, {id: text for id, (_, text) in candidates.items()}, total)}
    asked = len(set(words(question.text)))
    found: list[Match[Known]] = []
    for id, (known, _) in candidates.items():
        likeness, reason = _by_identity(question, known) or _by_words(said.get(id, ()), asked)
        if likeness:
            found.append(Match(known, likeness, reason))
    return found


def _by_identity(question: Question, known: Lesson | RuntimeIssue) -> tuple[float, str] | None:
    asked, has = question.fingerprint, known.fingerprint
    if asked.fine and asked.fine == has.fine:
        return 1.0, "the same error at the same place (fine fingerprint)"
    if has.coarse and has.coarse in (asked.coarse, asked.former):
        return 0.9, "the same kind of error in the same function (coarse fingerprint)"
    if question.template and question.template == known.template:
        return 0.8, "the same log template"
    return None


def _by_words(shared: Sequence[str], asked: int) -> tuple[float, str]:
    enough = len(shared) >= min(LEAST_WORDS, asked) and asked > 0 and len(shared) / asked >= LEAST_SHARE
    if not enough:
        return 0.0, ""
    named = ", ".join(shared[:8])
    return round(0.7 * len(shared) / asked, 3), f"related by text: {len(shared)} of {asked} words ({named})"


def _issue_text(issue: RuntimeIssue) -> str:
    return "\n".join((issue.logs, issue.root_cause, issue.fix, issue.pattern, issue.service_type))


def _lesson_text(lesson: Lesson) -> str:
    return "\n".join((lesson.symptom, lesson.cause, lesson.fix, lesson.template))
