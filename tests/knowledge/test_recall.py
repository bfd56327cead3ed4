"""Recall: what is known about an error, ranked with a reason; nothing rather than a near miss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mcp_servers.kit.fulltext import Hits
from mcp_servers.kit.similarity import said
from mcp_servers.knowledge.lessons import Lesson, speaks, trust_now
from mcp_servers.knowledge.lessons.model import text_of
from mcp_servers.knowledge.lessons.tools import ASPECTS
from mcp_servers.knowledge.lessons.trust import heard
from mcp_servers.knowledge.model import Fingerprint, template_of
from mcp_servers.knowledge.recall import Found, Match, Question, recall

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
LESSON = Lesson(
    "lesson_a", "case_a", "shop/api", NOW, "AttributeError: 'NoneType' object has no attribute 'strip' in format_phone",
    "a customer may have no phone", "treat a missing phone as empty", provenance="verified", trust=0.9,
    fingerprint=Fingerprint("c1", "f1"), template="phone <*> failed",
)  # fmt: skip


def ranked(question: Question, lessons: Sequence[Lesson], now: datetime = NOW) -> list[Match[Lesson]]:
    hits = Hits({lesson.id: said(text_of(lesson)) for lesson in lessons}, total=10)
    return heard(recall(question, Found(list(lessons), hits), ASPECTS, now), now)


def ask(question: Question, *lessons: Lesson, now: datetime = NOW) -> list[tuple[str, float]]:
    return [(match.known.id, match.likeness) for match in ranked(question, lessons or (LESSON,), now)]


def test_the_same_error_comes_before_its_kind_its_template_and_its_words() -> None:
    lessons = (
        replace(LESSON, id="words", case="1", fingerprint=Fingerprint("x", "x"), template=""),
        replace(LESSON, id="template", case="2", fingerprint=Fingerprint("x", "x")),
        replace(LESSON, id="coarse", case="3", fingerprint=Fingerprint("c1", "other")),
        LESSON,
    )
    question = Question(Fingerprint("c1", "f1"), "phone <*> failed", "NoneType has no attribute strip")
    found = ranked(question, lessons)
    assert [match.known.id for match in found] == ["lesson_a", "coarse", "template", "words"]
    assert [match.reason.partition(":")[0] for match in found] == [
        "the same error at the same place (fine fingerprint)",
        "the same kind of error in the same function (coarse fingerprint)",
        "the same log template, but one that says little",
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
    assert [id for id, _ in found] == (["lesson_a"] if text == "customer" else [])
    assert all(likeness < 0.85 for _, likeness in found)


def test_a_question_without_content_knows_nothing() -> None:
    assert ask(Question()) == []
    assert ask(Question(Fingerprint("", "f2"), "phone <*>")) == []


def test_trust_falls_with_contradictions_and_with_age_and_rises_when_a_lesson_holds() -> None:
    assert trust_now(LESSON, NOW) == 0.9
    assert trust_now(replace(LESSON, failed=1), NOW) == 0.45
    assert trust_now(replace(LESSON, held=4), NOW) == 1.0
    assert trust_now(LESSON, NOW + timedelta(days=730)) == 0.45
    assert trust_now(LESSON, NOW - timedelta(days=9)) == 0.9
    assert trust_now(replace(LESSON, held=1, held_at=NOW + timedelta(days=730)), NOW + timedelta(days=730)) == 0.95


def test_among_equals_the_more_trusted_lesson_comes_first_and_a_refuted_one_is_silent() -> None:
    doubtful, refuted = replace(LESSON, id="doubtful", case="1", failed=1), replace(LESSON, id="refuted", case="2", failed=4)
    assert ask(Question(Fingerprint("c1", "f1")), doubtful, refuted, LESSON) == [("lesson_a", 1.0), ("doubtful", 1.0)]


TRACE = """AttributeError: 'NoneType' object has no attribute 'strip'
Traceback (most recent call last):
  File "/srv/shop/app/carts.py", line 41, in checkout
    total = self.price(cart)
  File "/srv/shop/app/prices.py", line 12, in price
    return cart.voucher.strip()
"""


@pytest.mark.parametrize(
    "again",
    [
        TRACE.replace("41", "57").replace("12", "19"),
        TRACE.replace("/srv/shop", "/home/deploy/releases/20261120"),
        TRACE.replace("'strip'", "'strip' (order 4711)"),
        "2026-11-20 ERROR worker-7\n" + TRACE,
    ],
)
def test_nearly_the_same_trace_is_probably_the_same_problem(again: str) -> None:
    known = replace(LESSON, symptom=TRACE, fingerprint=Fingerprint("x", "y"), template="")
    [match] = ranked(Question(Fingerprint("c9", "f9"), text=again), [known])
    assert match.likeness >= 0.85
    assert match.reason == "probably the same: nearly the same stack trace"


def test_another_trace_of_the_same_program_is_not_the_same_problem() -> None:
    known = replace(LESSON, symptom=TRACE, fingerprint=Fingerprint("x", "y"), template="")
    other = TRACE.replace("prices.py", "stock.py").replace("in price", "in reserve").replace("AttributeError", "KeyError")
    assert all(match.likeness < 0.85 for match in ranked(Question(text=other), [known]))


@pytest.mark.parametrize(
    ("change", "voice"),
    [
        ({}, True),
        ({"failed": 1}, True),
        ({"failed": 2}, False),
        ({"failed": 2, "held": 9}, False),
        ({"provenance": "certified", "trust": 0.7}, False),
        ({"provenance": "reported", "trust": 0.4}, False),
        ({"provenance": "reported", "trust": 0.99}, False),
        ({"learned_at": NOW - timedelta(days=1300)}, False),
        ({"learned_at": NOW - timedelta(days=1300), "held": 1, "held_at": NOW - timedelta(days=9)}, True),
    ],
)
@pytest.mark.promise("4.13")
def test_only_what_production_verified_and_nothing_refuted_speaks(change: dict[str, Any], voice: bool) -> None:
    assert speaks(replace(LESSON, **change), NOW) is voice


def test_of_lessons_on_somebodys_word_two_are_told_and_after_those_that_speak() -> None:
    told = [replace(LESSON, id=f"told_{number}", case=f"case_{number}", provenance="reported", trust=0.4) for number in range(9)]
    found = ranked(Question(Fingerprint("c1", "f1")), [*told, replace(LESSON, fingerprint=Fingerprint("c1", "other"))])
    assert [match.known.id for match in found] == ["lesson_a", "told_0", "told_1"]


def test_lines_that_differ_in_times_ids_and_numbers_have_one_template() -> None:
    one = template_of("2026-11-20T10:00:00.123Z order 17 of 3f2a9c04-1111-2222-3333-444455556666 failed  at 0x7f3a")
    two = template_of("2026-11-21 09:59:59 order 18 of aaaaaaaa-1111-2222-3333-444455556666 failed at 0x1")
    assert one == two == "<*> order <*> of <*> failed at <*>"
