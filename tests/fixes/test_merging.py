"""A merge without a person at the forge happens when everything speaks for it, and not otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mcp_servers.fixes.merging import hindrances
from mcp_servers.fixes.model import Certificate, Checks, Finding, Proposal, PullRequest, Request
from mcp_servers.kit.policy import Policy

ON = Policy(auto_merge=True)
SEEN = Certificate(True, True, True, True, "no worse", 3, "bubblewrap", "b", "r", "t", "held", "", 1.0)
FIX = Proposal(
    "fix_1", "case_1", "t", "r", "refs/heads/main", "b", "tree", "p", "now", certificate=SEEN, branch="kintsugi/fix_1", commit="c0ffee"
)
OPENED = PullRequest("7", "", "open", Request("fix_1", "r", "kintsugi/fix_1", "refs/heads/main", "b", "c0ffee", "t", "body"))
GREEN = Checks(passed=("build", "QA / smoke"))


def told(policy: Policy = ON, fix: Proposal = FIX, opened: PullRequest = OPENED, checks: Checks = GREEN) -> str:
    return "; ".join(hindrances(policy, fix, opened, checks))


@pytest.mark.promise("S2.23")
def test_with_ci_and_qa_passed_nothing_stands_against_it() -> None:
    assert told() == ""


@pytest.mark.promise("S2.23")
@pytest.mark.parametrize(
    ("checks", "reason"),
    [
        (Checks(), "no check has run"),
        (Checks(passed=("qa",), pending=("build",)), "build still runs"),
        (Checks(passed=("qa",), failed=("build", "lint")), "build and 1 more failed"),
        (Checks(passed=("build",)), "no QA run passed"),
        (Checks(passed=("qa a", "build"), failed=("qa b",)), "no QA run passed"),
        (replace(GREEN, objected=("grace",)), "grace asked for changes"),
    ],
)
def test_what_is_missing_is_named(checks: Checks, reason: str) -> None:
    assert reason in told(checks=checks)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"commit": "other"}, "commits that nobody approved"),
        ({"certificate": None}, "no certificate"),
        ({"certificate": replace(SEEN, suite="worse")}, "no certificate"),
        ({"findings": (Finding("protected", "elevate", "Makefile", "…"),)}, "a person has to look at"),
    ],
)
def test_a_fix_that_a_person_has_to_see_waits_for_one(change: dict[str, Any], reason: str) -> None:
    assert reason in told(fix=replace(FIX, **change))


def test_the_proof_of_the_approval_has_to_be_as_strong_as_merging_asks() -> None:
    assert "is of proof 1, and merging asks for 2" in told(replace(ON, merge_proof=2))
    assert told(replace(ON, merge_proof=2, proof=(2, 2, 2))) == ""


def test_the_policy_may_ask_for_less() -> None:
    assert told(replace(ON, require_passing_ci=False, require_qa_pass=False), checks=Checks()) == ""
