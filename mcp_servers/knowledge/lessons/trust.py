"""How far a lesson may be trusted today. Pure: the time is an argument."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from mcp_servers.knowledge.lessons.model import Lesson

LEAST_TRUST = 0.1
HALF_LIFE_DAYS = 730.0


def trust_now(lesson: Lesson, now: datetime) -> float:
    """A lesson's trust today: it rises a little with every case it held in, halves with every contradiction and with every two years."""
    years = max((now - lesson.learned_at).total_seconds(), 0.0) / 86_400 / HALF_LIFE_DAYS
    return round(min(1.0, lesson.trust + 0.05 * lesson.held) * 0.5**lesson.failed * 0.5**years, 3)


def trusted(lessons: Iterable[Lesson], now: datetime) -> list[Lesson]:
    """The lessons that still count; one that kept failing is silent, and so is its guard."""
    return [lesson for lesson in lessons if trust_now(lesson, now) >= LEAST_TRUST]
