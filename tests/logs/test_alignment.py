from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_servers.logs.templates import Miner
from mcp_servers.logs.templates.alignment import aligned
from mcp_servers.logs.templates.merging import tokens

SERVICES = ["Print Spooler", "sppsvc", "Windows Update", "Background Intelligent Transfer Service"]
WORDS = st.sampled_from(
    ["job", "of", "queue", "carts", "no", "reason:", "ended", "in", "state", "<*>", "(x)", "-", "ok.", "opened", "closed"]
)
TEXTS = st.lists(st.lists(WORDS, min_size=1, max_size=14).map(" ".join), max_size=25)


def texts_of(*messages: str) -> set[str]:
    return set(aligned(map(tokens, messages)).values())


def test_a_name_of_any_number_of_words_is_one_value():
    found = texts_of(*(f"The {name} service entered the running state." for name in SERVICES))
    assert found == {"The <*> service entered the running state."}


def test_two_values_of_words_are_found_in_few_messages():
    ways = ["disabled", "auto start", "demand start"]
    found = texts_of(*(f"The start type of the {name} service was changed from {way} to {ways[0]}." for name in SERVICES for way in ways))
    assert found == {"The start type of the <*> service was changed from <*> to disabled."}


def test_a_reason_in_words_is_a_value():
    reasons = ["no listen socket", "timeout", "Operating System: Upgrade (Planned)"]
    found = texts_of(*(f"group {name} is about to be balanced again (reason: {why})" for name in ("carts", "orders") for why in reasons))
    assert found == {"group <*> is about to be balanced again (reason: <*>)"}


@pytest.mark.parametrize(
    "messages",
    [
        ("door of the north hall was opened", "door of the north hall was closed", "door of the north hall was locked"),
        ("access denied for this user (using password: YES)", "access denied for this user (using password: NO)"),
        ("mount of volume failed: secret not found", "mount of volume failed: configmap not found"),
        ("short {} one", "short other one", "short third kind of one"),
        ("the light in the hall is on", "the light in the hall is on again"),
    ],
)
def test_what_happened_is_no_value_and_two_words_prove_nothing(messages: tuple[str, ...]):
    assert texts_of(*messages) == set(messages)


@given(TEXTS, st.randoms(use_true_random=False))
def test_the_order_does_not_matter_and_nothing_is_lost(texts: list[str], source: random.Random):
    patterns = [tokens(text) for text in texts]
    found = aligned(patterns)
    assert set(found) == set(patterns)
    assert aligned(source.sample(patterns, len(patterns))) == found


def test_a_message_of_an_aligned_template_is_told_by_it():
    miner = Miner()
    for name in SERVICES:
        miner.add(f"The {name} service entered the running state.")
    (template,) = miner.templates()
    assert (template.count, template.text) == (len(SERVICES), "The <*> service entered the running state.")
    assert {miner.assign(f"The {name} service entered the running state.") for name in SERVICES} == {template}
