"""The local tracker, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest

from mcp_servers.kit.database import Database
from mcp_servers.kit.errors import Refusal
from mcp_servers.tickets.duplicates import nearest
from mcp_servers.tickets.model import Comment, Draft
from mcp_servers.tickets.trackers import Tracker
from mcp_servers.tickets.trackers.local import LocalTracker
from tests.databases import database, database_url

__all__ = ["database", "database_url"]

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
DRAFT = Draft("[Auto-detected] pool exhausted", "the pool of 5 is too small", "Bug", "HIGH", ("AI-Fix",), "5", "20", "c0ffee", "case_1")


@pytest.fixture
def tracker(database: Database, tmp_path: Path) -> Tracker:
    return LocalTracker(database, tmp_path / "tickets")


def test_a_ticket_comes_back_as_it_was_opened(tracker: Tracker) -> None:
    ticket, created = tracker.create(DRAFT, NOW)
    assert (ticket.id, ticket.draft, ticket.status, ticket.created_at, created) == ("KIN-1", DRAFT, "open", NOW, True)
    assert tracker.get("KIN-1") == ticket


def test_one_problem_has_one_live_ticket_whoever_asks(tracker: Tracker) -> None:
    tracker.create(DRAFT, NOW)
    for again in (DRAFT, replace(DRAFT, title="other words"), replace(DRAFT, case="case_2")):
        ticket, created = tracker.create(again, NOW + timedelta(hours=1))
        assert (ticket.id, ticket.draft.title, created) == ("KIN-1", DRAFT.title, False)


def test_a_ticket_without_fingerprint_is_known_by_its_words(tracker: Tracker) -> None:
    plain = Draft("write the runbook", "for the pool")
    assert [tracker.create(draft, NOW)[0].id for draft in (plain, plain, replace(plain, title="write the other"))] == [
        "KIN-1",
        "KIN-1",
        "KIN-2",
    ]


def test_after_it_was_closed_the_problem_gets_a_new_ticket_but_its_case_keeps_the_old_one(tracker: Tracker) -> None:
    tracker.create(DRAFT, NOW)
    tracker.transition("KIN-1", "closed", NOW)
    assert tracker.create(DRAFT, NOW)[0].id == "KIN-1"
    fresh, created = tracker.create(replace(DRAFT, case="case_2"), NOW)
    assert (created, fresh.status) == (True, "open")
    with pytest.raises(Refusal, match=f"{fresh.id} is already open for the same problem"):
        tracker.transition("KIN-1", "open", NOW)


def _open_in_another_process(url: str, folder: Path, number: int) -> tuple[str, bool]:
    database = Database.open(url)
    ticket, created = LocalTracker(database, folder).create(replace(DRAFT, case=f"case_{number}"), NOW)
    database.close()
    return ticket.id, created


def test_processes_that_race_open_one_ticket(database_url: str, tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        races = [pool.submit(_open_in_another_process, database_url, tmp_path, number) for number in range(4)]
        outcomes = [race.result() for race in races]
    assert {id for id, _ in outcomes} == {"KIN-1"}
    assert sum(created for _, created in outcomes) == 1


def test_a_repeated_comment_or_transition_changes_nothing(tracker: Tracker) -> None:
    tracker.create(DRAFT, NOW)
    later = NOW + timedelta(minutes=5)
    for moment in (later, later + timedelta(minutes=5)):
        tracker.comment("KIN-1", Comment("fixer", moment, "certified"))
        tracker.transition("KIN-1", "resolved", moment)
    ticket = tracker.get("KIN-1")
    assert [said.body for said in ticket.comments] == ["certified"]
    assert (ticket.status, ticket.updated_at) == ("resolved", later)


def test_each_change_is_on_the_page(tracker: Tracker, tmp_path: Path) -> None:
    tracker.create(DRAFT, NOW)
    tracker.comment("KIN-1", Comment("fixer", NOW, "certified ``` # not a heading"))
    tracker.transition("KIN-1", "resolved", NOW)
    page = (tmp_path / "tickets" / "KIN-1.md").read_text("utf-8")
    assert page.startswith("# KIN-1 [Auto-detected] pool exhausted\n\nBug · HIGH · **resolved** · case case_1\n")
    assert "certified" in page
    assert [file.name for file in (tmp_path / "tickets").iterdir()] == ["KIN-1.md"]


@pytest.mark.parametrize("id", ["KIN-2", "KIN-0", "KIN-1; --", "../KIN-1", "KIN-99999999999", ""])
def test_an_unknown_ticket_is_refused(tracker: Tracker, id: str) -> None:
    tracker.create(DRAFT, NOW)
    with pytest.raises(Refusal, match="ticket"):
        tracker.get(id)


def test_the_five_nearest_tickets_come_with_a_reason_and_the_same_fingerprint_first(tracker: Tracker) -> None:
    for number in range(7):
        tracker.create(Draft(f"connection pool exhausted {number}", "redis " * number, fingerprint=f"f{number}"), NOW)
    tracker.create(Draft("something else", "nothing shared", fingerprint="same"), NOW)
    found, total = tracker.search("redis connection pool", "same")
    near = nearest("redis connection pool", "same", found, total)
    assert len(near) == 5
    assert (near[0].ticket.draft.title, near[0].reason) == ("something else", "the same fingerprint")
    assert near[1].reason == "shares the words redis, connection, pool"


def test_a_search_by_status_sees_only_that_status(tracker: Tracker) -> None:
    tracker.create(DRAFT, NOW)
    tracker.create(Draft("pool of threads", ""), NOW)
    tracker.transition("KIN-1", "resolved", NOW)
    found, total = tracker.search("pool", statuses=("resolved",))
    assert ([ticket.id for ticket in found], total) == (["KIN-1"], 2)
    assert [ticket.id for ticket in tracker.search()[0]] == ["KIN-2", "KIN-1"]
