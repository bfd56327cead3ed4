"""GitHub on loopback: the emulator's process for its API, a bare repository for git, and a wire between us and them that can break."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.components import EMULATE
from tests.contracts.openapi import Contract
from tests.fixes.repositories import Worktree

TOKEN, REVIEWER, READER = "ada-writes", "grace-reviews", "joan-reads"
OUTSIDE = ("/reviews", "/graphql")
"""What we call that is not part of the contract at hand."""

Answering = Callable[[httpx2.Request], httpx2.Response | None]


class Emulator:
    """One process for all tests; each test makes repositories of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx2.Client(timeout=10)
        self._made = 0
        self._known: dict[str, str] = {}

    def call(self, method: str, path: str, body: Any = None, token: str = TOKEN) -> httpx2.Response:
        return self._client.request(method, self.url + path, json=body, headers={"Authorization": f"Bearer {token}"})

    def carry(self, request: httpx2.Request) -> httpx2.Response:
        return self._client.request(request.method, request.url, content=request.content, headers=request.headers)

    def close(self) -> None:
        self._client.close()

    def done(self, method: str, path: str, body: Any = None, token: str = TOKEN) -> Any:
        answer = self.call(method, path, body, token)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def new_repository(self) -> str:
        self._made += 1
        return self.done("POST", "/user/repos", {"name": f"shop{self._made}"})["full_name"]

    def mirror(self, name: str, bare: Worktree) -> None:
        """Tells the API what was pushed, as the forge itself would know."""
        refs = bare.git("for-each-ref", "--format=%(objectname) %(refname)", "refs/heads")
        if self._known.get(name) == refs:
            return
        self._known[name] = refs
        for line in refs.splitlines():
            head, ref = line.split(" ")
            for commit in bare.git("rev-list", "--reverse", "--topo-order", head).split():
                self._commit(name, bare, commit)
            if self.call("POST", f"/repos/{name}/git/refs", {"ref": ref, "sha": head}).status_code == 422:
                self.done("PATCH", f"/repos/{name}/git/{ref}", {"sha": head, "force": True})

    def _commit(self, name: str, bare: Worktree, commit: str) -> None:
        if self.call("GET", f"/repos/{name}/git/commits/{commit}").status_code == 200:
            return
        entries = [line.split(None, 3) for line in bare.git("ls-tree", "-r", commit).splitlines()]
        files = [{"path": path, "mode": mode, "type": "blob", "content": _blob(bare, id)} for mode, _, id, path in entries]
        tree = self.done("POST", f"/repos/{name}/git/trees", {"tree": files})
        assert tree["sha"] == bare.git("rev-parse", f"{commit}^{{tree}}")
        form = "%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%P"
        fields = bare.git("log", "-1", f"--format={form}", commit).split("\0")
        people = {
            role: dict(zip(("name", "email", "date"), fields[at : at + 3], strict=True)) for role, at in (("author", 0), ("committer", 3))
        }
        message = _raw(bare, "cat-file", "commit", commit).split("\n\n", 1)[1]
        body = {"message": message, "tree": tree["sha"], "parents": fields[6].split(), **people}
        assert self.done("POST", f"/repos/{name}/git/commits", body)["sha"] == commit


class Wire(httpx2.AsyncBaseTransport):
    """Carries requests to the emulator, each held against the contract; `faults` are asked first, each until it answers once."""

    def __init__(self, emulator: Emulator, name: str, bare: Worktree) -> None:
        self.asked: list[str] = []
        self.faults: list[Answering] = []
        self._emulator, self._name, self._bare = emulator, name, bare

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        content = await request.aread()
        path = request.url.path
        self.asked.append(f"{request.method} {path}")
        contract = Contract.of("github-rest.json")
        if contract is not None and not path.endswith(OUTSIDE):
            contract.check(request.method, str(request.url), content)
        for fault in list(self.faults):
            if (answer := fault(request)) is not None:
                self.faults.remove(fault)
                return answer
        return self.carried(request)

    def carried(self, request: httpx2.Request) -> httpx2.Response:
        """What the emulator says; what it lacks is answered here."""
        path = request.url.path
        if path.endswith("/status"):
            return httpx2.Response(200, json={"state": "pending", "total_count": 0, "statuses": []})
        if path == "/graphql":
            return self._made_ready(json.loads(request.content))
        if not path.endswith("/reviews"):
            self._emulator.mirror(self._name, self._bare)
        answer = self._emulator.carry(request)
        return httpx2.Response(answer.status_code, headers=_plain(answer.headers), content=answer.content)

    def _made_ready(self, asked: Any) -> httpx2.Response:
        assert "markPullRequestReadyForReview" in asked["query"]
        pulls = self._emulator.done("GET", f"/repos/{self._name}/pulls")
        pull = next(pull for pull in pulls if pull["node_id"] == asked["variables"]["id"])
        self._emulator.done("PATCH", f"/repos/{self._name}/pulls/{pull['number']}", {"draft": False})
        return httpx2.Response(200, json={"data": {"markPullRequestReadyForReview": {"pullRequest": {"isDraft": False}}}})


@contextmanager
def running(folder: Path) -> Generator[Emulator]:
    """The emulator, ready, until the block ends."""
    seed = folder / "seed.json"
    people = {TOKEN: "ada", REVIEWER: "grace", READER: "joan"}
    tokens = {token: {"login": login, "scopes": ["repo"]} for token, login in people.items()}
    seed.write_text(json.dumps({"tokens": tokens, "github": {"users": [{"login": login} for login in people.values()]}}), "utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["node", str(EMULATE), "start", "--service", "github", "--port", str(port), "--seed", str(seed)]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            told = next((line for line in process.stdout if "Config:" in line), "")
            assert told, f"the emulator ended with {process.wait(5)}"
            emulator = _answering(Emulator(f"http://127.0.0.1:{port}"))
            yield emulator
            emulator.close()
        finally:
            process.terminate()


def _answering(emulator: Emulator) -> Emulator:
    """The emulator, once it takes connections: it says that it is there a moment before."""
    for _ in range(400):
        try:
            emulator.call("GET", "/rate_limit")
            return emulator
        except httpx2.TransportError:
            continue
    raise AssertionError("the emulator does not answer")


def _blob(bare: Worktree, id: str) -> str:
    return _raw(bare, "cat-file", "blob", id)


def _raw(bare: Worktree, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=bare.root, check=True, capture_output=True).stdout.decode("utf-8")


def _plain(headers: httpx2.Headers) -> dict[str, str]:
    """Those that still hold once the body is whole."""
    return {name: value for name, value in headers.items() if name not in {"transfer-encoding", "content-encoding", "content-length"}}
