from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mcp_servers.logs.templates.masking import canonical, mask, mask_message

PIECES = st.sampled_from(
    [*"abefgzXF_0179é٣²-./:=#@$%,;()[]{}<>*'\" \t\n\\", "true", "blk_", "0x", "http://", "eth", "Jan 12", "ms", " of "]
)
TEXTS = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=40).map("".join))


@given(TEXTS)
@example("a" * 2047 + " 17 b")
@example("x " * 2000)
@example("a:" * 1000 + "0")
def test_the_canonical_form_alone_decides_how_a_text_is_masked(text: str):
    form = canonical(text)
    assert mask(form) == mask(text)
    assert canonical(form) == form


WORDS = st.sampled_from(
    [
        "for",
        "by",
        "of",
        "user",
        "from",
        "invalid",
        "root",
        "nobody",
        "true",
        "FALSE",
        "null,",
        "nil.",
        "on:",
        "a,b",
        "[x,y]",
        "ABC(7)",
        "12",
        "eth0",
        "'a",
        "'b'",
        '"a"',
        "went",
        "up,",
        "user;",
        "-7",
        "MB(1)",
        "mail:",
        "x",
    ]
)


@given(st.lists(WORDS, max_size=12).map(" ".join))
def test_what_is_a_value_does_not_depend_on_a_tail_that_holds_values_of_every_kind(text: str):
    said = f"{text} done"
    assert mask(f"{said} then tag=12") == f"{mask(said)} then tag=<*>"


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


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("PendingReds:1 vCores:-17 ratio=95% took 160 ms", "PendingReds:<*> vCores:<*> ratio=<*> took <*> ms"),
        ("size 5.9 KB, sent 700 bytes (1 KB) in 2 (free 0.5 B)", "size <*> KB, sent <*> bytes (<*>) in <*> (free <*>)"),
        ("from fe80::1%eth0 via 00:ee:43:e3:ba:c3 and ::ffff:10.0.0.1", "from <*> via <*> and <*>"),
        ("from db-7.example.com:5432 as web-3/10.0.0.3:80", "from <*> as <*>"),
        ("at Sat Jun 18 02:23:10 2005, since 17/Jun/2026:10:11:12 +0200", "at <*>, since <*>"),
        (r"opened C:\Program Files (x86)\app\run.dll, then \\nas\share\a", "opened <*>, then <*>"),
        ("read /var/log/x.log. Then /healthz!", "read <*>. Then <*>!"),
        ("read-write lock of input/output, and/or n/a", "read-write lock of input/output, and/or n/a"),
        ("Package_for_KB12~31bf~amd64~~6.1.1.2 and jetty-6.1.26", "<*> and jetty-<*>"),
        ("core.2275 of lib0x.so.3", "core.<*> of <*>"),
        ("jk2_init() and Br43xx::sync use ssh2", "jk0_init() and 0::sync use ssh0"),
        ("Foo@3fa9 and bob@example.org", "Foo@<*> and <*>"),
        ("nodes:node-[0-63] and rack[1,2,9-11]", "nodes:<*> and <*>"),
        ('tag="View Lock", ws=null, on=true', 'tag="<*>", ws=<*>, on=<*>'),
        ("session for user eve by root; user unknown to user groups", "session for user <*> by <*>; user unknown to user groups"),
        ("host=db ok", "host=<*> ok"),
        ("acls to: yarn,curi", "acls to: <*>"),
        ("token=Token{78af name}", "token=Token{<*> name}"),
        ("12, 13 and 14 15", "<*> and <*>"),
    ],
)
def test_values_are_masked_and_words_are_not(text: str, masked: str):
    assert mask(text) == masked


def test_what_stands_in_quotes_is_no_part_of_the_identity_of_a_message():
    assert mask_message("no column 'a b' in \"t1\" at 17") == "no column <*> in <*> at <*>"
