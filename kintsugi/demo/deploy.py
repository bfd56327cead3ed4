"""How the demo's production gets a fix: the branch it runs moves forward to exactly the certified commit, and the services restart."""

from __future__ import annotations

import asyncio
from pathlib import Path

from kintsugi.demo.shop import SERVICES, Shop
from kintsugi.loop.deployers import Deployment
from mcp_servers.cases.model import Case, Fix
from mcp_servers.kit.git import Repository

BRANCH = "production"


class ShopDeployer:
    """Fast-forwards the production branch by compare-and-swap, tags the release, restarts the shop from it."""

    def __init__(self, shop: Shop, repository: Repository, releases: Path) -> None:
        self._shop = shop
        self._repository = repository
        self._releases = releases

    async def deploy(self, case: Case, fix: Fix) -> Deployment | None:
        return await asyncio.to_thread(self._deploy, fix)

    def _deploy(self, fix: Fix) -> Deployment:
        if self._repository.head(BRANCH) != fix.commit:
            self._repository.update_ref(f"refs/heads/{BRANCH}", fix.commit, fix.base)
        release = self._tag(fix.commit)
        folder = self._releases / release
        if not folder.exists():
            self._repository.export(fix.commit, folder)
        self._shop.restart(SERVICES, folder, release)
        return Deployment(fix.commit, release)

    def _tag(self, commit: str) -> str:
        tags = self._repository.tags()
        known = next((name for name, tagged in tags.items() if tagged == commit), None)
        if known:
            return known
        release = f"r{1 + max((int(name[1:]) for name in tags if name[1:].isdigit()), default=0)}"
        self._repository.update_ref(f"refs/tags/{release}", commit, None)
        return release
