from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_servers.logs.templates.merging import merge, tokens

NAMES = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"]
FRUIT = ["apple", "banana", "cherry", "grape", "lemon", "mango"]
WORDS = st.sampled_from(["a.b", "x_y", "alice", "bob", "carol", "<*>", "from", "=", ":", "ok", "failed", "", "'"])
TEXTS = st.lists(st.lists(WORDS, max_size=6).map(" ".join), max_size=30)


def merged(*texts: str) -> set[str]:
    return {"".join(to) for to in merge(map(tokens, texts)).values()}


def test_two_values_in_one_message_are_found_though_no_pair_comes_twice():
    source = random.Random(1)
    texts = {f"{source.choice(NAMES)} returned {source.choice(FRUIT)} yesterday" for _ in range(25)}
    assert merged(*texts) == {"<*> returned <*> yesterday"}


def test_six_different_sentences_of_one_length_stay_apart():
    sentences = {
        "sun rises over hills",
        "rain falls on roofs",
        "snow melts by noon",
        "wind howls at night",
        "fog lifts after lunch",
        "hail dents all cars",
    }
    assert merged(*sentences) == sentences


@pytest.mark.parametrize(
    ("text", "words", "enough"),
    [
        ("basket of {} lost", NAMES, 5),
        ("login of user {} failed", NAMES, 3),
        ("level={} set", NAMES, 3),
        ("torus {} broken", ["x+", "y-"], 2),
        ("{}: write error", NAMES, 5),
        ("unknown symbol {} here", ["foo_bar", "bar_foo"], 2),
        ("{} fell asleep", FRUIT + NAMES, 99),
        ("freed <*> {} of <*>", ["KB", "MB", "B"], 2),
        ("payment {}", ["accepted", "rejected", "failed", "refunded", "frozen"], 6),
    ],
)
def test_a_word_is_a_value_once_enough_of_its_kind_were_seen(text: str, words: list[str], enough: int):
    few, many = [{text.format(word) for word in words[:count]} for count in (enough - 1, enough)]
    assert merged(*few) == few
    assert merged(*many) == (many if enough > len(words) else {text.format("<*>")})


def test_keys_are_not_values():
    keys = {f"{name}=<*> set" for name in NAMES}
    assert merged(*keys) == keys


@given(TEXTS, st.randoms())
def test_a_merge_is_told_by_the_set_alone_and_only_makes_holes(texts: list[str], source: random.Random):
    signatures = [tokens(text) for text in texts]
    found = merge(signatures)
    assert merge(source.sample(signatures, len(signatures))) == found
    for signature, to in found.items():
        assert all(token in (own, "<*>") for token, own in zip(to, signature, strict=True))
