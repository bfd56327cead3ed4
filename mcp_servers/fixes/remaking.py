"""A proposal on a base that moved: the same change on what is there now, looked at by the policy again. What was approved of it is void."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mcp_servers.fixes.carrying import carried, told
from mcp_servers.fixes.model import Proposal, State
from mcp_servers.fixes.policy import version
from mcp_servers.fixes.proposals import judged
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import Repository
from mcp_servers.kit.policy import Policy


def remade(repository: Repository, proposal: Proposal, evidence: Mapping[str, Any], policy: Policy) -> Proposal | None:
    """The proposal on the head of its target, without certificate; None when neither base nor policy moved.

    Raises `Refusal` `no_target`, `base_moved` when the change does not fit there, and `already_applied` when it is there.
    """
    head = repository.resolve(proposal.target)
    if head is None:
        raise Refusal(
            f"{proposal.target} is gone since {proposal.id} was proposed; propose it on the branch that is there.", code="no_target"
        )
    if head == proposal.base and proposal.policy == version(policy):
        return None
    moved = carried(repository, proposal.base, proposal.tree, head)
    if moved.conflicts:
        raise Refusal(
            f"{proposal.target} moved since {proposal.id} was proposed on {proposal.base[:12]}, and {head[:12]} changed the same lines. "
            f"Nothing was changed; make the patch on the new base and propose it.\n{told(moved.conflicts)}",
            code="base_moved",
        )
    if moved.tree == repository.tree(head):
        raise Refusal(f"{proposal.target} holds the change of {proposal.id} already; there is nothing to apply.", code="already_applied")
    test = proposal.test_path or str(proposal.plan.get("gone", ""))
    findings = judged(repository, head, moved.tree, test, {} if proposal.reverts else evidence, policy)
    return replace(
        proposal,
        base=head,
        tree=moved.tree,
        policy=version(policy),
        findings=tuple(findings),
        certificate=None,
        state=State.PROPOSED,
        expires="",
    )
