from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_servers.kit.errors import Misconfigured
from mcp_servers.logs.templates import Miner, catalogue, catalogue_file
from mcp_servers.logs.templates.catalogue import Catalogue, Mined, Settled

WORDS = st.sampled_from(["open", "user", "alice", "bob", "carol", "dave", "17", "10.0.0.1", "/var/log/x", "from", "=", "ok"])
MESSAGES = st.lists(st.lists(WORDS, min_size=1, max_size=5).map(" ".join), min_size=1, max_size=30)


def mined(*messages: str) -> list[Mined]:
    miner = Miner()
    for message in messages:
        miner.add(message)
    return miner.forms()


def settled(before: Catalogue, *messages: str) -> tuple[Catalogue, list[Settled]]:
    return before.settle(mined(*messages))


LOGINS = [f"login of user {name} failed" for name in ("alice", "bob", "carol", "dave")]


def test_an_id_is_given_once():
    known, (first,) = settled(Catalogue(), "took 12 ms")
    _, (again,) = settled(known, "took 9 ms", "took 8 ms")
    assert first.new
    assert (again.id, again.new, again.aliases) == (first.id, False, ())


def test_templates_that_merge_go_on_with_the_oldest_id_and_know_the_others():
    known, (one,) = settled(Catalogue(), "copied from alpha now")
    known, (other,) = settled(known, "copied from beta now")
    known, (both,) = settled(known, *(f"copied from {name} now" for name in ("alpha", "beta", "gamma", "delta")))
    assert both.mined.text == "copied from <*> now"
    assert (both.id, both.aliases, both.new) == (one.id, (other.id,), False)
    assert known.resolve(other.id) == one.id
    assert known.id_of("copied from beta now") == known.id_of("copied from zeta now") == one.id


def test_a_template_reworded_without_a_message_in_common_is_not_new():
    known, (one,) = settled(Catalogue(), "copied from alpha now")
    known, (general,) = settled(known, *(f"copied from {name} now" for name in ("beta", "gamma", "delta")))
    _, (special,) = settled(known, "copied from omega now")
    assert {one.id, general.id, special.id} == {one.id}


def test_of_the_parts_of_a_template_the_most_frequent_keeps_the_id():
    known, (whole,) = Catalogue().settle([Mined("cell is <*> now", ("cell is hot now", "cell is cold now"), 9)])
    parts = [Mined("cell is hot now", ("cell is hot now",), 300), Mined("cell is cold now", ("cell is cold now",), 900)]
    known, (hot, cold) = known.settle(parts)
    assert (cold.id, cold.parted_from) == (whole.id, "")
    assert (hot.parted_from, hot.new) == (whole.id, False)
    assert known.id_of("cell is hot now") == hot.id != cold.id
    assert [one.id for one in known.settle(parts)[1]] == [hot.id, cold.id]


def test_other_messages_get_other_ids():
    known, _ = settled(Catalogue(), "worker stopped", "took 1 ms")
    known, found = settled(known, "worker started", "sent 4 rows")
    assert all(one.new for one in found)
    assert len(set(known.resolved.values())) == 4
    assert known.id_of("never seen before") == ""


def test_names_with_digits_and_lists_are_found_again():
    known, (one,) = Catalogue().settle([Mined("sent <*>: <*> over ssh2 to <*>", ())])
    assert known.id_of("sent 12: 7 over ssh2 to 10.0.0.1") == one.id


def test_a_catalogue_forgets_what_was_not_seen_for_longest(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(catalogue, "MOST_ENTRIES", 2)
    known = Catalogue()
    for message in ("first one", "second thing", "first one", "third matter here"):
        known, _ = settled(known, message)
    assert [entry.text for entry in known.entries] == ["first one", "third matter here"]


@settings(deadline=None, max_examples=40)
@given(MESSAGES, MESSAGES)
def test_no_message_seen_before_is_ever_new(before: list[str], after: list[str]):
    known, first = settled(Catalogue(), *before)
    later, second = settled(known, *before, *after)
    ids = {form: one for one in second for form in one.mined.forms}
    assert len({one.id for one in second}) == len(second)
    for one in first:
        kept = {ids[form].id for form in one.mined.forms}
        assert later.resolve(one.id) in kept
        assert not any(ids[form].new for form in one.mined.forms)
    assert [one.id for one in later.settle([one.mined for one in second])[1]] == [one.id for one in second]


@settings(deadline=None, max_examples=40)
@given(MESSAGES)
def test_a_catalogue_survives_being_written(messages: list[str]):
    known, _ = settled(Catalogue(), *messages)
    assert Catalogue.from_json(json.loads(json.dumps(known.as_json()))) == known


def test_each_source_has_its_file(tmp_path: Path):
    known, _ = settled(Catalogue(), "took 1 ms")
    catalogue_file.save(tmp_path / "state", "web/../x", known)
    assert catalogue_file.load(tmp_path / "state", "web/../x") == known
    assert catalogue_file.load(tmp_path / "state", "other") == Catalogue()
    assert [path.suffix for path in (tmp_path / "state").iterdir()] == [".json"]


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '{"version": 2, "rounds": 0, "entries": []}', '{"version": 1, "rounds": 0, "entries": [{}]}']
)
def test_a_file_that_is_no_catalogue_is_told_with_what_to_do(tmp_path: Path, text: str):
    catalogue_file.path_of(tmp_path, "web").write_text(text, "utf-8")
    with pytest.raises(Misconfigured, match="Delete it"):
        catalogue_file.load(tmp_path, "web")
