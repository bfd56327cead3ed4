"""Patches as mails, terminals and listings carry them."""

from __future__ import annotations

import json
import quopri
from collections.abc import Callable

import pytest

from mcp_servers.fixes.edits.diffs import parse
from mcp_servers.fixes.edits.placing import patched
from mcp_servers.fixes.edits.wrappings import unwrapped
from mcp_servers.kit.errors import Refusal

BEFORE = "def pay(cents):\n    fee = 3\n    total = cents - fee\n    if total < 0:\n        total = 0\n    return total\n"
DIFF = (
    "diff --git a/pay.py b/pay.py\n--- a/pay.py\n+++ b/pay.py\n@@ -1,5 +1,5 @@\n def pay(cents):\n     fee = 3\n"
    "-    total = cents - fee\n+    total = cents + fee\n     if total < 0:\n         total = 0\n"
)
AFTER = BEFORE.replace("cents - fee", "cents + fee")


def _lines(change: Callable[[int, str], str]) -> str:
    return "".join(change(number, line) + "\n" for number, line in enumerate(DIFF.splitlines(), start=1))


@pytest.mark.parametrize(
    "text",
    [
        "On Monday Ada wrote:\n" + _lines(lambda _, line: f"> {line}") + "\nLooks right.\n",
        quopri.encodestring(DIFF.encode()).decode(),
        json.dumps(DIFF),
        json.dumps(DIFF)[1:-1],
        _lines(lambda number, line: f"{number:>4}\t{line}"),
        _lines(lambda number, line: f"{number:>3} | {line}"),
        _lines(lambda _, line: f"\x1b[36m{line}\x1b[m"),
        DIFF.replace("\n", "\r"),
        "\ufeff" + DIFF,
        DIFF.replace("\n-  ", "\n\u2212  "),
        _lines(lambda _, line: line.rstrip()),
        DIFF,
    ],
)
def test_a_patch_is_what_it_was_before_it_was_carried(text: str) -> None:
    (patch,) = parse(unwrapped(text))
    assert patched("pay.py", BEFORE, patch.hunks) == AFTER


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("--- a/pay.py\n+++ b/pay.py\n@@@ -1,1 -1,1 +1,1 @@@\n- a\n -b\n++c\n", "combined"),
        ("*** a/pay.py\n--- b/pay.py\n***************\n*** 1,2 ****\n! a\n--- 1,2 ----\n! b\n", "no_diff"),
        ("3c\nx\n.\n", "no_diff"),
    ],
)
def test_other_kinds_of_diff_are_refused(text: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse(unwrapped(text))
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (" def pay(cents):\n+    check()\n     total = cents - fee\n", "ambiguous_place"),
        (
            " def pay(cents):\n     fee = 3\n     if total < 0:\n+    check()\n     total = cents - fee\n         total = 0\n",
            "ambiguous_place",
        ),
    ],
)
def test_added_lines_whose_neighbours_were_lost_or_swapped_are_not_placed_by_guess(body: str, code: str) -> None:
    (patch,) = parse("--- a/pay.py\n+++ b/pay.py\n@@\n" + body)
    with pytest.raises(Refusal) as refused:
        patched("pay.py", BEFORE, patch.hunks)
    assert refused.value.code in {code, "no_such_place"}


def test_lines_added_one_blank_too_far_right_are_refused() -> None:
    (patch,) = parse(
        "--- a/pay.py\n+++ b/pay.py\n@@ -1,3 +1,4 @@\n def pay(cents):\n     fee = 3\n+     check()\n     total = cents - fee\n"
    )
    with pytest.raises(Refusal) as refused:
        patched("pay.py", BEFORE, patch.hunks)
    assert refused.value.code == "indentation_lost"


def test_numbers_tell_no_place_in_another_version_of_the_file() -> None:
    (patch,) = parse(DIFF.replace("@@ -1,5 +1,5 @@", "@@ -1,6 +1,6 @@") + "     return total\n")
    assert patched("pay.py", BEFORE + BEFORE, patch.hunks) == AFTER + BEFORE
    with pytest.raises(Refusal) as refused:
        patched("pay.py", BEFORE + BEFORE, patch.hunks, moved=True)
    assert refused.value.code == "ambiguous_place"
