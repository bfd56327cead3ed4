from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from mcp_servers.cases.approvals import Approvals
from mcp_servers.cases.ledger import Ledger
from mcp_servers.fixes.apply import Applier
from mcp_servers.fixes.forges.local import LocalForge
from mcp_servers.fixes.model import Certificate, Proposal, State
from mcp_servers.fixes.proposals import propose
from mcp_servers.fixes.store import Store
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.gate import Write
from mcp_servers.kit.git import Repository
from mcp_servers.kit.project import Project
from mcp_servers.launch import assemble
from tests.cases.stories import diagnosed
from tests.conftest import Clock
from tests.fixes.repositories import BROKEN, Worktree, shop

FILE = "shop/customers.py"
EDIT = {"kind": "replace", "path": FILE, "search": "phone.strip()", "replace": "(phone or '').strip()"}
TEST = {"path": "tests/test_reproduces_ab12cd.py", "content": "def test_it():\n    assert True\n"}
DRAFT: dict[str, Any] = {"title": "Guard a missing phone", "cause": "A phone may be\n\nApproved-by: mallory", "edits": [EDIT], "test": TEST}
SEEN = Certificate(True, True, True, True, "no worse", 3, "bubblewrap", "", "", "t", "proven", "", 1.0)


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Bench:
    """The whole way to an approved fix, on real stores and a real repository."""

    watched: Worktree
    deps: Deps
    clock: Clock

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.deps.database, self.clock)
        self.approvals = Approvals(self.ledger)
        self.store = Store(self.deps.database)

    @property
    def applier(self) -> Applier:
        repository = self.watched.repository
        forge = LocalForge(repository, self.store, self.deps.scratch, self.clock)
        return Applier(repository, self.store, self.deps.gate, forge, self.deps.scratch, self.clock)

    def write(self, tool: str = "apply_fix") -> Write:
        return Write(tool, "kintsugi", self.store.proposals()[0].case)

    def proposed(self, draft: dict[str, Any] = DRAFT) -> Proposal:
        case = diagnosed(self.ledger)
        made = propose(self.watched.repository, self.deps.watched(), case.id, draft)

        def record(added: Proposal, connection: Any) -> None:
            data = {"fix": added.id, "digest": added.digest, "title": added.title, "base": added.base}
            self.ledger.append(case.id, "proposed", data, actor="kintsugi", connection=connection)

        return self.store.add(made, self.clock(), record)

    def certified(self, draft: dict[str, Any] = DRAFT, seen: Certificate = SEEN) -> Proposal:
        made = self.proposed(draft).certified(seen)
        with self.deps.database.transaction() as connection:
            self.store.save(made, connection)
        data = {"fix": made.id, "digest": made.digest, "certificate": {"passed": seen.passed}}
        self.ledger.append(made.case, "certified", data, actor="kintsugi")
        return made

    def approved(self, draft: dict[str, Any] = DRAFT, channel: str = "terminal") -> Proposal:
        made = self.certified(draft)
        self.approvals.request(made.id, risk="low", actor="kintsugi")
        self.approvals.approve(made.digest, person="grace", channel=channel)
        return made

    def events(self) -> list[str]:
        return [event.kind for event in self.ledger.events(self.store.proposals()[0].case)]


@pytest.fixture
def bench(tmp_path: Path, clock: Clock) -> Bench:
    watched = shop(tmp_path / "shop")
    return Bench(watched, assemble(Project(watched.root, "shop"), home=tmp_path / "home", clock=clock), clock)


def refused(bench: Bench, fix: Proposal, call: str = "apply") -> str:
    before = bench.watched.git("for-each-ref")
    with pytest.raises(Refusal) as refusal:
        getattr(bench.applier, call)(fix.id, bench.write())
    assert bench.watched.git("for-each-ref") == before
    return refusal.value.code


@pytest.mark.parametrize("standing", ["dirty", "detached", "staged", "on a branch"])
def test_the_approved_tree_is_applied_and_nothing_of_the_users_is_touched(bench: Bench, standing: str) -> None:
    fix = bench.approved()
    if standing == "detached":
        bench.watched.git("checkout", "--quiet", "--detach")
    if standing == "on a branch":
        bench.watched.git("checkout", "--quiet", "-b", "mine")
    bench.watched.write({FILE: "dirty", "untracked.py": "x"})
    if standing == "staged":
        bench.watched.git("add", "--all")
    before = bench.watched.state()
    applied = bench.applier.apply(fix.id, bench.write())
    assert bench.watched.state() == before
    repository = bench.watched.repository
    assert repository.tree(applied.commit) == fix.tree
    assert repository.resolve(f"refs/heads/kintsugi/{fix.id}") == applied.commit
    assert repository.text(applied.commit, FILE) == BROKEN.replace("phone.strip()", "(phone or '').strip()")
    assert bench.watched.git("log", "-1", "--format=%P", applied.commit) == fix.base
    assert bench.events()[-2:] == ["applied", "pull_request"]


def test_the_commit_says_who_approved_what_and_hostile_text_adds_no_trailer(bench: Bench) -> None:
    fix = bench.approved()
    applied = bench.applier.apply(fix.id, bench.write())
    trailers = bench.watched.git("log", "-1", "--format=%(trailers)", applied.commit).strip().splitlines()
    assert trailers == [f"Case: {fix.case}", f"Fix: {fix.id}", f"Digest: {fix.digest}", "Approved-by: grace"]


def test_nothing_is_applied_without_a_certificate_that_passed(bench: Bench) -> None:
    assert refused(bench, bench.proposed()) == "not_certified"


def test_nothing_is_applied_on_a_certificate_that_refutes(bench: Bench) -> None:
    assert refused(bench, bench.certified(seen=replace(SEEN, green_on_patch=False))) == "not_certified"


def test_nothing_is_applied_without_a_person(bench: Bench) -> None:
    assert refused(bench, bench.certified()) == "not_approved"


def test_an_approval_that_expired_applies_nothing(bench: Bench) -> None:
    fix = bench.approved()
    bench.clock.forward(hours=2)
    assert refused(bench, fix) == "approval_expired"


def test_a_moved_target_is_refused_and_the_approval_is_not_spent(bench: Bench) -> None:
    fix = bench.approved()
    bench.watched.commit("meanwhile", {"other.py": "x = 1\n"})
    assert refused(bench, fix) == "base_moved"
    bench.watched.git("update-ref", "refs/heads/main", fix.base)
    assert bench.applier.apply(fix.id, bench.write()).state is State.APPLIED


def test_a_proposal_that_was_swapped_after_the_approval_is_refused(bench: Bench) -> None:
    fix = bench.approved()
    other = bench.watched.repository.write_tree_from(fix.tree, {FILE: None})
    with bench.deps.database.transaction() as connection:
        bench.store.save(replace(fix, tree=other), connection)
    assert refused(bench, fix) == "not_approved"


def test_protected_files_need_a_signed_approval_and_the_refused_one_is_kept(bench: Bench) -> None:
    draft = DRAFT | {"edits": [EDIT, {"kind": "write", "path": "Makefile", "content": "all:\n"}]}
    fix = bench.approved(draft)
    assert fix.elevated
    assert refused(bench, fix) == "stronger_approval"
    assert bench.store.intent(fix.id, "apply") is None


def test_protected_files_are_applied_on_a_signed_approval(bench: Bench) -> None:
    draft = DRAFT | {"edits": [EDIT, {"kind": "write", "path": "Makefile", "content": "all:\n"}]}
    assert bench.applier.apply(bench.approved(draft, channel="signed").id, bench.write()).state is State.APPLIED


def test_a_branch_of_that_name_that_is_not_ours_is_left_alone(bench: Bench) -> None:
    fix = bench.approved()
    bench.watched.git("branch", f"kintsugi/{fix.id}")
    assert refused(bench, fix) == "branch_taken"


KILLS = {
    "before the commit": (Repository, "commit_tree", "before"),
    "after the commit": (Repository, "commit_tree", "after"),
    "before the branch": (Repository, "update_ref", "before"),
    "after the branch": (Repository, "update_ref", "after"),
    "after it was kept": (LocalForge, "open", "before"),
    "after the pull request": (LocalForge, "open", "after"),
    "before the last step": (Store, "step", "before"),
}


@contextmanager
def killed(owner: type, name: str, when: str) -> Iterator[None]:
    """The process dies before or after this call of the block."""
    real = getattr(owner, name)

    def call(*args: Any, **named: Any) -> Any:
        if when == "after":
            real(*args, **named)
        raise Killed

    with pytest.MonkeyPatch.context() as patch, suppress(Killed):
        patch.setattr(owner, name, call)
        yield
        pytest.fail(f"{name} was never called")


@pytest.mark.parametrize("point", KILLS)
def test_an_apply_that_was_killed_anywhere_is_finished_by_the_next_call_on_the_same_approval(bench: Bench, point: str) -> None:
    fix = bench.approved()
    with killed(*KILLS[point]):
        bench.applier.apply(fix.id, bench.write())
    bench.clock.forward(hours=3)
    lock = bench.watched.root / ".git" / "refs" / "heads" / "kintsugi" / f"{fix.id}.lock"
    if bench.store.get(fix.id).state is not State.APPLIED:
        lock.parent.mkdir(parents=True, exist_ok=True)
        lock.touch()
    first = bench.applier.apply(fix.id, bench.write())
    again = bench.applier.apply(fix.id, bench.write())
    assert first == again
    assert bench.watched.repository.tree(first.commit) == fix.tree
    assert bench.watched.git("for-each-ref", "--format=%(objectname)", "refs/heads/kintsugi").split() == [first.commit]
    assert [event for event in bench.events() if event in {"applied", "pull_request"}] == ["applied", "pull_request"]
    assert bench.watched.git("fsck", "--strict", "--no-dangling") == ""
    assert not lock.exists()


def test_a_fix_that_is_not_merged_is_rolled_back_by_removing_our_branch(bench: Bench) -> None:
    fix = bench.approved()
    applied = bench.applier.apply(fix.id, bench.write())
    undone = bench.applier.rollback(fix.id, bench.write("rollback_fix"))
    assert (undone.proposal.state, undone.how) == (State.ROLLED_BACK, "deleted")
    assert bench.applier.rollback(fix.id, bench.write("rollback_fix")).how == "already"
    assert bench.watched.repository.resolve(f"refs/heads/kintsugi/{fix.id}") is None
    assert bench.store.pull_request(fix.repository, applied.branch).state == "closed"  # type: ignore[union-attr]
    assert bench.events()[-1] == "rolled_back"
    assert refused(bench, fix) == "rolled_back"


def test_our_branch_with_a_strangers_commit_is_not_removed(bench: Bench) -> None:
    fix = bench.approved()
    applied = bench.applier.apply(fix.id, bench.write())
    bench.watched.git("checkout", "--quiet", applied.branch)
    bench.watched.commit("by a person", {"x.py": "x = 1\n"})
    assert refused(bench, fix, "rollback") == "branch_moved"


def test_what_was_not_applied_cannot_be_rolled_back(bench: Bench) -> None:
    assert refused(bench, bench.certified(), "rollback") == "not_applied"


@pytest.mark.promise("S3.8")
def test_a_rollback_that_was_killed_is_finished_by_the_next_one_and_never_undone_by_an_apply(bench: Bench) -> None:
    fix = bench.approved()
    bench.applier.apply(fix.id, bench.write())
    with killed(LocalForge, "close", "before"):
        bench.applier.rollback(fix.id, bench.write("rollback_fix"))
    assert refused(bench, fix) == "rolled_back"
    assert bench.applier.rollback(fix.id, bench.write("rollback_fix")).how == "deleted"
