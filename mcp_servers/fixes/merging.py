"""Merging without a person at the forge: off unless the policy turns it on, and then only where everything speaks for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase

from mcp_servers.fixes.forges import Forge
from mcp_servers.fixes.model import Checks, Proposal, PullRequest
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.policy import Policy


def advanced(forge: Forge, policy: Policy, proposal: Proposal, opened: PullRequest) -> PullRequest:
    """The pull request, merged where the policy lets it happen by itself; else with what stands against it. Safe to repeat."""
    if not policy.auto_merge or opened.state != "open":
        return opened
    against = tuple(hindrances(policy, proposal, opened, forge.checks(proposal.repository, proposal.branch)))
    if against:
        return replace(opened, waits_for=against)
    try:
        return forge.merge(proposal.repository, proposal.branch, proposal.commit)
    except Refusal as refusal:
        return replace(opened, waits_for=(str(refusal),))


def hindrances(policy: Policy, proposal: Proposal, opened: PullRequest, checks: Checks) -> Iterator[str]:
    """Why this pull request waits for a person, one clause each; none when it may be merged by itself."""
    if opened.request.head != proposal.commit:
        yield "the branch holds commits that nobody approved"
    if proposal.certificate is None or not proposal.certificate.passed:
        yield "the fix has no certificate"
    if proposal.elevated:
        yield "the policy found something that a person has to look at"
    if policy.needed(proposal.risk)[0] < policy.merge_proof:
        yield f"an approval of {proposal.risk} risk is of proof {policy.needed(proposal.risk)[0]}, and merging asks for {policy.merge_proof}"
    if policy.require_passing_ci and checks.state != "success":
        yield _unproven(checks)
    if policy.require_qa_pass and not _qa_passed(policy, checks):
        yield f"no QA run passed (checks named {', '.join(policy.qa_checks)})"
    if checks.objected:
        yield f"{_some(checks.objected)} asked for changes"


def _unproven(checks: Checks) -> str:
    if checks.failed:
        return f"{_some(checks.failed)} failed"
    return f"{_some(checks.pending)} still runs" if checks.pending else "no check has run"


def _qa_passed(policy: Policy, checks: Checks) -> bool:
    def of_qa(names: tuple[str, ...]) -> bool:
        return any(fnmatchcase(name.lower(), pattern.lower()) for name in names for pattern in policy.qa_checks)

    return of_qa(checks.passed) and not of_qa(checks.pending + checks.failed)


def _some(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
