"""What kind of work a text asks for, how large, and in which parts."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kintsugi.tools import Tools
from mcp_servers.kit.errors import Refusal
from mcp_servers.launch import assemble
from mcp_servers.tickets.classification import Request, break_down, classify, priority_score

PORTAL = """The portal of 2014 goes away. Users should be able to:

- see invoices
- pay invoices by card
- download receipts
- change their address
- invite colleagues

## Acceptance criteria
- invoices of two years are shown
- a receipt is a PDF

Depends on #12 and OPS-7.
"""
FORM = """### Do you want to request a feature or report a bug?

Feature

### Steps to reproduce

### What version?
1.0
"""


@pytest.mark.promise("S2.12")
@pytest.mark.parametrize(
    ("title", "type"),
    [
        ("Error when saving an empty order", "Bug"),
        ("The importer crashes on large files", "Bug"),
        ("Search is broken after the release", "Bug"),
        ("Login geht nicht: Fehler 500", "Bug"),
        ("As a user I want to reset my password", "Story"),
        ("Customers should be able to pay by card", "Story"),
        ("Add dark mode", "Story"),
        ("Add error handling to the importer", "Story"),
        ("Refactor the payment module", "Task"),
        ("Upgrade to the next major version of the framework", "Task"),
        ("Migrate the sessions table", "Task"),
        ("Update the documentation of error codes", "Task"),
        ("Investigate slow queries on the orders page", "Spike"),
        ("Research which queue fits us", "Spike"),
        ("POC: vector search", "Spike"),
        ("Is it possible to run without a database?", "Spike"),
        ("Homepage", "Spike"),
        ("Overhaul billing: plans, invoices, taxes and dunning", "Epic"),
        ("[Epic] Customer portal", "Epic"),
    ],
)
def test_the_words_of_a_request_say_what_kind_of_work_it_is(title: str, type: str) -> None:
    assert classify(Request(title)).type == type


def test_what_the_author_calls_it_outweighs_single_words() -> None:
    assert classify(Request("feat: tell the user what went wrong when a payment fails")).type == "Story"
    assert classify(Request("Crash reporter", FORM)).type == "Story"


def test_three_user_stories_in_one_text_are_an_epic() -> None:
    stories = "As a buyer I want a cart.\nAs a buyer I want to pay.\nAs a seller I want to be paid."
    assert classify(Request("Marketplace", stories)).type == "Epic"


def test_code_comments_and_quotes_are_not_the_authors_words() -> None:
    pasted = "<!-- Describe the bug. What crashes? -->\n> error\n```\nraise Error('broken crash')\n```\n"
    assert classify(Request("Add a retry", pasted)).confidence == classify(Request("Add a retry")).confidence


def test_a_pasted_trace_speaks_for_a_bug() -> None:
    trace = 'Traceback (most recent call last):\n  File "a.py", line 3, in f\nValueError: x'
    found = classify(Request("Orders page", trace))
    assert (found.type, found.reasons[0]) == ("Bug", "a stack trace is in the text")


def test_without_words_that_decide_the_answer_is_a_question_and_unsure() -> None:
    found = classify(Request("Homepage banner"))
    assert (found.type, found.confidence) == ("Spike", 0.2)
    assert "ask its author" in found.reasons[0]


@pytest.mark.promise("S2.13")
@pytest.mark.parametrize(
    ("title", "description", "size"),
    [
        ("Fix a typo in the readme", "", "XS"),
        ("Add dark mode", "", "S"),
        ("Add export", "## Acceptance criteria\n- CSV\n- XLSX\n- at most a minute\n- only for admins", "M"),
        ("Customer portal", PORTAL, "L"),
        ("Rewrite every service", "Component: api, worker, billing, mail\n" + "- a thing\n" * 6, "XL"),
        ("Add dark mode", "Story points: 13", "XL"),
        ("Add dark mode", "Estimate: 2 days", "S"),
        ("Customer portal", PORTAL + "\nSize: M", "M"),
    ],
)
def test_a_size_is_counted_or_its_authors_own(title: str, description: str, size: str) -> None:
    assert classify(Request(title, description)).size == size


@pytest.mark.promise("S2.13")
def test_what_the_text_says_of_itself_is_taken_and_nothing_is_made_up() -> None:
    found = classify(Request("checkout: card payments time out", PORTAL + "\nSee `shop/pay/cards.py`."))
    assert found.dependencies == ("#12", "OPS-7")
    assert found.components == ("checkout", "shop/pay")
    assert found.acceptance_criteria == ("invoices of two years are shown", "a receipt is a PDF")
    assert {"performance"} <= set(found.labels)
    assert classify(Request("Add dark mode")).acceptance_criteria == ()


@pytest.mark.promise("S2.13")
def test_large_work_falls_into_the_parts_that_its_author_listed() -> None:
    parts = break_down(Request("Overhaul the customer portal", PORTAL)).subtasks
    assert [part.title for part in parts[1:-1]] == [
        "see invoices",
        "pay invoices by card",
        "download receipts",
        "change their address",
        "invite colleagues",
    ]
    assert parts[1].acceptance_criteria == ("invoices of two years are shown",)
    assert {part.depends_on for part in parts[1:-1]} == {("1",)}
    assert parts[-1].depends_on == tuple(part.id for part in parts[1:-1])


def test_parts_that_follow_each_other_say_so() -> None:
    plan = (
        "## Plan\n1. copy all tables\n2. read from the new ones\n3. write to both\n4. drop the old tables\n5. tell every team\n6. x\n7. y\n"
    )
    parts = break_down(Request("Migrate the warehouse", plan)).subtasks
    assert all(after.depends_on == (before.id,) for before, after in pairwise(parts))


def test_large_work_without_a_list_falls_into_its_places_or_its_usual_steps() -> None:
    places = break_down(Request("Migrate all services to one tracing", "Components: api, worker, billing"))
    assert [part.components for part in places.subtasks] == [(), ("api",), ("worker",), ("billing",), ()]
    usual = break_down(Request("Redesign every page from scratch"))
    assert "usual steps" in usual.source
    assert len(usual.subtasks) >= 4


def test_small_work_stays_whole() -> None:
    whole = break_down(Request("Add dark mode"))
    assert (whole.subtasks, whole.source) == ((), "It is S: small enough to be done as one.")


@given(st.text(max_size=300), st.text(max_size=3000))
def test_any_text_gets_an_answer_whose_parts_can_be_followed(title: str, description: str) -> None:
    if not title.strip():
        return
    found = break_down(Request(title, description))
    assert 0 < found.whole.confidence <= 1
    seen: set[str] = set()
    for part in found.subtasks:
        assert part.size in ("XS", "S", "M")
        assert set(part.depends_on) <= seen
        seen.add(part.id)


@pytest.mark.promise("S2.17")
def test_priority_is_twice_the_impact_less_the_risk_by_effort() -> None:
    assert priority_score(8, 4, 3, "S") == 4.0
    assert priority_score(8, 4, 0, "S") == 6.0, "the size stands for the effort"
    for impact, risk, effort in ((0, 4, 3), (8, 11, 3), (8, 4, -1)):
        with pytest.raises(Refusal, match="from 1 to 10"):
            priority_score(impact, risk, effort, "S")


@pytest.mark.anyio
@pytest.mark.promise("S2.11", "S2.13")
async def test_the_tools_answer_in_one_form(tmp_path: Path) -> None:
    tools = Tools(assemble(None, home=tmp_path), ("tickets",))
    ask: dict[str, Any] = {"title": "Overhaul the customer portal", "description": PORTAL}
    whole = await tools.call("classify_task", **ask, impact=9, risk=4)
    assert (whole["type"], whole["size"], whole["priority_score"]) == ("Epic", "XL", 1.4)
    parts = await tools.call("break_down_task", **ask)
    assert parts["returned"] == len(parts["subtasks"]) == 7
    assert set(parts["subtasks"][0]) == {"id", "title", "type", "size", "depends_on", "labels", "components", "acceptance_criteria"}
    with pytest.raises(Refusal, match="risk is 0"):
        await tools.call("classify_task", title="Add dark mode", impact=3)
    with pytest.raises(Refusal, match="nothing to classify"):
        await tools.call("classify_task", title=" ")


@pytest.mark.anyio
async def test_the_parts_of_a_huge_text_fit_an_answer_and_add_up(tmp_path: Path) -> None:
    tools = Tools(assemble(None, home=tmp_path), ("tickets",))
    things = "".join(f"- {number} {'𠮷' * 400}\n" for number in range(20))
    parts = await tools.call("break_down_task", title="Redesign every page", description=f"{things}## Requirements\n{things}")
    assert 0 < parts["returned"] < parts["total"] == parts["returned"] + parts["omitted"]
