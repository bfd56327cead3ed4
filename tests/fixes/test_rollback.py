"""The way back of an applied fix: before the merge, after it however it came, over later work, and when somebody stands in the way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mcp_servers.cases.model import State as CaseState
from mcp_servers.fixes.model import Certificate, Proposal, State
from mcp_servers.fixes.remaking import remade
from mcp_servers.kit.errors import Refusal
from tests.fixes.repositories import BROKEN
from tests.fixes.test_apply import FILE, SEEN, TEST, Bench, bench

__all__ = ["bench"]

MENDED = BROKEN.replace("phone.strip()", "(phone or '').strip()")
TESTED = replace(SEEN, red_on_base=False, same_fingerprint=False, green_on_patch=False, red_without_fix=False, revert=True)
WAYS = ("merge --ff-only", "merge --no-ff", "merge --squash", "cherry-pick", "rebase")


def applied(bench: Bench) -> Proposal:
    return bench.applier.apply(bench.approved().id, bench.write())


def bring(bench: Bench, fix: Proposal, way: str) -> None:
    """Merges the fix as people and forges do."""
    if way != "merge --ff-only":
        bench.watched.commit("meanwhile", {"other.py": "x = 1\n"})
    bench.watched.git(*("cherry-pick" if way == "rebase" else way).split(), fix.branch)
    if way == "merge --squash":
        bench.watched.git("commit", "--quiet", "--message", "squashed")


def certified(bench: Bench, revert: Proposal, seen: Certificate = TESTED) -> Proposal:
    made = revert.certified(seen)
    with bench.deps.database.transaction() as connection:
        bench.store.save(made, connection)
    bench.ledger.append(made.case, "certified", {"fix": made.id, "digest": made.digest, "certificate": {"passed": True}}, actor="kintsugi")
    return made


def refused(bench: Bench, fix: Proposal) -> Refusal:
    """The refusal of a rollback, which leaves everything as it was."""
    before = (bench.watched.state(), bench.watched.git("for-each-ref"), bench.events())
    with pytest.raises(Refusal) as refusal:
        bench.applier.rollback(fix.id, bench.write("rollback_fix"))
    assert (bench.watched.state(), bench.watched.git("for-each-ref"), bench.events()) == before
    return refusal.value


@pytest.mark.parametrize("way", WAYS)
def test_a_merged_fix_is_taken_back_by_a_proposal_that_is_proven_approved_and_applied(bench: Bench, way: str) -> None:
    fix = applied(bench)
    bring(bench, fix, way)
    head = bench.watched.commit("later", {"later.py": "x = 1\n"})
    undone = bench.applier.rollback(fix.id, bench.write("rollback_fix"))
    assert undone.how == "revert"
    assert undone.revert is not None
    assert bench.watched.git("for-each-ref", "--format=%(refname)", "refs/heads/kintsugi").split() == [f"refs/heads/{fix.branch}"]
    with pytest.raises(Refusal, match="no certificate"):
        bench.applier.apply(undone.revert.id, bench.write())

    revert = certified(bench, undone.revert)
    with pytest.raises(Refusal, match="No person has approved"):
        bench.applier.apply(revert.id, bench.write())
    bench.approvals.request(revert.id, risk="low", actor="kintsugi")
    bench.approvals.approve(revert.digest, person="grace", channel="terminal")
    made = bench.applier.apply(revert.id, bench.write())

    repository = bench.watched.repository
    assert [change.path for change in repository.changes(head, made.commit)] == [FILE, TEST["path"]]
    assert repository.text(made.commit, FILE) == BROKEN
    assert bench.store.get(fix.id).state is State.ROLLED_BACK
    assert bench.ledger.case(fix.case).state is CaseState.ROLLED_BACK
    assert bench.applier.rollback(fix.id, bench.write("rollback_fix")).how == "already"


def test_asking_twice_for_a_revert_finds_the_one_that_waits(bench: Bench) -> None:
    fix = applied(bench)
    bring(bench, fix, "merge --ff-only")
    first, again = (bench.applier.rollback(fix.id, bench.write("rollback_fix")) for _ in range(2))
    assert (first.how, again.how) == ("revert", "waiting")
    assert first.revert == again.revert
    assert bench.events().count("revert_proposed") == 1


def test_later_commits_on_the_same_lines_are_shown_and_nothing_is_changed(bench: Bench) -> None:
    fix = applied(bench)
    bring(bench, fix, "merge --ff-only")
    bench.watched.commit("later", {FILE: MENDED.replace("(phone or '')", "(phone or '-')")})
    refusal = refused(bench, fix)
    assert refusal.code == "revert_conflict"
    assert f"{FILE}: 1 place changed on both sides" in str(refusal)
    assert "(phone or '-').strip()" in str(refusal)


def test_later_commits_on_other_lines_stay(bench: Bench) -> None:
    fix = applied(bench)
    bring(bench, fix, "merge --ff-only")
    bench.watched.commit("later", {FILE: f"# ours\n\n\n\n{MENDED}"})
    revert = bench.applier.rollback(fix.id, bench.write("rollback_fix")).revert
    assert revert is not None
    assert bench.watched.repository.text(revert.tree, FILE) == f"# ours\n\n\n\n{BROKEN}"


def test_what_somebody_took_back_by_hand_is_told_so(bench: Bench) -> None:
    fix = applied(bench)
    bring(bench, fix, "merge --ff-only")
    bench.watched.git("revert", "--no-edit", fix.commit)
    assert refused(bench, fix).code == "already_reverted"


def test_a_target_that_is_gone_leaves_our_branch_alone(bench: Bench) -> None:
    fix = applied(bench)
    bench.watched.git("checkout", "--quiet", "-b", "trunk")
    bench.watched.git("branch", "--quiet", "-D", "main")
    assert refused(bench, fix).code == "no_target"


@pytest.mark.parametrize("there", ["elsewhere", "same lines", "landed"])
def test_a_proposal_whose_base_moved_is_made_on_the_new_one_or_refused_with_the_place(bench: Bench, there: str) -> None:
    fix = bench.approved()
    changed = {"elsewhere": {"other.py": "x = 1\n"}, "same lines": {FILE: BROKEN.replace("phone.strip()", "phone.lower()")}}
    if there == "landed":
        bench.watched.write({FILE: MENDED, TEST["path"]: TEST["content"]})
    head = bench.watched.commit("meanwhile", changed.get(there, {}))
    repository, policy = bench.watched.repository, bench.applier.policy
    if there != "elsewhere":
        with pytest.raises(Refusal) as refusal:
            remade(repository, fix, {}, policy)
        assert refusal.value.code == {"same lines": "base_moved", "landed": "already_applied"}[there]
        assert there == "landed" or "phone.lower()" in str(refusal.value)
        return
    made = remade(repository, fix, {}, policy)
    assert made is not None
    assert (made.base, made.certificate, made.state) == (head, None, State.PROPOSED)
    assert [change.path for change in repository.changes(head, made.tree)] == [FILE, TEST["path"]]
    assert made.digest != fix.digest, "the approval of what it was is none for what it is"
