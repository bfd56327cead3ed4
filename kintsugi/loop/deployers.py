"""How an applied fix reaches production: somebody else's business by default. We notice when it has happened."""

from __future__ import annotations

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
    """Waits until the project's branch contains the fix: a person merges the pull request and their platform deploys it."""

    def __init__(self, contains: Callable[[str], bool]) -> None:
        self._contains = contains

    async def deploy(self, case: Case, fix: Fix) -> Deployment | None:
        return Deployment(fix.commit) if fix.commit and self._contains(fix.commit) else None
