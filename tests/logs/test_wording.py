from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_servers.logs.templates.masking import fold, mask
from mcp_servers.logs.templates.wording import worded


@pytest.mark.parametrize("message", ["jk2_init() failed", "Br43xx::sync over ssh2", "Dev::run of ssh1 and utf8"])
def test_names_that_stay_have_their_digits_back(message: str):
    assert worded(mask(message), [message]) == message


def test_a_name_that_messages_spell_differently_is_a_value():
    assert worded("sent over ipv0", ["sent over ipv6", "sent over ipv4"]) == "sent over <*>"


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        (["disconnect from 10.0.0.1: 11: Bye", "disconnect from 10.0.0.7: 3: Bye"], "disconnect from <*>: <*>: Bye"),
        (["moved 1, 2 of 3", "moved 1 2 of 4"], "moved <*> of <*>"),
        (["range 1 - 2"], "range <*> - <*>"),
    ],
)
def test_values_are_parted_as_all_messages_part_them(messages: list[str], text: str):
    assert worded(mask(messages[0]), messages) == text


@given(st.lists(st.text(alphabet="ab0 ,:.<*>()ssh", max_size=40), min_size=1, max_size=3))
def test_wording_never_changes_what_the_mask_has_told(messages: list[str]):
    for message in messages:
        assert mask(worded(mask(message), [message])) == mask(mask(message))
        assert fold(worded("a <*> b", messages)) == "a <*> b"
