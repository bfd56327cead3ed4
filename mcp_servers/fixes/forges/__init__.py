"""The port to a forge: where a branch of ours becomes a pull request that a person merges."""

from __future__ import annotations

from typing import Protocol

from mcp_servers.fixes.model import PullRequest, Request
from mcp_servers.kit.lazy import LazyTable


class Forge(Protocol):
    """Each call is safe to repeat: one branch has one pull request."""

    def open(self, request: Request) -> PullRequest:
        """Opens the pull request of a branch, or finds the one there is."""
        ...

    def state(self, repository: str, branch: str) -> PullRequest | None:
        """The pull request of a branch as it stands now, or None."""
        ...

    def close(self, repository: str, branch: str) -> None:
        """Closes the pull request of a branch unmerged; without one, nothing happens."""
        ...

    def merge(self, repository: str, branch: str) -> PullRequest:
        """Merges on a person's word; raises `Refusal` when the target has moved or must not be moved."""
        ...


FORGES = LazyTable("forge", {"local": "mcp_servers.fixes.forges.local:LocalForge"})
