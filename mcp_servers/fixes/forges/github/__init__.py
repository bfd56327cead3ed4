"""GitHub behind the port: a branch that nobody had, a draft before anything else, and a merge of one known commit or none."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar, cast
from urllib.parse import quote

import httpx2

from mcp_servers.fixes.forges import Place, Reach, publishable
from mcp_servers.fixes.forges.github.reading import (
    Values,
    label_names,
    mapping,
    names_with,
    not_merged,
    opinions_of,
    outcome_of,
    pull_of,
    words_of,
    worst,
)
from mcp_servers.fixes.forges.github.settings import Settings, web
from mcp_servers.fixes.model import Checks, PullRequest, Request
from mcp_servers.kit.errors import KintsugiError, Misconfigured, Refusal, Unavailable
from mcp_servers.kit.git import Repository
from mcp_servers.kit.http import Answer, Circuit, Http
from mcp_servers.kit.inert import inert
from mcp_servers.kit.push import Remote, push, standing

ATTEMPTS = 5
PAGES = 20
BODY_LIMIT = 65_000
_EXPECTED = frozenset({401, 403, 404, 405, 409, 410, 422, 451})
_READY = "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } } }"
T = TypeVar("T")
_ALLOWED: Mapping[str, str] = {"merge": "allow_merge_commit", "squash": "allow_squash_merge", "rebase": "allow_rebase_merge"}


class GitHubForge:
    """Implements `Forge` with a token. `transport` and `pause` are for those who stand in for the network and for the time."""

    def __init__(
        self,
        settings: Settings,
        repository: Repository,
        *,
        circuit: Circuit | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._repository = repository
        self._name = settings.repository
        headers = {
            "Authorization": f"Bearer {settings.token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "kintsugi",
        }

        def client(base: str) -> Http:
            return Http(base, headers=headers, timeout=20, attempts=ATTEMPTS, transport=transport, pause=pause, circuit=circuit)

        self._http, self._graphql = client(settings.api), client(settings.api.removesuffix("/v3"))
        self._pause = pause

    def open(self, request: Request) -> PullRequest:
        publishable(request)
        found = self._found(request.branch)
        if found is None:
            self._writable()
            self._publish(request)
            found = self._created(request)
        missing = [label for label in request.labels if label not in label_names(found.get("labels"))]
        if missing and found.get("state") == "open":
            self._ask("POST", f"/issues/{found['number']}/labels", {"labels": missing}, repeatable=True)
        return pull_of(found, request.repository)

    def state(self, repository: str, branch: str) -> PullRequest | None:
        found = self._found(branch)
        return pull_of(found, repository) if found else None

    def checks(self, repository: str, branch: str) -> Checks:
        found = self._found(branch)
        if found is None:
            return Checks()
        head = str(found["head"]["sha"])
        runs = [(str(run["name"]), outcome_of(run)) for run in self._all(f"/commits/{head}/check-runs", "check_runs")]
        combined = mapping(self._ask("GET", f"/commits/{head}/status"))
        statuses = [(str(status["context"]), str(status["state"])) for status in combined.get("statuses", ())]
        outcomes = worst([*runs, *((name, "failure" if state == "error" else state) for name, state in statuses)])
        opinions = opinions_of(self._all(f"/pulls/{found['number']}/reviews"), head, str(mapping(found.get("user")).get("login", "")))
        return Checks(
            passed=names_with(outcomes, "success"),
            pending=names_with(outcomes, "pending"),
            failed=names_with(outcomes, "failure"),
            approved=names_with(opinions, "APPROVED"),
            objected=names_with(opinions, "CHANGES_REQUESTED"),
        )

    def comment(self, repository: str, branch: str, text: str) -> None:
        found = self._found(branch)
        if found is not None:
            self._say(found["number"], inert(text)[:BODY_LIMIT])

    def remark(self, repository: str, number: int, text: str) -> str:
        found = mapping(self._ask("GET", f"/pulls/{number}"))
        self._say(number, inert(text)[:BODY_LIMIT])
        return str(found.get("html_url", ""))

    def _say(self, number: int, body: str) -> None:
        path = f"/issues/{number}/comments"

        def there() -> bool:
            return any(comment.get("body") == body for comment in self._all(path))

        if not there():
            self._once(lambda: bool(self._ask("POST", path, {"body": body})), there)

    def close(self, repository: str, branch: str) -> None:
        found = self._found(branch)
        if found is not None and found.get("state") == "open":
            self._ask("PATCH", f"/pulls/{found['number']}", {"state": "closed"}, repeatable=True)

    def withdraw(self, repository: str, branch: str, head: str) -> None:
        ref, remote = f"refs/heads/{branch}", self._remote()
        there = standing(self._repository, remote, ref)
        if there is not None and there != head:
            raise Refusal(
                f"{branch} at {remote.name} holds commits that are not ours; delete it yourself if they may go.", code="branch_moved"
            )
        if there is not None:
            push(self._repository, remote, ref, None, head)

    def merge(self, repository: str, branch: str, head: str) -> PullRequest:
        found = self._found(branch)
        if found is None or (found.get("state") == "closed" and not found.get("merged_at")):
            raise Refusal(f"{branch} has no open pull request to merge.", code="no_pull_request")
        if found.get("merged_at"):
            return pull_of(found, repository)
        if found["head"]["sha"] != head:
            raise Refusal(f"{branch} is not at {head[:12]} any more; look at what came in between.", code="branch_moved")
        info = self._writable()
        if found.get("draft"):
            self._ready(found)
        method = next((name for name, key in _ALLOWED.items() if info.get(key, True)), "merge")
        try:
            answer = self._answer("PUT", f"/pulls/{found['number']}/merge", {"sha": head, "merge_method": method})
            failure: KintsugiError = not_merged(answer, branch, head)
        except Unavailable as error:  # it may have been merged all the same
            failure = error
        merged = self._found(branch)
        if merged is None or not merged.get("merged_at"):
            raise failure
        return pull_of(merged, repository)

    def reach(self) -> Reach:
        try:
            info = self._writable()
        except KintsugiError as error:
            return Reach(False, f"{self._name} at {web(self._settings.api)} cannot be used", str(error))
        protected = "private" if info.get("private") else "public"
        return Reach(True, f"{info.get('full_name')} ({protected}): branches, pull requests and comments may be written")

    # the repository

    def _writable(self) -> Values:
        """The repository as it is called today; raises `Misconfigured` or `Refusal` when no pull request can be made there."""
        answer = self._answer("GET", "")
        if answer.status != 200:
            raise self._refused(answer, "GET", "")
        info = mapping(answer.body)
        self._name = str(info.get("full_name") or self._name)
        if info.get("archived") or info.get("disabled"):
            how = "archived" if info.get("archived") else "disabled"
            raise Refusal(f"{self._name} is {how} at {web(self._settings.api)}, so nothing can be written there.", code=f"repository_{how}")
        if info.get("has_pull_requests") is False:
            raise Refusal(f"{self._name} has pull requests turned off; turn them on in its settings.", code="no_pull_requests")
        permissions = mapping(info.get("permissions"))
        if permissions and not permissions.get("push"):
            raise Misconfigured(
                f"The token may read {self._name} but not write to it; give it contents: write and pull requests: write (classic: repo).",
                code="token_scope",
            )
        return info

    def _remote(self) -> Remote:
        """Where branches go: over HTTPS with the token, or to a path, which needs none."""
        if self._settings.remote:
            return Remote(self._settings.remote)
        basic = base64.b64encode(f"x-access-token:{self._settings.token}".encode()).decode()
        return Remote(f"{web(self._settings.api)}/{self._name}.git", f"Authorization: Basic {basic}")

    def _publish(self, request: Request) -> None:
        try:
            push(self._repository, self._remote(), f"refs/heads/{request.branch}", request.head, None)
        except Refusal as refusal:
            if refusal.code != "ref_moved":
                raise
            raise Refusal(
                f"{request.branch} exists at {self._name} and is not ours; rename or delete it there, then repeat.", code="branch_taken"
            ) from refusal

    # the pull request

    def _found(self, branch: str) -> Values | None:
        """The pull request of a branch: the open one, else the newest. Forks and other branches do not count."""
        found = self._newest(branch)
        return self._newest(branch) if found is None and self._renamed() else found

    def _renamed(self) -> bool:
        """Whether the repository is called otherwise by now; who asks for an owner of before is answered with nothing."""
        before, self._name = self._name, str(mapping(self._ask("GET", "")).get("full_name") or self._name)
        return before.lower() != self._name.lower()

    def _newest(self, branch: str) -> Values | None:
        owner = self._name.split("/", 1)[0]
        pulls = self._all("/pulls", params={"head": f"{owner}:{branch}", "state": "all"})
        ours = [pull for pull in pulls if mapping(pull.get("head")).get("ref") == branch]
        return max(ours, key=lambda pull: (pull.get("state") == "open", pull.get("number", 0)), default=None)

    def _created(self, request: Request) -> Values:
        body = {
            "title": request.title,
            "head": request.branch,
            "base": request.target.removeprefix("refs/heads/"),
            "body": request.body[:BODY_LIMIT],
            "draft": True,
        }

        def made() -> Values | None:
            answer = self._answer("POST", "/pulls", body)
            if answer.status == 422 and "draft" in words_of(answer).lower():  # some plans have none
                answer = self._answer("POST", "/pulls", {**body, "draft": False})
            if answer.status == 422 and "already exists" in words_of(answer):
                return None
            if answer.status >= 400:
                raise self._refused(answer, "POST", "/pulls")
            return mapping(answer.body)

        return self._once(made, lambda: self._found(request.branch))

    def _once(self, act: Callable[[], T | None], look: Callable[[], T | None]) -> T:
        """What `act` makes, else what `look` finds: an act whose answer was lost is looked for before it is tried again."""
        lost = Unavailable(f"{self._settings.api} says that it is there and does not show it; try again later.", code="not_shown")
        for attempt in range(ATTEMPTS):
            try:
                if made := (attempt and look()) or act():
                    return made
            except Unavailable as error:
                lost = error
            if lost.code in {"rate_limited", "circuit_open"}:
                break
            if there := look():
                return there
            asyncio.run(_awaited(self._pause(0.5 * 2**attempt)))
        raise lost

    def _ready(self, found: Values) -> None:
        """Takes the draft mark away, which only GraphQL can."""
        body = {"query": _READY, "variables": {"id": found.get("node_id")}}
        answer = asyncio.run(self._graphql.answer("POST", "/graphql", body=body, repeatable=True, expect=_EXPECTED))
        errors = mapping(answer.body).get("errors")
        if answer.status >= 400 or errors:
            raise Refusal(f"The pull request {found.get('html_url')} stays a draft: {errors or words_of(answer)}.", code="still_draft")

    # the wire

    def _ask(self, method: str, path: str, body: Any = None, *, repeatable: bool | None = None) -> Any:
        answer = self._answer(method, path, body, repeatable=repeatable)
        if answer.status >= 400:
            raise self._refused(answer, method, path)
        return answer.body

    def _all(self, path: str, key: str = "", params: Mapping[str, str] | None = None) -> list[Values]:
        """Every item of a listing, page by page."""
        items: list[Values] = []
        for page in range(1, PAGES + 1):
            answer = self._answer("GET", path, params={**(params or {}), "per_page": "100", "page": str(page)})
            if answer.status >= 400:
                raise self._refused(answer, "GET", path)
            items += cast("list[Values]", mapping(answer.body).get(key, []) if key else answer.body)
            if 'rel="next"' not in answer.headers.get("link", ""):
                return items
        raise Unavailable(f"{path} of {self._name} has more than {PAGES} pages; something is wrong there.", code="too_many_pages")

    def _answer(
        self, method: str, path: str, body: Any = None, *, params: Mapping[str, str] | None = None, repeatable: bool | None = None
    ) -> Answer:
        whole = f"/repos/{quote(self._name)}{path}"
        return asyncio.run(self._http.answer(method, whole, params=params, body=body, repeatable=repeatable, expect=_EXPECTED))

    def _refused(self, answer: Answer, method: str, path: str) -> KintsugiError:
        """An answer that is no, as a sentence for who can change it."""
        said, where = words_of(answer), f"{self._name} at {web(self._settings.api)}"
        if answer.status == 401:
            return Misconfigured(
                f"{web(self._settings.api)} does not know the token ({said}); set GITHUB_TOKEN to one that is valid.", code="unauthorized"
            )
        if answer.status == 403:
            needed = answer.headers.get("x-accepted-github-permissions") or answer.headers.get("x-accepted-oauth-scopes") or ""
            more = f"; it needs {needed}" if needed else ""
            return Misconfigured(f"The token may not {method} {path or 'this'} in {where}: {said}{more}.", code="token_scope")
        if answer.status == 404 and not path:
            return Misconfigured(
                f"{where} is not there, or this token may not see it; look at [forge] repository and at what the token is for.",
                code="repository_unknown",
            )
        return Refusal(f"{where} refused {method} {path} ({answer.status}): {said}.", code=f"http_{answer.status}")


def opened(place: Place) -> GitHubForge:
    """The forge of a place; raises `Misconfigured` without a token or a repository."""
    return GitHubForge(Settings.of(place), place.repository, circuit=place.circuit)


async def _awaited(pause: Awaitable[object]) -> None:
    await pause
