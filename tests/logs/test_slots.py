"""Values of any length that what stands around them announces, and words that are values because they are elsewhere."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_servers.logs.templates import Miner

REASONS = (
    "connection refused",
    "the object has been modified; try again with the latest version of it",
    "Unauthorized",
    "EOF",
    "request timed out",
)
PEOPLE = ("Kaiju", "LunaFox", "QueenBee", "Herobrine", "mia", "bob", "Zed", "tim_o")


def texts(*messages: str) -> set[str]:
    miner = Miner()
    for message in messages:
        miner.add(message)
    return {template.text for template in miner.templates()}


def test_text_in_quotes_behind_a_key_is_a_value_however_long():
    said = texts(*(f'"Error syncing deployment" deployment="shop/api" err="{reason}"' for reason in REASONS))
    assert said == {'"Error syncing deployment" deployment="<*>" err="<*>"'}


def test_what_a_line_says_under_msg_is_no_value():
    messages = (
        "starting the listener",
        "stopping all of the workers",
        "reading its configuration",
        "leaving the group",
        "joining the group",
    )
    assert len(texts(*(f'component=api msg="{message}"' for message in messages))) == len(messages)


def test_the_reason_of_a_failure_behind_a_colon_is_a_value():
    assert texts(*(f"could not receive data: {reason}" for reason in REASONS)) == {"could not receive data: <*>"}


def test_what_stands_behind_the_colons_of_two_sentences_is_a_value():
    said = texts(
        *(f"{head}: {reason}" for head in ("Puffer konnte nicht geleert werden", "Lauf wurde nicht beendet") for reason in REASONS[:3])
    )
    assert said == {"Puffer konnte nicht geleert werden: <*>", "Lauf wurde nicht beendet: <*>"}


def test_a_value_behind_a_colon_ends_with_the_bracket_it_stands_in():
    said = texts(*(f"group carts could not be balanced (cause: {reason}) by now" for reason in REASONS))
    assert said == {"group carts could not be balanced (cause: <*>) by now"}


def test_what_a_part_of_a_program_says_behind_its_name_is_no_value():
    said = (
        "ready for connections",
        "flushing all pages now",
        "loading plugins",
        "starting recovery",
        "shutdown complete",
        "using native locks",
    )
    assert len(texts(*(f"Storage engine: {one}" for one in said))) == len(said)


def test_a_state_that_is_announced_is_a_value():
    said = texts(*(f"Interface eth1, changed state to {state}" for state in ("up", "down", "administratively down")))
    assert said == {"Interface <*>, changed state to <*>"}


def test_typographic_quotes_hold_a_value():
    assert texts("Relation »kunden« existiert nicht") == {"Relation »<*>« existiert nicht"}
    assert texts("“Annual report” was printed") == {"“<*>” was printed"}


def test_the_code_of_a_message_stays():
    assert texts("%LINK-3-UPDOWN: Interface 4, lost") == {"%LINK-3-UPDOWN: Interface <*>, lost"}


def test_who_is_a_value_in_many_messages_is_one_in_few():
    often = [f"{one} was shot by {other}" for one in PEOPLE for other in PEOPLE]
    rare = [f"{one} moved wrongly!" for one in PEOPLE[:2]]
    assert texts(*often, *rare) == {"<*> was shot by <*>", "<*> moved wrongly!"}


@settings(max_examples=12, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_the_messages_does_not_matter(source: random.Random):
    messages = [f"{one} was shot by {other}" for one in PEOPLE for other in PEOPLE[:5]]
    messages += [f"{one} lost connection: {reason}" for one in PEOPLE[:3] for reason in REASONS]
    messages += [f'worker failed job="{one}" err="{reason}"' for one in PEOPLE[:2] for reason in REASONS]
    assert texts(*messages) == texts(*source.sample(messages, len(messages)))
