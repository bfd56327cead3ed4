"""One branch of ours, one commit before main, seen through each forge, and what other people do to it meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2

from mcp_servers.fixes.forges import Forge
from mcp_servers.fixes.forges.github import GitHubForge
from mcp_servers.fixes.forges.github.settings import Settings
from mcp_servers.fixes.forges.local import LocalForge
from mcp_servers.fixes.model import Request
from mcp_servers.fixes.store import Store
from mcp_servers.kit.database import Database
from mcp_servers.kit.git import Blob
from mcp_servers.kit.http import Circuit
from tests.conftest import Clock
from tests.contracts.emulator import REVIEWER, TOKEN, Emulator, Wire
from tests.fixes.repositories import Worktree, shop

FIX = "fix_20261120_101500"
BRANCH = f"kintsugi/{FIX}"
REF = f"refs/heads/{BRANCH}"


class Scene:
    """What both forges share: the user's clone with our branch in it, and somebody else's commit."""

    published: Worktree
    forge: Forge

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.watched = shop(folder / "shop")
        repository = self.watched.repository
        self.base = repository.head("main")
        tree = repository.write_tree_from(self.base, {"x.py": Blob(b"x = 1\n")})
        self.head = repository.commit_tree(tree, [self.base], "fix\n", clock())
        self.foreign = repository.commit_tree(tree, [self.base], "somebody else's\n", clock())
        repository.update_ref(REF, self.head, None)
        self.watched.git("checkout", "--quiet", "--detach")
        self.request = Request(FIX, "r" * 40, BRANCH, "refs/heads/main", self.base, self.head, "A title", "The body", ("AI-Fix",))

    def with_(self, **changes: Any) -> Request:
        return replace(self.request, **changes)

    def state(self) -> str:
        found = self.forge.state(self.request.repository, BRANCH)
        return found.state if found else "none"

    def merge(self, head: str = "") -> str:
        return self.forge.merge(self.request.repository, BRANCH, head or self.head).state

    def withdraw(self) -> None:
        self.forge.withdraw(self.request.repository, BRANCH, self.head)

    def published_at(self) -> str:
        return self.published.git("for-each-ref", "--format=%(objectname)", REF)

    def pushed_by_somebody(self) -> None:
        raise NotImplementedError

    def squashed_by_somebody(self) -> None:
        raise NotImplementedError

    def told(self) -> list[str]:
        """The comments below the pull request."""
        raise NotImplementedError


class LocalScene(Scene):
    def __init__(self, folder: Path, clock: Clock) -> None:
        super().__init__(folder, clock)
        self.published = self.watched
        self._file = folder / "scratch" / "pull-requests" / f"{FIX}.md"
        self.forge = LocalForge(self.watched.repository, Store(Database.open(f"sqlite:///{folder / 'k.db'}")), folder / "scratch", clock)

    def pushed_by_somebody(self) -> None:
        self.watched.git("update-ref", REF, self.foreign)

    def squashed_by_somebody(self) -> None:
        self.watched.git("update-ref", "refs/heads/main", self.foreign)

    def told(self) -> list[str]:
        return [line[2:] for line in self._file.read_text("utf-8").splitlines() if line.startswith("> ")]


class GitHubScene(Scene):
    """The API is the emulator's process; git goes to a bare repository; `wire` carries and breaks the calls."""

    forge: GitHubForge

    def __init__(self, folder: Path, clock: Clock, emulator: Emulator) -> None:
        super().__init__(folder, clock)
        self.emulator, self.name = emulator, emulator.new_repository()
        self.published = Worktree(folder / "bare.git")
        self.watched.git(
            "clone", "--quiet", "--bare", "--single-branch", "--branch", "main", str(self.watched.root), str(self.published.root)
        )
        self.watched.git("remote", "add", "origin", str(self.published.root))
        self.wire = Wire(emulator, self.name, self.published)
        self.pauses: list[float] = []
        self.circuit = Circuit()
        self.forge = self.forge_with()

    def forge_with(self, **changes: Any) -> GitHubForge:
        settings = replace(Settings(self.name, TOKEN, self.emulator.url, str(self.published.root)), **changes)
        return GitHubForge(settings, self.watched.repository, circuit=self.circuit, transport=self.wire, pause=self._pause)

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    @property
    def pulls(self) -> list[Any]:
        return self.emulator.done("GET", f"/repos/{self.name}/pulls?state=all")

    def check(self, name: str, status: str = "completed", conclusion: str | None = "success") -> None:
        body = {"name": name, "head_sha": self.head, "status": status}
        self.emulator.done("POST", f"/repos/{self.name}/check-runs", {**body, "conclusion": conclusion} if conclusion else body)

    def review(self, word: str) -> None:
        body = {"event": word, "body": "said", "commit_id": self.published_at()}
        self.emulator.done("POST", f"/repos/{self.name}/pulls/1/reviews", body, REVIEWER)

    def pushed_by_somebody(self) -> None:
        self.published.git("fetch", "--quiet", str(self.watched.root), self.foreign)
        self.published.git("update-ref", REF, self.foreign)

    def squashed_by_somebody(self) -> None:
        self.emulator.done("PATCH", f"/repos/{self.name}/pulls/1", {"draft": False})
        self.emulator.done("PUT", f"/repos/{self.name}/pulls/1/merge", {"merge_method": "squash"})

    def told(self) -> list[str]:
        return [comment["body"] for comment in self.emulator.done("GET", f"/repos/{self.name}/issues/1/comments")]

    def fails(self, method: str, path: str, answer: Callable[[httpx2.Request], httpx2.Response], times: int = 1) -> None:
        """The next `times` calls of this method whose path ends so are answered by `answer`."""

        def fault(request: httpx2.Request) -> httpx2.Response | None:
            return answer(request) if request.method == method and request.url.path.endswith(path) else None

        self.wire.faults += [fault] * times
