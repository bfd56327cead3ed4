from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from mcp_servers.fixes.model import Certificate, Finding, Proposal, State
from mcp_servers.fixes.store import Intent, Store
from mcp_servers.kit.database import Database
from mcp_servers.kit.errors import Refusal
from tests.conftest import Clock
from tests.databases import database, database_url

__all__ = ["database", "database_url"]

SEEN = Certificate(True, True, True, True, "no worse", 3, "bubblewrap", "b", "r", "t", "proven", "log", 1.0)
MADE = Proposal(
    id="", case="case_1", title="A title", repository="0" * 40, target="refs/heads/main", base="b", tree="t", policy="1", proposed="",
    draft={"cause": "x", "pros": ["y"]}, findings=(Finding("made_executable", "elevate", "a", "b"),), plan={"paths": [], "runs": 3},
)  # fmt: skip


def nothing(_proposal: Proposal, _connection: Connection) -> None: ...


@pytest.mark.promise("S3.5")
def test_a_fix_is_named_after_its_second_and_the_next_one_gets_a_number(database: Database, clock: Clock) -> None:
    store = Store(database)
    ids = [store.add(replace(MADE, tree=tree), clock(), nothing).id for tree in "abc"]
    assert ids == ["fix_20261120_101500", "fix_20261120_101500_2", "fix_20261120_101500_3"]


def test_a_proposal_comes_back_as_it_was(database: Database, clock: Clock) -> None:
    store = Store(database)
    added = store.add(MADE, clock(), nothing).certified(SEEN)
    with database.transaction() as connection:
        store.save(added, connection)
    assert store.get(added.id) == added
    assert store.proposals(case="case_1", repository="0" * 40) == [added]
    assert store.proposals(case="another") == []


def test_the_same_proposal_for_the_same_case_is_one_and_is_recorded_once(database: Database, clock: Clock) -> None:
    store, recorded = Store(database), []

    def record(proposal: Proposal, _connection: Connection) -> None:
        recorded.append(proposal.id)

    first = store.add(MADE, clock(), record)
    clock.forward(minutes=1)
    assert store.add(MADE, clock(), record) == first
    assert store.add(replace(MADE, case="case_2"), clock(), record).id != first.id
    assert len(recorded) == 2


def test_a_proposal_whose_record_is_refused_was_never_there(database: Database, clock: Clock) -> None:
    def refuse(_proposal: Proposal, _connection: Connection) -> None:
        raise Refusal("the budget is used up")

    store = Store(database)
    with pytest.raises(Refusal):
        store.add(MADE, clock(), refuse)
    assert store.proposals() == []


def test_an_unknown_fix_is_refused(database: Database) -> None:
    with pytest.raises(Refusal) as refused:
        Store(database).get("fix_20000101_000000")
    assert refused.value.code == "unknown_fix"


@pytest.mark.parametrize(
    "other",
    [
        {"repository": "1" * 40},
        {"target": "refs/heads/x"},
        {"base": "c"},
        {"tree": "u"},
        {"plan": {"runs": 2}},
        {"policy": "2"},
        {"certificate": SEEN},
    ],
)
def test_the_digest_differs_when_any_part_of_what_is_approved_does(other: dict[str, Any]) -> None:
    assert replace(MADE, **other).digest != MADE.digest


def test_the_digest_is_the_same_for_the_same_content_whatever_became_of_it() -> None:
    again = replace(MADE, id="fix_x", proposed="later", state=State.APPLIED, branch="b", commit="c")
    assert again.digest == MADE.digest
    assert replace(MADE, certificate=SEEN).digest == replace(MADE, certificate=replace(SEEN, log="another", seconds=9.0)).digest


def test_the_journal_keeps_how_far_an_intent_came(database: Database, clock: Clock) -> None:
    store = Store(database)
    intent = Intent("fix_1", "apply", "sha256:0", "grace", clock() + timedelta(microseconds=5), "base")
    assert store.intent("fix_1", "apply") is None
    with database.transaction() as connection:
        store.begin(intent, connection)
    assert store.intent("fix_1", "apply") == intent
    assert store.step(intent, "done").done
    assert store.intent("fix_1", "apply") == replace(intent, step="done")
    assert store.intent("fix_1", "rollback") is None
