"""How far a lesson may be trusted today, and whether it may speak for what is known. Pure: the time is an argument.

A lesson speaks when production verified its fix (the ledger says so) and its record and age leave it enough trust. What was only told,
imported or proven in the sandbox is shown as such, after what is known, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from mcp_servers.knowledge.lessons.model import EARNED_TRUST, Lesson
from mcp_servers.knowledge.recall import Match

LEAST_TRUST = 0.1
LEAST_VOICE = 0.3
HALF_LIFE_DAYS = 730.0
MOST_TOLD = 2


def trust_now(lesson: Lesson, now: datetime) -> float:
    """A lesson's trust today: it rises a little with every case it held in, halves with every contradiction and with every two years
    in which it did not help."""
    earned = min(lesson.trust, EARNED_TRUST.get(lesson.provenance, 0.0))
    fresh = max(lesson.learned_at, lesson.held_at or lesson.learned_at)
    age = max((now - fresh).total_seconds(), 0.0) / 86_400 / HALF_LIFE_DAYS
    return round(min(1.0, earned + 0.05 * lesson.held) * 0.5**lesson.failed * 0.5**age, 3)


def speaks(lesson: Lesson, now: datetime) -> bool:
    """Whether the lesson may say what is known."""
    return lesson.provenance == "verified" and trust_now(lesson, now) >= LEAST_VOICE


def trusted(lessons: Iterable[Lesson], now: datetime) -> list[Lesson]:
    """The lessons that still count; one that kept failing is silent, and so is its guard."""
    return [lesson for lesson in lessons if trust_now(lesson, now) >= LEAST_TRUST]


def heard(matches: Sequence[Match[Lesson]], now: datetime) -> list[Match[Lesson]]:
    """The matches in the order they are told: lessons that speak, one for each case, by likeness and trust; then at most two that do not."""
    alive = [match for match in matches if trust_now(match.known, now) >= LEAST_TRUST]
    order = sorted(alive, key=lambda match: (-match.likeness, -trust_now(match.known, now), match.known.id))
    once = list({match.known.case: match for match in reversed(order)}.values())[::-1]
    speaking = [match for match in once if speaks(match.known, now)]
    return speaking + [match for match in once if not speaks(match.known, now)][:MOST_TOLD]
