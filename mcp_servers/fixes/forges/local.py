"""Pull requests without a forge: rows in our store, and Markdown for people to read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from mcp_servers.fixes.forges import Place, Reach, publishable
from mcp_servers.fixes.model import Checks, PullRequest, Request
from mcp_servers.fixes.store import Store
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import Repository
from mcp_servers.kit.inert import line
from mcp_servers.kit.landing import landed

_COMMENTS = "\n\n## Comments\n\n"


class LocalForge:
    """Implements `Forge` over the watched repository itself. A merge is a fast-forward of the target, never of a branch that is checked out."""

    def __init__(self, repository: Repository, store: Store, scratch: Path, clock: Callable[[], datetime]) -> None:
        self._repository = repository
        self._store = store
        self._folder = scratch / "pull-requests"
        self._clock = clock

    def open(self, request: Request) -> PullRequest:
        publishable(request)
        known = self._store.pull_request(request.repository, request.branch)
        if known is None and self._repository.resolve(f"refs/heads/{request.branch}") != request.head:
            raise Refusal(f"{request.branch} is not at {request.head[:12]}; somebody else's branch has this name.", code="branch_taken")
        opened = self._store.add_pull_request(request, self._clock())
        return self._written(opened)

    def state(self, repository: str, branch: str) -> PullRequest | None:
        found = self._store.pull_request(repository, branch)
        if found is None or found.state != "open":
            return found
        request = found.request
        head = self._repository.resolve(request.target)
        came = landed(self._repository, head, request.base, request.head) if head and self._repository.resolve(request.head) else ""
        return replace(self._settled(found, "merged"), merge=came) if came else found

    def close(self, repository: str, branch: str) -> None:
        found = self.state(repository, branch)
        if found is not None and found.state == "open":
            self._settled(found, "closed")

    def checks(self, repository: str, branch: str) -> Checks:
        """Nothing: nobody runs checks or reviews here."""
        return Checks()

    def comment(self, repository: str, branch: str, text: str) -> None:
        found = self.state(repository, branch)
        if found is not None:
            self._say(found, text)

    def remark(self, repository: str, number: int, text: str) -> str:
        found = self._store.pull_request_numbered(repository, number)
        if found is None:
            raise Refusal(f"There is no pull request {number} here; pull requests are files in {self._folder}.", code="no_pull_request")
        return self._say(found, text).url

    def _say(self, found: PullRequest, text: str) -> PullRequest:
        said = f"> {line(text, 2_000)}\n"
        return self._written(found, "" if said in self._comments(found) else said)

    def withdraw(self, repository: str, branch: str, head: str) -> None:
        """The branch is one of the watched repository, so it goes from there."""
        ref = f"refs/heads/{branch}"
        there = self._repository.resolve(ref)
        if there is not None and there != head:
            raise Refusal(f"{branch} holds commits that are not ours; delete it yourself if they may go.", code="branch_moved")
        if there is not None:
            self._repository.delete_ref(ref, head)

    def reach(self) -> Reach:
        return Reach(
            True, f"pull requests are files in {self._folder}", 'with type = "github" under [forge]: branches and pull requests there'
        )

    def merge(self, repository: str, branch: str, head: str) -> PullRequest:
        found = self.state(repository, branch)
        if found is None or found.state == "closed":
            raise Refusal(f"{branch} has no open pull request to merge.", code="no_pull_request")
        if found.state == "merged":
            return found
        request = found.request
        if request.head != head:
            raise Refusal(f"{branch} is not at {head[:12]} any more; look at what came in between.", code="branch_moved")
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

    def _written(self, pull: PullRequest, comment: str = "") -> PullRequest:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(pull)
        request = pull.request
        head = f"# {request.title}\n\nPull request {pull.id} · {pull.state} · `{request.branch}` → `{request.target}`\n\n"
        path.write_text(head + request.body + _COMMENTS + self._comments(pull) + comment, encoding="utf-8")
        return replace(pull, url=path.as_uri())

    def _comments(self, pull: PullRequest) -> str:
        path = self._path(pull)
        return path.read_text("utf-8").rpartition(_COMMENTS)[2] if path.exists() else ""

    def _path(self, pull: PullRequest) -> Path:
        return self._folder / f"{pull.request.branch.rpartition('/')[2]}.md"


def opened(place: Place) -> LocalForge:
    """The forge that needs nothing: no account, no network."""
    return LocalForge(place.repository, place.store(), place.scratch, place.clock)
