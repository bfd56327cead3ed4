"""The port to a forge: where a branch of ours becomes a pull request that a person merges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from mcp_servers.fixes.model import Checks, PullRequest, Request
from mcp_servers.fixes.store import Store
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import Repository
from mcp_servers.kit.http import Circuit
from mcp_servers.kit.lazy import LazyTable

BRANCHES = "kintsugi/"
"""Every branch that we publish or remove begins so."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Whether a forge can be used, in words, and what to do when it cannot."""

    usable: bool
    text: str
    advice: str = ""


class Forge(Protocol):
    """Each call is safe to repeat: one branch has one pull request. Calls raise `Unavailable`, `Misconfigured` or `Refusal`, each a sentence."""

    def open(self, request: Request) -> PullRequest:
        """Publishes the branch where none of its name is, and opens its pull request, as a draft where the forge has drafts; or finds the one there is."""
        ...

    def state(self, repository: str, branch: str) -> PullRequest | None:
        """The pull request of a branch as it stands now, or None."""
        ...

    def checks(self, repository: str, branch: str) -> Checks:
        """What is known of the head of the branch; without a pull request, nothing."""
        ...

    def comment(self, repository: str, branch: str, text: str) -> None:
        """Says something under the pull request, once, however often it is called; without one, nothing happens."""
        ...

    def remark(self, repository: str, number: int, text: str) -> str:
        """Says something under the pull request of that number, whoever opened it, once for the same words; its address. Raises `Refusal` without one."""
        ...

    def close(self, repository: str, branch: str) -> None:
        """Closes the pull request of a branch unmerged; without one, nothing happens."""
        ...

    def withdraw(self, repository: str, branch: str, head: str) -> None:
        """Removes the published branch if it still stands at `head`; raises `Refusal` `branch_moved` when it holds other commits."""
        ...

    def merge(self, repository: str, branch: str, head: str) -> PullRequest:
        """Merges `head`, and nothing else; raises `Refusal` when the branch or the target has moved, or the forge forbids it."""
        ...

    def reach(self) -> Reach:
        """Asks whether the forge answers, and what we may do there; changes nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """What a forge is given: the watched repository, our own state (opened by who needs it), `[forge]` of kintsugi.toml, and the environment."""

    repository: Repository
    store: Callable[[], Store]
    scratch: Path
    clock: Callable[[], datetime]
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    environ: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    circuit: Circuit = field(default_factory=Circuit)


FORGES = LazyTable("forge", {"local": "mcp_servers.fixes.forges.local:opened", "github": "mcp_servers.fixes.forges.github:opened"})
"""Each entry makes the forge of a `Place`."""


def publishable(request: Request) -> None:
    """Returns when the branch may be published; raises `Refusal` for one that is not ours by name, or is the target itself."""
    if not request.branch.startswith(BRANCHES) or f"refs/heads/{request.branch}" == request.target:
        raise Refusal(f"{request.branch!r} is no branch of ours; only {BRANCHES}… is ever published.", code="foreign_branch")


def chosen(place: Place) -> Forge:
    """The forge that `[forge] type` names, else the local one; raises `Refusal` for an unknown one, `Misconfigured` for bad settings."""
    return FORGES[str(place.settings.get("type", "local"))](place)
