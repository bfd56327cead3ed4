"""The way back: our branch goes while nothing of it is merged; what was merged is taken back by a proposal of its own."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mcp_servers.fixes.carrying import carried, told
from mcp_servers.fixes.certificate import SUITE_LIMITS, suite_of
from mcp_servers.fixes.jail import Jail
from mcp_servers.fixes.model import Certificate, Proposal, State
from mcp_servers.fixes.policy import version
from mcp_servers.fixes.proposals import exported, judged
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import Repository
from mcp_servers.kit.landing import landed
from mcp_servers.kit.policy import Policy
from mcp_servers.kit.project import Project


@dataclass(frozen=True, slots=True)
class Undone:
    """What a rollback came to. `how` is deleted, revert (a proposal that waits to be proven and approved), waiting (for the same one) or already."""

    proposal: Proposal
    how: str
    revert: Proposal | None = None

    @property
    def summary(self) -> str:
        """What happened, in a sentence or two."""
        fix, branch = self.proposal.id, self.proposal.branch
        if self.how == "already":
            return f"{fix} is taken back already; nothing was left to do."
        if self.revert is None:
            return f"{fix} was not merged; its branch {branch} is gone and its pull request is closed."
        if self.how == "waiting":
            return f"{fix} is merged, and {self.revert.id} takes it back already: it is {self.revert.state} and waits to be proven, approved and applied."
        return (
            f"{fix} is merged, so it is taken back by a proposal of its own, {self.revert.id}: what the fix changed, the other way round, on "
            f"{self.revert.base[:12]}. Nothing of it is applied before it is proven and approved, as with any other."
        )


def merged_as(repository: Repository, proposal: Proposal) -> str:
    """The commit of the target that brought the fix, as it was or squashed, rebased or picked; empty when it is not there."""
    head = repository.resolve(proposal.target)
    if head is None:
        raise Refusal(
            f"{proposal.target} is gone, so nobody can say whether {proposal.id} is in it; name the branch as it was, then repeat.",
            code="no_target",
        )
    return landed(repository, head, proposal.base, proposal.commit)


def revert_of(repository: Repository, proposal: Proposal, policy: Policy) -> Proposal:
    """The proposal that takes a merged fix back on the head of its target; raises `Refusal` `already_reverted` or `revert_conflict`."""
    head = repository.head(proposal.target)
    back = carried(repository, proposal.tree, proposal.base, head)
    if back.conflicts:
        raise Refusal(
            f"{proposal.id} cannot be taken back by itself: later commits changed the same lines. Your repository is as it was.\n"
            f"{told(back.conflicts)}\nTake it back by hand there (`git revert` of {proposal.commit[:12]} shows the same places).",
            code="revert_conflict",
        )
    if back.tree == repository.tree(head):
        raise Refusal(f"{proposal.target} holds nothing of {proposal.id} any more; somebody took it back already.", code="already_reverted")
    findings = judged(repository, head, back.tree, proposal.test_path, {}, policy)
    draft: dict[str, Any] = {"cause": f"{proposal.id} is taken back.", "reasoning": f"This takes back {proposal.commit}."}
    return replace(
        proposal,
        id="",
        title=f'Revert "{proposal.title}"'[:200],
        base=head,
        tree=back.tree,
        policy=version(policy),
        proposed="",
        test_path="",
        test="",
        draft=draft,
        findings=tuple(findings),
        plan={**proposal.plan, "test": "", "reverts": proposal.id, "gone": proposal.test_path},
        certificate=None,
        state=State.PROPOSED,
        branch="",
        commit="",
        expires="",
        reverts=proposal.id,
    )


def examined_revert(repository: Repository, project: Project, proposal: Proposal, jail: Jail, scratch: Path) -> Proposal:
    """The revert with what the sandbox saw: which of the project's own tests no longer pass, those apart that go with the fix."""
    started = time.monotonic()
    gone = tuple(change.path for change in repository.changes(proposal.base, proposal.tree) if change.deleted)
    with exported(repository, scratch, base=proposal.base, result=proposal.tree) as folder:
        before, after = (
            suite_of(folder / name, tests=project.tests, jail=jail, root=project.root, limits=SUITE_LIMITS) for name in ("base", "result")
        )
    kept = {test for test in before if not test.startswith(gone)} if gone else before
    lost = sorted(kept - after)
    word = "worse" if lost else "no worse" if kept else "none"
    told = f"{lost[0]} no longer passes without {proposal.reverts}." if lost else f"the project's own tests ({len(kept)}) pass as before."
    seen = Certificate(
        red_on_base=False,
        same_fingerprint=False,
        green_on_patch=False,
        red_without_fix=False,
        suite=word,
        runs=1,
        jail=jail.name,
        base=proposal.base,
        result=proposal.tree,
        test="",
        reason=f"It takes {proposal.reverts} back: {told if kept else 'the project has no other tests.'}",
        log="",
        seconds=round(time.monotonic() - started, 3),
        revert=True,
        sweep=jail.sweep,
    )
    return proposal.certified(seen)
