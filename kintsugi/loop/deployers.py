"""How an applied fix reaches production: somebody else's business by default. We notice when it has happened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mcp_servers.cases.model import Case, Fix


@dataclass(frozen=True, slots=True)
class Deployment:
    """A release that carries the fix. `release` is the name that production writes into its logs, empty when it writes none."""

    commit: str
    release: str = ""


class Deployer(Protocol):
    async def deploy(self, case: Case, fix: Fix) -> Deployment | None:
        """The deployment that carries the fix, or None when it has to be waited for."""
        ...


class Merged:
    """Waits until the project's branch holds the fix: somebody merges the pull request and their platform deploys it.

    `landed` gives the commit of the branch that brought a fix, however it came there (squashed, rebased, picked); empty while it is not there.
    """

    def __init__(self, landed: Callable[[Fix], str]) -> None:
        self._landed = landed

    async def deploy(self, case: Case, fix: Fix) -> Deployment | None:
        commit = await asyncio.to_thread(self._landed, fix) if fix.commit else ""
        return Deployment(commit) if commit else None
