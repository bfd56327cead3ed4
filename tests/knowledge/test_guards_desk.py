"""States of guards: who may speak, who decides, and what is published; on every store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mcp_servers.kit.database import Database
from mcp_servers.kit.errors import Misconfigured, Refusal
from mcp_servers.kit.policy import parse
from mcp_servers.knowledge.guards import index
from mcp_servers.knowledge.guards.desk import Desk
from mcp_servers.knowledge.guards.hits import Hit, drain, place_of, tell
from mcp_servers.knowledge.guards.model import Guard, guard_id
from mcp_servers.knowledge.guards.store import Decision, GuardStore
from mcp_servers.knowledge.lessons import Lesson, LessonStore
from mcp_servers.launch import assemble
from tests.conftest import Clock
from tests.databases import database, database_url

__all__ = ["database", "database_url"]

BOUND: Guard = {
    "kind": "config-bound",
    "file": "settings.toml",
    "key": "pool",
    "at_least": 16.0,
    "names": ["settings.toml"],
    "message": "Too small.",
}
GUARD: Guard = {"id": guard_id(BOUND), **BOUND}


@pytest.fixture
def desk(tmp_path: Path, clock: Clock, database_url: str) -> Iterator[Desk]:
    deps = assemble(None, home=tmp_path / "home", clock=clock, database_url=database_url)
    yield Desk(deps, LessonStore(deps.database))
    deps.database.close()


@pytest.fixture
def lessons(desk: Desk, database: Database) -> LessonStore:
    return LessonStore(database)


def lesson(clock: Clock, guard: Guard = GUARD, **more: object) -> Lesson:
    made = Lesson(
        "lesson_1",
        "case_1",
        "shop/api",
        clock(),
        "PoolExhausted",
        "two connections",
        "sixteen",
        "",
        "verified",
        0.9,
        guard_id=str(guard["id"]),
        guard=json.dumps(guard),
    )
    return replace(made, **more)  # pyright: ignore[reportArgumentType]


def test_a_guard_warns_until_a_person_decides_and_each_decision_is_published(desk: Desk, lessons: LessonStore, clock: Clock) -> None:
    lessons.record(lesson(clock))
    assert [one["level"] for one in desk.publish().guards] == ["warning"]
    assert [one["level"] for one in desk.decide(GUARD["id"], "blocking", actor="ada", reason="twice").guards] == ["blocking"]
    assert desk.decide(GUARD["id"], "muted", actor="ada", reason="noise").guards == ()
    assert (desk.get(GUARD["id"]).state, desk.get(GUARD["id"]).reason) == ("muted", "noise (ada)")
    assert index.load(desk.state_folder).guards == ()


def test_a_guard_loses_its_voice_with_its_lesson(desk: Desk, lessons: LessonStore, clock: Clock) -> None:
    lessons.record(lesson(clock))
    desk.decide(GUARD["id"], "blocking", actor="ada", reason="twice")
    clock.forward(days=365 * 20)
    assert desk.get(GUARD["id"]).state == "candidate"
    assert desk.publish().guards == ()


def test_what_production_did_not_verify_may_warn_and_never_blocks(desk: Desk, lessons: LessonStore, clock: Clock) -> None:
    lessons.record(lesson(clock, provenance="reported", trust=0.4))
    desk.decide(GUARD["id"], "blocking", actor="ada", reason="twice")
    assert desk.get(GUARD["id"]).state == "warning"


def test_the_policy_may_let_guards_block_that_production_verified(
    tmp_path: Path, database: Database, desk: Desk, lessons: LessonStore, clock: Clock
) -> None:
    deps = replace(assemble(None, home=tmp_path / "home", clock=clock), database=database, policy=parse({"guards": {"block": "verified"}}))
    for made, state in ((lesson(clock, provenance="reported", trust=0.4), "warning"), (lesson(clock), "blocking")):
        lessons.record(made)
        assert Desk(deps, lessons).get(GUARD["id"]).state == state
    desk.decide(GUARD["id"], "warning", actor="ada", reason="too loud")
    assert Desk(deps, lessons).get(GUARD["id"]).state == "warning"
    with pytest.raises(Misconfigured, match=r"or verified \(in production\)"):
        parse({"guards": {"block": "always"}})


def test_another_rule_under_the_name_of_an_accepted_guard_is_no_guard(desk: Desk, lessons: LessonStore, clock: Clock) -> None:
    lessons.record(lesson(clock, guard={**GUARD, "at_least": 1e9}))
    assert desk.held() == []
    with pytest.raises(Refusal, match="no guard 'guard_"):
        desk.decide(GUARD["id"], "blocking", actor="ada", reason="twice")


def test_experience_demotes_a_guard_even_one_that_blocks(desk: Desk, lessons: LessonStore, clock: Clock) -> None:
    lessons.record(lesson(clock))
    desk.decide(GUARD["id"], "blocking", actor="ada", reason="twice")
    found = {place_of("r", f"{n}.toml", GUARD["id"], "pool = 2"): (GUARD["id"], "overruled") for n in range(3)}
    tell(desk.state_folder, "r", [f"{n}.toml" for n in range(3)], found)  # pyright: ignore[reportArgumentType]
    assert desk.publish().guards == ()
    assert (desk.get(GUARD["id"]).state, desk.get(GUARD["id"]).reason) == ("demoted", "overruled 3 times, accepted 0 times")


def test_the_record_counts_a_place_once_by_its_last_outcome(database: Database) -> None:
    store = GuardStore(database)
    store.add_hits([Hit("g", "a", "overruled"), Hit("g", "b", "accepted")])
    store.add_hits([Hit("g", "a", "accepted"), Hit("h", "a", "overruled")])
    assert {name: (tally.accepted, tally.overruled) for name, tally in store.tallies().items()} == {"g": (2, 0), "h": (0, 1)}


def test_a_spool_that_holds_anything_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    (tmp_path / "guard-hits.jsonl").write_bytes(b'["g", "a.b", "accepted"]\n{"x": 1}\nnull\n["g", "a", "eaten"]\n\xff\n["g"')
    assert drain(tmp_path) == [Hit("g", "a.b", "accepted")]
    assert drain(tmp_path) == []


def test_the_index_is_written_once_and_read_as_it_was(tmp_path: Path) -> None:
    first = index.save(tmp_path, [GUARD])
    stamp = (tmp_path / index.FILE_NAME).stat().st_mtime_ns
    assert index.save(tmp_path, [dict(reversed(GUARD.items()))]).digest == first.digest
    assert (tmp_path / index.FILE_NAME).stat().st_mtime_ns == stamp
    loaded = index.load(tmp_path)
    assert [one["id"] for one in loaded.could_find("deploy/Settings.toml", "pool = 3")] == [GUARD["id"]]
    assert loaded.could_find("other.toml", "pool = 3") == []


@pytest.mark.parametrize("content", ["", "null", "[]", '{"version": 2}', '{"version": 1, "digest": "", "guards": []}', "{" * 100_000])
def test_an_index_that_is_none_says_so_in_one_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / index.FILE_NAME).write_text(content, "utf-8")
    with pytest.raises(ValueError, match=r"`kintsugi guard list` writes it anew\.$"):
        index.load(tmp_path)
    assert index.load(tmp_path / "nowhere").guards == ()


def test_the_age_of_a_decision_is_kept(database: Database, clock: Clock) -> None:
    store = GuardStore(database)
    store.decide("g", Decision("muted", "noise", "ada", clock()))
    store.decide("g", Decision("warning", "after all", "bob", clock() + timedelta(days=1)))
    assert store.decisions() == {"g": Decision("warning", "after all", "bob", clock() + timedelta(days=1))}
