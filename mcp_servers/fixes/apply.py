"""Applying and undoing: journaled steps, each safe to repeat. Killed anywhere, the next call goes on from the journal.

intent (spends the approval) → commit (the approved tree, fixed dates) → branch (expected absent) → applied → pull request → done
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from mcp_servers.fixes.compose import message, request
from mcp_servers.fixes.forges import Forge
from mcp_servers.fixes.merging import advanced
from mcp_servers.fixes.model import Proposal, PullRequest, State, told_of
from mcp_servers.fixes.policy import version
from mcp_servers.fixes.rollback import Undone, merged_as, revert_of
from mcp_servers.fixes.store import Intent, Store
from mcp_servers.kit.errors import Misconfigured, Refusal, Unavailable
from mcp_servers.kit.gate import Gate, Write
from mcp_servers.kit.git import Repository
from mcp_servers.kit.policy import SHIPPED, Policy

ELEVATED_PROOF = 2
PROPOSER = "kintsugi"
PATIENCE = 30.0
"""Seconds to wait for the writer that has the repository: a driver that was stopped in the middle must not stop all others."""


def branch_of(fix: str) -> str:
    return f"refs/heads/kintsugi/{fix}"


@dataclass(frozen=True, slots=True)
class Applier:
    """Moves refs of ours, by compare-and-swap, on a person's approval; never a worktree, an index or a branch of the user's."""

    repository: Repository
    store: Store
    gate: Gate
    forge: Forge
    scratch: Path
    clock: Callable[[], datetime]
    policy: Policy = SHIPPED

    def apply(self, fix: str, write: Write) -> Proposal:
        """The applied proposal, its branch and pull request made. Raises `Refusal`: not certified, not approved, base moved, branch taken."""
        with self._locked():
            proposal = self._ours(fix)
            if proposal.state is State.ROLLED_BACK or self.store.intent(fix, "rollback"):
                raise Refusal(f"{fix} was rolled back; propose it anew.", code="rolled_back")
            intent = self.store.intent(fix, "apply") or self._begin(proposal, write)
            if proposal.state is not State.APPLIED:
                proposal = self._made(proposal, intent, write)
            if not intent.done:
                self._open(proposal, intent, write)
            return proposal

    def open_pull_request(self, fix: str, write: Write) -> PullRequest:
        """The pull request of an applied fix; raises `Refusal` for one that is not applied."""
        with self._locked():
            proposal = self._ours(fix)
            if proposal.state is not State.APPLIED:
                raise Refusal(f"{fix} is {proposal.state}; apply_fix makes its branch first.", code="not_applied")
            opened = self._open(proposal, self.store.intent(fix, "apply"), write)
            advance = advanced(self.forge, self.policy, proposal, opened)
            if advance.state != opened.state:
                self.gate.record(write, "pull_request", {"fix": fix, "pull_request": opened.id, "state": advance.state})
            return advance

    def rollback(self, fix: str, write: Write) -> Undone:
        """What it came to: not merged, our branch is gone; merged, a revert waits as a proposal of its own; or it was taken back already.
        Raises `Refusal`: not applied, somebody's commits on our branch, or later commits on the same lines."""
        with self._locked():
            proposal = self._ours(fix)
            if proposal.state is State.ROLLED_BACK:
                return Undone(proposal, "already")
            if proposal.state is not State.APPLIED:
                raise Refusal(f"{fix} is {proposal.state}, not applied; there is nothing to roll back.", code="not_applied")
            begun = self.store.intent(fix, "rollback")
            if begun is None and self._merged(proposal):
                before = {known.id for known in self.store.proposals(case=proposal.case)}
                revert = self._propose_revert(proposal, write)
                return Undone(proposal, "waiting" if revert.id in before else "revert", revert)
            intent = begun or self._begin_rollback(proposal, write)
            self._delete(proposal)
            return Undone(self._rolled_back(proposal, intent, write), "deleted")

    def _merged(self, proposal: Proposal) -> bool:
        if merged_as(self.repository, proposal):
            return True
        opened = self.forge.state(proposal.repository, proposal.branch)
        if opened is not None and opened.state == "merged":
            raise Refusal(
                f"The pull request {opened.id} of {proposal.id} is merged, but {proposal.target} here does not hold it; fetch, then repeat.",
                code="not_fetched",
            )
        return False

    def _propose_revert(self, proposal: Proposal, write: Write) -> Proposal:
        """The revert is computed, so Kintsugi proposes it; whoever asked for it may approve it."""
        made = revert_of(self.repository, proposal, self.policy)

        def record(added: Proposal, connection: Any) -> None:
            told = {**told_of(added), "asked_by": write.actor}
            self.gate.record(replace(write, actor=PROPOSER), "revert_proposed", told, connection)

        return self.store.add(made, self.clock(), record)

    def _rolled_back(self, proposal: Proposal, intent: Intent, write: Write) -> Proposal:
        undone = replace(proposal, state=State.ROLLED_BACK)
        with self.store.database.transaction() as connection:
            self.store.save(undone, connection)
            if proposal.reverts:
                self.store.save(replace(self.store.get(proposal.reverts), state=State.APPLIED), connection)
            self.store.step(intent, "done", connection)
            self.gate.record(write, "rolled_back", {"fix": proposal.id, "how": "deleted"}, connection)
        return undone

    def _begin(self, proposal: Proposal, write: Write) -> Intent:
        if proposal.certificate is None or not proposal.certificate.passed:
            raise Refusal(f"{proposal.id} has no certificate that passed; run certify_fix first.", code="not_certified")
        if proposal.policy != version(self.policy):
            raise Refusal(f"The policy changed since {proposal.id} was proposed; propose it anew.", code="policy_changed")
        if proposal.lapsed(self.clock()):
            raise Refusal(
                f"The certificate of {proposal.id} ran out at {proposal.expires}; certify it anew and ask again.", code="offer_expired"
            )
        head = self.repository.resolve(proposal.target)
        if head is None:
            raise Refusal(f"{proposal.target} is gone since {proposal.id} was proposed; nothing was applied.", code="no_target")
        if head != proposal.base:
            raise Refusal(
                f"{proposal.target} moved since {proposal.id} was proposed on {proposal.base[:12]}; certify_fix makes it on the new base.",
                code="base_moved",
            )
        self._free(branch_of(proposal.id))
        self._writable()
        with self.store.database.transaction() as connection:
            approval = self.gate.spend(proposal.digest, write, connection)
            if proposal.elevated and approval.proof < ELEVATED_PROOF:
                files = ", ".join(sorted({finding.path for finding in proposal.findings}))
                raise Refusal(f"{proposal.id} changes protected files ({files}); it needs a signed approval.", code="stronger_approval")
            intent = Intent(proposal.id, "apply", proposal.digest, approval.person, self.clock(), proposal.base)
            self.store.begin(intent, connection)
        return intent

    def _begin_rollback(self, proposal: Proposal, write: Write) -> Intent:
        intent = Intent(proposal.id, "rollback", proposal.digest, write.actor, self.clock(), "")
        with self.store.database.transaction() as connection:
            self.store.begin(intent, connection)
        return intent

    def _made(self, proposal: Proposal, intent: Intent, write: Write) -> Proposal:
        """Commit and branch: the approved tree or nothing."""
        if intent.digest != proposal.digest:
            raise Refusal(f"{proposal.id} is not what was approved any more; certify it and ask again.", code="digest_changed")
        commit = self.repository.commit_tree(proposal.tree, [proposal.base], message(proposal, intent), intent.started)
        if self.repository.tree(commit) != proposal.tree:
            raise Refusal(f"The commit of {proposal.id} does not hold the approved tree; nothing was applied.", code="tree_differs")
        self._point(branch_of(proposal.id), commit)
        return self._applied(proposal, intent, commit, write)

    def _free(self, branch: str) -> None:
        """Raises `Refusal` before an approval is spent, where git could not make the branch."""
        parent = branch.rpartition("/")[0]
        for name in (branch, parent):
            if self.repository.resolve(name) is not None:
                raise Refusal(
                    f"{name} exists and is not ours, so {branch} cannot be made; rename or delete it, then repeat.", code="branch_taken"
                )

    def _writable(self) -> None:
        """Raises `Misconfigured` before an approval is spent, where git could write nothing."""
        for name in ("objects", "refs"):
            if not os.access(self.repository.common_dir / name, os.W_OK):
                raise Misconfigured(
                    f"{self.repository.common_dir / name} cannot be written, so no branch can be made there; nothing was applied. "
                    "Give this user the right to write it, then apply again.",
                    code="repository_read_only",
                )

    def _unlocked(self, branch: str) -> None:
        """A lock on a branch of ours is ours: we hold the lock of this repository."""
        with suppress(NotADirectoryError):
            (self.repository.common_dir / f"{branch}.lock").unlink(missing_ok=True)

    def _point(self, branch: str, commit: str) -> None:
        """The branch, standing at `commit`; it may be there from a call that was cut short, but not elsewhere."""
        self._unlocked(branch)
        there = self.repository.resolve(branch)
        if there == commit:
            return
        if there is not None:
            raise Refusal(f"{branch} exists and is not ours; rename or delete it, then repeat.", code="branch_taken")
        self.repository.update_ref(branch, commit, None)

    def _applied(self, proposal: Proposal, intent: Intent, commit: str, write: Write) -> Proposal:
        branch = branch_of(proposal.id).removeprefix("refs/heads/")
        applied = replace(proposal, state=State.APPLIED, branch=branch, commit=commit)
        with self.store.database.transaction() as connection:
            self.store.save(applied, connection)
            self.store.step(intent, "applied", connection)
            if proposal.reverts:
                self.store.save(replace(self.store.get(proposal.reverts), state=State.ROLLED_BACK), connection)
                self.gate.record(write, "rolled_back", {"fix": proposal.reverts, "how": "revert", "by": proposal.id}, connection)
            else:
                self.gate.record(write, "applied", {"fix": proposal.id, "branch": branch, "commit": commit}, connection)
        return applied

    def _open(self, proposal: Proposal, intent: Intent | None, write: Write) -> PullRequest:
        opened = self.forge.open(request(proposal, self.repository.diff(proposal.base, proposal.tree)))
        with self.store.database.transaction() as connection:
            self.gate.record(write, "pull_request", {"fix": proposal.id, "pull_request": opened.id}, connection)
            if intent is not None:
                self.store.step(intent, "done", connection)
        return opened

    def _delete(self, proposal: Proposal) -> None:
        """Our branch, published or not, while it holds our commit and nothing else; and its pull request is closed."""
        branch = branch_of(proposal.id)
        there = self.repository.resolve(branch)
        if there is not None and there != proposal.commit:
            raise Refusal(f"{proposal.branch} holds commits that are not ours; delete it yourself if they may go.", code="branch_moved")
        self._unlocked(branch)
        self.forge.withdraw(proposal.repository, proposal.branch, proposal.commit)
        if self.repository.resolve(branch) is not None:
            self.repository.delete_ref(branch, proposal.commit)
        self.forge.close(proposal.repository, proposal.branch)

    def _ours(self, fix: str) -> Proposal:
        proposal = self.store.get(fix)
        if self.repository.resolve(proposal.base) is None:
            raise Refusal(f"{fix} belongs to another repository than {self.repository.git_dir.parent}.", code="other_repository")
        return proposal

    @contextmanager
    def _locked(self) -> Generator[None]:
        """One writer per repository, over all processes of this user; the system lets go of it when a process dies."""
        folder = self.scratch / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(str(self.repository.common_dir).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        with (folder / f"{name}.lock").open("w", encoding="utf-8") as file:
            self._wait_for(file)
            yield

    def _wait_for(self, file: IO[str]) -> None:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    raise Unavailable(
                        f"Another process of Kintsugi has been writing to {self.repository.common_dir} for {PATIENCE:.0f} s; "
                        "if it was stopped, continue or end it, then try again.",
                        code="repository_busy",
                    ) from None
            time.sleep(0.02)
