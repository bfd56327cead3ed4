from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mcp_servers.logs.masking import canonical, mask

PIECES = st.sampled_from(
    [*"abefgzXF_0179é٣²-./:=#@$%,;()[]{}<>*'\" \t\n\\", "true", "blk_", "0x", "http://", "eth", "Jan 12", "ms", " of "]
)
TEXTS = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=40).map("".join))


@given(TEXTS)
@example("a" * 2047 + " 17 b")
@example("x " * 2000)
def test_the_canonical_form_alone_decides_how_a_text_is_masked(text: str):
    form = canonical(text)
    assert mask(form) == mask(text)
    assert canonical(form) == form


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("link eth17 is up on 3fa9c", "link eth0 is up on 0"),
        ("at 0x1f be12 4711 1.5e-7", "at 0 0 0 0.0-0"),
        ("rdd_42_24 of attempt_12_m_003", "rdd_0_0 of attempt_0_m_0"),
        ("  a\t b\r\n", "a b"),
        ("ipv4 ipv6", "ipv0 ipv0"),
    ],
)
def test_words_with_digits_have_one_spelling(text: str, form: str):
    assert canonical(text) == form


def test_a_word_of_a_megabyte_is_read_at_once():
    assert mask("a" * 1_000_000) == "a" * 2048
