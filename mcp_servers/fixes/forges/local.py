"""Pull requests without a forge: rows in our store, and Markdown for people to read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from mcp_servers.fixes.model import PullRequest, Request
from mcp_servers.fixes.store import Store
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import Repository


class LocalForge:
    """Implements `Forge` over the watched repository itself. A merge is a fast-forward of the target, never of a branch that is checked out."""

    def __init__(self, repository: Repository, store: Store, scratch: Path, clock: Callable[[], datetime]) -> None:
        self._repository = repository
        self._store = store
        self._folder = scratch / "pull-requests"
        self._clock = clock

    def open(self, request: Request) -> PullRequest:
        opened = self._store.add_pull_request(request, self._clock())
        return self._written(opened)

    def state(self, repository: str, branch: str) -> PullRequest | None:
        found = self._store.pull_request(repository, branch)
        if found is None or found.state != "open":
            return found
        head = self._repository.resolve(found.request.target)
        if head and self._repository.contains(head, found.request.head):
            return self._settled(found, "merged")
        return found

    def close(self, repository: str, branch: str) -> None:
        found = self.state(repository, branch)
        if found is not None and found.state == "open":
            self._settled(found, "closed")

    def merge(self, repository: str, branch: str) -> PullRequest:
        found = self.state(repository, branch)
        if found is None or found.state == "closed":
            raise Refusal(f"{branch} has no open pull request to merge.", code="no_pull_request")
        if found.state == "merged":
            return found
        request = found.request
        if self._repository.checked_out(request.target):
            raise Refusal(
                f"{request.target} is checked out in a worktree, which is yours; merge with `git merge --ff-only {branch}` there.",
                code="checked_out",
            )
        if self._repository.resolve(request.target) != request.base:
            raise Refusal(f"{request.target} moved since the fix was approved; propose it again on the new base.", code="base_moved")
        self._repository.update_ref(request.target, request.head, request.base)
        return self._settled(found, "merged")

    def _settled(self, found: PullRequest, state: str) -> PullRequest:
        self._store.settle_pull_request(found.request.repository, found.request.branch, state)
        return self._written(replace(found, state=state))

    def _written(self, pull: PullRequest) -> PullRequest:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{pull.request.branch.rpartition('/')[2]}.md"
        request = pull.request
        head = f"# {request.title}\n\nPull request {pull.id} · {pull.state} · `{request.branch}` → `{request.target}`\n\n"
        path.write_text(head + request.body + "\n", encoding="utf-8")
        return replace(pull, url=path.as_uri())
