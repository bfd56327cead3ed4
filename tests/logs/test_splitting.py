from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_servers.logs.templates import Miner
from mcp_servers.logs.templates.merging import merge, tokens
from mcp_servers.logs.templates.splitting import split

WORDS = st.sampled_from(["disk", "full", "empty", "alice", "bob", "user", "=", "from", "<*>", "a.b", "failed", "open"])
COUNTED = st.dictionaries(
    st.lists(WORDS, min_size=1, max_size=5).map(lambda words: tokens(" ".join(words))), st.integers(1, 500), max_size=25
)


def groups(counts: Mapping[str, int]) -> set[str]:
    by_signature = {tokens(text): count for text, count in counts.items()}
    return {"".join(to) for to in split(merge(by_signature), by_signature).values()}


def alike(text: str, words: str, count: int) -> dict[str, int]:
    return {text.format(word): count for word in words.split()}


STATES = "opened closed locked unlocked jammed oiled"
NAMES = "sausage mustard pickle onion bacon relish"


def test_a_few_frequent_words_are_different_messages_once_there_is_enough_to_know():
    assert groups(alike("valve is {} now", STATES, 3)) == {"valve is <*> now"}
    assert groups(alike("valve is {} now", STATES, 300)) == set(alike("valve is {} now", STATES, 1))


def test_words_that_keep_coming_are_values_however_many_messages_there_are():
    open_ended = alike("valve is {} now", STATES, 300) | {"valve is wedged now": 1}
    assert groups(open_ended) == {"valve is <*> now"}


@pytest.mark.parametrize("text", ["login of user {} refused", "mode={} set", "mail from {} read", "took '{}' away"])
def test_words_where_a_value_is_expected_stay_values(text: str):
    assert groups(alike(text, NAMES, 300)) == {text.format("<*>")}


def test_states_are_messages_of_their_own_even_where_a_value_is_expected():
    words = "stopped started degraded drained restarted"
    assert groups(alike("unit changed to {} again", words, 300)) == set(alike("unit changed to {} again", words, 1))


def test_names_are_values_however_few_and_frequent():
    assert groups(alike("disk {} was removed", "sda sdb sdc sdd sde", 300)) == {"disk <*> was removed"}


def test_what_has_hardly_a_word_in_common_is_no_message():
    pattern, members = tokens("<*> <*> <*>!"), [tokens("zeus eats fish!"), tokens("hera cuts bread!")]
    assert set(split(dict.fromkeys(members, pattern), {}).values()) == set(members)


def test_the_miner_splits_what_it_merged_while_it_knew_little():
    miner, few = Miner(), alike("valve is {} now", STATES, 3)
    for _ in range(3):
        for text in few:
            miner.add(text)
    assert [template.text for template in miner.templates()] == ["valve is <*> now"]
    for _ in range(30):
        for text in few:
            miner.add(text)
    assert {template.text for template in miner.templates()} == set(few)


def test_numbers_are_never_split():
    numbers = {tokens("row <*> done"): 900}
    assert split(merge(numbers), numbers) == {tokens("row <*> done"): tokens("row <*> done")}


@given(COUNTED)
def test_a_split_undoes_merges_and_nothing_else(counts: dict[tuple[str, ...], int]):
    merged = merge(counts)
    parted = split(merged, counts)
    assert parted.keys() == merged.keys()
    for member, to in parted.items():
        assert all(token in (own, "<*>") for token, own in zip(to, member, strict=True))
        assert all(token in (now, "<*>") for token, now in zip(merged[member], to, strict=True))
    assert split(merge(reversed(counts)), counts) == parted
