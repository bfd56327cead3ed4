"""Recall: what is known about an error, ranked with a reason; nothing rather than a near miss."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mcp_servers.knowledge.lessons import Lesson, trust_now
from mcp_servers.knowledge.lessons.tools import ranked
from mcp_servers.knowledge.model import Fingerprint, template_of
from mcp_servers.knowledge.recall import Question

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
LESSON = Lesson(
    "lesson_a", "case_a", "shop/api", NOW, "AttributeError: 'NoneType' object has no attribute 'strip' in format_phone",
    "a customer may have no phone", "treat a missing phone as empty", provenance="verified", trust=0.9,
    fingerprint=Fingerprint("c1", "f1"), template="phone <*> failed",
)  # fmt: skip


def ask(question: Question, *lessons: Lesson, now: datetime = NOW) -> list[tuple[str, float]]:
    return [(match.known.id, match.likeness) for match in ranked(question, lessons or (LESSON,), 10, now)]


def test_the_same_error_comes_before_its_kind_its_template_and_its_words() -> None:
    lessons = (
        replace(LESSON, id="words", fingerprint=Fingerprint("x", "x"), template=""),
        replace(LESSON, id="template", fingerprint=Fingerprint("x", "x")),
        replace(LESSON, id="coarse", fingerprint=Fingerprint("c1", "other")),
        LESSON,
    )
    question = Question(Fingerprint("c1", "f1"), "phone <*> failed", "NoneType has no attribute strip")
    found = ranked(question, lessons, 4, NOW)
    assert [match.known.id for match in found] == ["lesson_a", "coarse", "template", "words"]
    assert [match.reason.partition(":")[0] for match in found] == [
        "the same error at the same place (fine fingerprint)",
        "the same kind of error in the same function (coarse fingerprint)",
        "the same log template",
        "related by text",
    ]


def test_what_was_learned_under_a_former_identity_is_still_known() -> None:
    assert ask(Question(Fingerprint("c2", "f2", former="c1"))) == [("lesson_a", 0.9)]
    assert ask(Question(Fingerprint("c2", "f2", former="c0"))) == []


@pytest.mark.parametrize(
    "text",
    [
        "TimeoutError in the payment gateway",
        "customer",
        "strip the paint from the wall of the old customer house tomorrow",
        "",
        "the of and",
    ],
)
def test_a_near_miss_is_not_known(text: str) -> None:
    found = ask(Question(text=text))
    assert found == ([("lesson_a", 0.7)] if text == "customer" else [])


def test_a_question_without_content_knows_nothing() -> None:
    assert ask(Question()) == []
    assert ask(Question(Fingerprint("", "f2"), "phone <*>")) == []


def test_trust_falls_with_contradictions_and_with_age_and_rises_when_a_lesson_holds() -> None:
    assert trust_now(LESSON, NOW) == 0.9
    assert trust_now(replace(LESSON, failed=1), NOW) == 0.45
    assert trust_now(replace(LESSON, held=4), NOW) == 1.0
    assert trust_now(LESSON, NOW + timedelta(days=730)) == 0.45
    assert trust_now(LESSON, NOW - timedelta(days=9)) == 0.9


def test_among_equals_the_more_trusted_lesson_comes_first_and_a_refuted_one_is_silent() -> None:
    doubtful, refuted = replace(LESSON, id="doubtful", failed=1), replace(LESSON, id="refuted", failed=4)
    assert ask(Question(Fingerprint("c1", "f1")), doubtful, refuted, LESSON) == [("lesson_a", 1.0), ("doubtful", 1.0)]


def test_lines_that_differ_in_times_ids_and_numbers_have_one_template() -> None:
    one = template_of("2026-11-20T10:00:00.123Z order 17 of 3f2a9c04-1111-2222-3333-444455556666 failed  at 0x7f3a")
    two = template_of("2026-11-21 09:59:59 order 18 of aaaaaaaa-1111-2222-3333-444455556666 failed at 0x1")
    assert one == two == "<*> order <*> of <*> failed at <*>"
