"""What every forge keeps: the same tests over each adapter."""

from __future__ import annotations

import pytest

from mcp_servers.fixes.merging import advanced
from mcp_servers.fixes.model import Certificate, Checks, Proposal
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.policy import Policy
from tests.contracts.scenes import BRANCH, Scene

SEEN = Certificate(True, True, True, True, "no worse", 3, "bubblewrap", "b", "r", "t", "held", "", 1.0)


def test_a_branch_is_published_with_one_pull_request_however_often_it_is_opened(scene: Scene) -> None:
    opened = scene.forge.open(scene.request)
    assert scene.forge.open(scene.request).id == opened.id
    assert scene.published_at() == scene.head
    found = scene.forge.state(scene.request.repository, BRANCH)
    assert found is not None
    assert (found.id, found.state, found.merge) == (opened.id, "open", "")
    assert found.request == scene.request


def test_a_remark_is_made_once_under_the_number_that_people_know_and_under_no_other(scene: Scene) -> None:
    opened = scene.forge.open(scene.request)
    for _ in range(2):
        assert scene.forge.remark(scene.request.repository, int(opened.id), "the release held @ada")
    assert scene.told() == ["the release held (at)ada"]
    with pytest.raises(Refusal):
        scene.forge.remark(scene.request.repository, int(opened.id) + 1000, "nobody reads this")


@pytest.mark.parametrize("branch", ["main", "feature", "Kintsugi/x"])
def test_only_branches_of_ours_are_published(scene: Scene, branch: str) -> None:
    before = scene.published.git("for-each-ref")
    with pytest.raises(Refusal) as refused:
        scene.forge.open(scene.with_(branch=branch))
    assert refused.value.code == "foreign_branch"
    assert scene.published.git("for-each-ref") == before


def test_a_branch_is_never_its_own_target(scene: Scene) -> None:
    with pytest.raises(Refusal) as refused:
        scene.forge.open(scene.with_(target=f"refs/heads/{BRANCH}"))
    assert refused.value.code == "foreign_branch"


def test_a_branch_that_somebody_has_stays_theirs(scene: Scene) -> None:
    scene.pushed_by_somebody()
    with pytest.raises(Refusal) as refused:
        scene.forge.open(scene.request)
    assert refused.value.code == "branch_taken"
    assert (scene.published_at(), scene.state()) == (scene.foreign, "none")


def test_a_closed_pull_request_stays_closed_and_closing_none_is_nothing(scene: Scene) -> None:
    scene.forge.close(scene.request.repository, BRANCH)
    assert scene.state() == "none"
    scene.forge.open(scene.request)
    scene.forge.close(scene.request.repository, BRANCH)
    scene.forge.close(scene.request.repository, BRANCH)
    assert (scene.state(), scene.forge.open(scene.request).state) == ("closed", "closed")
    with pytest.raises(Refusal) as refused:
        scene.merge()
    assert refused.value.code == "no_pull_request"


def test_without_a_pull_request_there_is_nothing_to_merge_to_check_or_to_comment(scene: Scene) -> None:
    with pytest.raises(Refusal) as refused:
        scene.merge()
    assert refused.value.code == "no_pull_request"
    assert scene.forge.checks(scene.request.repository, BRANCH) == Checks()
    scene.forge.comment(scene.request.repository, BRANCH, "hello?")


def test_exactly_the_expected_commit_is_merged_once(scene: Scene) -> None:
    scene.forge.open(scene.request)
    with pytest.raises(Refusal) as refused:
        scene.merge(scene.foreign)
    assert (refused.value.code, scene.state()) == ("branch_moved", "open")
    assert (scene.merge(), scene.merge(), scene.state()) == ("merged", "merged", "merged")


def test_a_squash_by_a_person_is_a_merge(scene: Scene) -> None:
    scene.forge.open(scene.request)
    scene.squashed_by_somebody()
    assert (scene.state(), scene.merge()) == ("merged", "merged")


def test_a_withdrawn_branch_is_gone_and_stays_gone(scene: Scene) -> None:
    scene.forge.open(scene.request)
    scene.withdraw()
    scene.withdraw()
    assert scene.published_at() == ""


def test_a_branch_that_somebody_pushed_to_is_left_alone(scene: Scene) -> None:
    scene.forge.open(scene.request)
    scene.pushed_by_somebody()
    with pytest.raises(Refusal) as refused:
        scene.withdraw()
    assert (refused.value.code, scene.published_at()) == ("branch_moved", scene.foreign)


def test_what_is_said_is_said_once_and_nothing_in_it_acts(scene: Scene) -> None:
    scene.forge.open(scene.request)
    for _ in range(2):
        scene.forge.comment(scene.request.repository, BRANCH, "verified, fixes #1, thanks @ada")
    assert scene.told() == ["verified, fixes # 1, thanks (at)ada"]


def test_nobody_has_checked_a_new_pull_request(scene: Scene) -> None:
    scene.forge.open(scene.request)
    checks = scene.forge.checks(scene.request.repository, BRANCH)
    assert (checks, checks.state) == (Checks(), "none")


@pytest.mark.promise("S2.23")
def test_a_merge_by_itself_is_off_waits_for_what_it_asks_and_takes_the_approved_commit(scene: Scene) -> None:
    opened = scene.forge.open(scene.request)
    fix = Proposal(
        "f",
        "c",
        "t",
        scene.request.repository,
        "refs/heads/main",
        scene.base,
        "tree",
        "p",
        "now",
        certificate=SEEN,
        branch=BRANCH,
        commit=scene.head,
    )
    assert advanced(scene.forge, Policy(), fix, opened) == opened
    waiting = advanced(scene.forge, Policy(auto_merge=True), fix, opened)
    assert waiting.waits_for == ("no check has run", "no QA run passed (checks named qa*)")
    free = Policy(auto_merge=True, require_passing_ci=False, require_qa_pass=False)
    merged = advanced(scene.forge, free, fix, opened)
    assert (merged.state, merged.waits_for) == ("merged", ())


def test_a_forge_says_whether_it_can_be_used(scene: Scene) -> None:
    reach = scene.forge.reach()
    assert reach.usable
    assert reach.text
