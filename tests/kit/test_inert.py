"""Nothing that production wrote may act in a tracker."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_servers.kit.inert import fenced, inert, line, plain

ACTIVE = re.compile(r"@\w|#\w|\bgh-\d|://|!\[|\]\(|javascript:|\bwww\.\w", re.I)
HOSTILE = st.text() | st.lists(
    st.sampled_from(
        ["@", "a", "#1", "fixes ", "KIN-1", "://", "https", "![", "](", "]", "```", "`", "\n", "<img>", "GH-", "9", "javascript:", "www.x"]
    )
).map("".join)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("ask @octocat", "ask (at)octocat"),
        ("fixes #12, closes GH-7", "fixes # 12, closes GH- 7"),
        ("Closes shop/api#3 and resolves: KIN-9", "Closes shop/api# 3 and resolves: KIN- 9"),
        ("see https://evil.test/x", "see https[:]//evil.test/x"),
        ("![](javascript:x)", "! [] (javascript[:]x)"),
        ("/merge now\n/usr/bin/env", "/ merge now\n/usr/bin/env"),
        ("UTF-8 and x[0](y)", "UTF-8 and x[0] (y)"),
        ("password=hunter2secret", "password=[redacted]"),
        ("bell\x07 and \u202eright to left", "bell\\u0007 and \\u202eright to left"),
    ],
)
def test_what_a_tracker_would_act_on_is_taken_apart(text: str, safe: str) -> None:
    assert inert(text) == safe


@given(HOSTILE)
def test_nothing_active_survives(text: str) -> None:
    for made in (inert(text), line(text), plain(text), fenced(text)):
        assert not ACTIVE.search(made)


@given(HOSTILE)
def test_a_block_cannot_be_left_by_its_content(text: str) -> None:
    first, *content, last = fenced(text).split("\n")
    fence = first.removesuffix("text")
    assert last == fence
    assert not any(set(row.strip()) == {"`"} and len(row.strip()) >= len(fence) for row in content)


@given(HOSTILE)
def test_a_line_is_one_short_line_without_markup(text: str) -> None:
    assert not re.search(r"[\n\r<`]", line(text))
    assert len(plain(text)) <= 150
