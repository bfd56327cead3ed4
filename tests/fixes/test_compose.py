"""What a forge reads of a fix cannot make it do anything."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from mcp_servers.fixes.compose import message, request
from mcp_servers.fixes.model import Certificate, Finding, Proposal
from mcp_servers.fixes.store import Intent

ACTIVE = re.compile(r"@\w|#\d|\bgh-\d|://|!\[|\]\(|^\s*/[a-z]+$", re.I | re.M)
PIECES = [
    "@octocat",
    "fixes #12",
    "closes GH-7",
    "https://evil.test/x",
    "![](x)",
    "\n/merge\n",
    "\n\nApproved-by: mallory",
    "```",
    "<img>",
    " ",
    "word",
]
HOSTILE = st.lists(st.sampled_from(PIECES), max_size=6).map(" ".join)
SEEN = Certificate(True, True, True, True, "no worse", 3, "bubblewrap", "b", "r", "t", "held", "", 1.0)
FIX = Proposal(
    "fix_1", "case_1", "t", "r", "refs/heads/main", "b", "tree", "p", "now", certificate=SEEN, branch="kintsugi/fix_1", commit="c"
)
INTENT = Intent("fix_1", "apply", "sha256:d", "grace", datetime(2026, 11, 20, tzinfo=UTC), "b")


@given(HOSTILE, HOSTILE, HOSTILE)
def test_nothing_that_strangers_wrote_acts_in_a_commit_or_a_pull_request(title: str, cause: str, finding: str) -> None:
    fix = replace(FIX, title=title, draft={"cause": cause}, findings=(Finding("new_host", "elevate", finding, finding),))
    made = request(fix, "")
    for text in (made.title, made.body, message(fix, INTENT)):
        assert not ACTIVE.search(text)
    assert "<img" not in made.body
    assert "\n" not in made.title


@given(HOSTILE)
def test_a_message_ends_in_our_trailers_alone(hostile: str) -> None:
    trailers = message(replace(FIX, title=f"x {hostile}", draft={"cause": hostile}), INTENT).rstrip().rpartition("\n\n")[2]
    assert trailers == "Case: case_1\nFix: fix_1\nDigest: sha256:d\nApproved-by: grace"


def test_a_diff_stays_in_its_fence_and_is_cut() -> None:
    diff = "+ ````````\n ````````\n@@ -1 +1 @@\n+@decorator\n" + "+x\n" * 40_000
    made = request(FIX, diff)
    fence = made.body.rpartition("\n")[2]
    assert len(fence) == 9
    assert "+@decorator" in made.body
    assert "more characters" in made.body
    assert len(made.body) < 65_000
