"""The option that every case with a suspect has: the commit that is blamed, taken back. No model writes it; the same reproduction proves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mcp_servers.fixes.model import Proposal
from mcp_servers.fixes.proposals import propose
from mcp_servers.kit.git import Repository
from mcp_servers.kit.policy import SHIPPED, Policy
from mcp_servers.kit.project import Project

_FILES = 3


def without(
    repository: Repository,
    project: Project,
    made: Proposal,
    suspect: str,
    evidence: Mapping[str, Any] | None = None,
    policy: Policy = SHIPPED,
) -> Proposal | None:
    """The proposal (no id yet) that takes the suspected commit back, to stand beside `made`; None when that is what `made` does.

    Raises `Refusal` for a commit that cannot be taken back by itself: later commits changed the same lines, it is a merge or the first one.
    """
    option = propose(repository, project, made.case, _draft(repository, made, suspect), evidence, policy)
    if option.tree == made.tree:
        return None
    return replace(option, draft={**option.draft, "takes_back": suspect})


def _draft(repository: Repository, made: Proposal, suspect: str) -> Mapping[str, Any]:
    commit = repository.log(repository.head(suspect), limit=1)[0]
    short = commit.id[:12]
    return {
        "title": f'Take back {short}: "{commit.subject}"'[:200],
        "cause": f"{short} of {commit.at[:10]} is blamed for the failure.",
        "reasoning": f"What {short} changed goes back to what was there before it; what came later stays.",
        "risk": "medium",
        "pros": [f"writes no new code: what comes back ran before {commit.at[:10]}", "holds whatever the cause inside that commit is"],
        "cons": [f"takes back all that {short} did, in {_told(repository, commit.id)}"],
        "edits": [{"kind": "revert", "commit": commit.id}],
        "test": {"path": made.test_path, "content": made.test},
    }


def _told(repository: Repository, commit: str) -> str:
    parent = repository.resolve(f"{commit}^")
    files = [change.path for change in repository.changes(parent, commit)] if parent else []
    more = f" and {len(files) - _FILES} more" if len(files) > _FILES else ""
    return f"{', '.join(files[:_FILES])}{more}"
