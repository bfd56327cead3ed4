"""Heals the warehouse from its log file to a verified lesson, and can be killed at any step: `python -m tests.e2e.crash.walker FOLDER`.

A step is a tool call, a write transaction (killed `before` its commit, with all statements done) or an update of a git ref. A boundary is
one side of a step, for example `commit 1 in create_ticket before`. At the first boundary that FOLDER/fuses names, and that has not been
struck yet, the process kills its group with SIGKILL; the same command, started again, goes on. FOLDER/steps tells all boundaries passed, with a
digest of all that was on disk when FOLDER/digests is there. FOLDER/store holds the URL of the store; without it, it is SQLite in the folder.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import sys
from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from kintsugi.driver import build_loop
from kintsugi.loop import intake
from kintsugi.loop.deployers import Deployment
from kintsugi.loop.moves import next_move
from kintsugi.loop.workflow import Loop
from kintsugi.tools import Tools
from kintsugi.workspace import approvals_of, ledger_of
from mcp_servers.cases.approvals import Approvals
from mcp_servers.cases.gate import LedgerGate
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.model import Case, Fix, State
from mcp_servers.kit.database import Database
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.git import Repository
from mcp_servers.kit.project import Project, Source
from mcp_servers.kit.project import Tests as ProjectTests
from tests.e2e.forks import lead_a_group

BRANCH = "production"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
RELEASE = "r2"
REQUESTS = 400
ROUNDS = 12
LAPSE = 600.0  # no beat within a walk: it would be a step that comes when it likes


@dataclass
class Place:
    """Where in the story a step is: in a tool call, or in the driver after one; `steps` counts those that were there."""

    name: str
    steps: Counter[str] = field(default_factory=Counter[str])


_PLACE: ContextVar[Place] = ContextVar("_PLACE", default=Place("at the start"))  # noqa: B039 — one walk a process


class Fuses:
    """Kills this process at the boundaries it is told, at each once; writes down every boundary that is passed."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._digests = folder, (folder / "digests").exists()
        self._steps, self._struck = folder / "steps", folder / "struck"
        fuses = folder / "fuses"
        told = fuses.read_text("utf-8").splitlines() if fuses.exists() else []
        struck = self._struck.read_text("utf-8").splitlines() if self._struck.exists() else []
        self._left = set(told) - set(struck)

    @contextmanager
    def step(self, kind: str) -> Generator[None]:
        place = _PLACE.get()
        place.steps[kind] += 1
        name = f"{kind} {place.steps[kind]} {place.name}" if kind != "call" else f"{kind} {place.name}"
        self._reach(f"{name} before")
        yield
        self._reach(f"{name} after")

    def _reach(self, boundary: str) -> None:
        _note(self._steps, f"{boundary}\t{_on_disk(self._folder)}" if self._digests else boundary)
        if boundary in self._left:
            _note(self._struck, boundary)
            os.killpg(os.getpgrp(), signal.SIGKILL)


def _note(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def _on_disk(folder: Path) -> str:
    """A digest of every byte that a start after a kill would find. The shared memory of SQLite holds only what can be made anew."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.parent != folder and not path.name.endswith("-shm"):
            digest.update(str(path).encode() + path.read_bytes())
    return digest.hexdigest()


class CountedTools(Tools):
    def __init__(self, deps: Deps, fuses: Fuses) -> None:
        super().__init__(deps, writes=True)
        self._fuses = fuses

    async def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        _PLACE.set(Place(f"in {name}"))
        with self._fuses.step("call"):
            answer = await super().call(name, **arguments)
        _PLACE.set(Place(f"after {name}"))
        return answer


class CountedDatabase(Database):
    """Every write transaction of every slice is a step."""

    fuses: Fuses

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        with ExitStack() as transaction:
            connection = transaction.enter_context(super().transaction())
            yield connection
            with self.fuses.step("commit"):
                transaction.close()


def count_refs(fuses: Fuses) -> None:
    """Makes each ref update of a repository a step: all of them go through one method."""
    update = Repository.update_ref

    def counted(self: Repository, ref: str, new: str, old: str | None) -> None:
        with fuses.step("ref"):
            update(self, ref, new, old)

    Repository.update_ref = counted


class Production:
    """The service as it runs: its branch is moved forward to the fix, and from then on it only writes that requests went well."""

    def __init__(self, root: Path) -> None:
        self._repository = Repository.at(root)
        self._log = root / "logs" / "service.log"

    async def deploy(self, case: Case, fix: Fix) -> Deployment | None:
        lock = self._repository.common_dir / "refs" / "heads" / f"{BRANCH}.lock"
        lock.unlink(missing_ok=True)  # of a git that was killed with us: nobody else moves this branch
        if self._repository.head(BRANCH) != fix.commit:
            self._repository.update_ref(f"refs/heads/{BRANCH}", fix.commit, fix.base)
        return Deployment(fix.commit, RELEASE)

    def serve(self, now: datetime) -> None:
        """What the new release writes after its deployment: requests, and no error."""
        stamp = now.strftime("%Y-%m-%d %H:%M:%S,%f")[:-3]
        lines = "".join(f'{stamp} INFO warehouse.jobs "GET /notes/{number} HTTP/1.1" 200\n' for number in range(REQUESTS))
        with self._log.open("a", encoding="utf-8") as log:
            log.write(lines)


def project(folder: Path) -> Project:
    logs = Source("service", "files", {"paths": ["logs/*.log"]})
    return Project(folder / "warehouse", "warehouse", BRANCH, (logs,), ProjectTests(python=sys.executable))


def store_of(folder: Path) -> str:
    store = folder / "store"
    return store.read_text("utf-8") if store.exists() else f"sqlite:///{folder / 'home' / 'kintsugi.sqlite'}"


def open_deps(folder: Path, database: Database | None = None) -> Deps:
    """The state of a walk. Its clock runs from noon of the story on, over all restarts."""
    began = (folder / "began").stat().st_mtime
    store = database or Database.open(store_of(folder))

    def clock() -> datetime:
        return NOON + timedelta(seconds=datetime.now(UTC).timestamp() - began)

    ledger = Ledger(store, clock)
    return Deps(project(folder), store, LedgerGate(ledger, Approvals(ledger)), clock, folder / "home" / "scratch", True)


class Walk:
    def __init__(self, folder: Path) -> None:
        fuses = Fuses(folder)
        count_refs(fuses)
        CountedDatabase.fuses = fuses
        (folder / "home").mkdir(exist_ok=True)
        self._deps = open_deps(folder, CountedDatabase.open(store_of(folder)))
        self._tools = CountedTools(self._deps, fuses)
        self._ledger, self._approvals = ledger_of(self._deps), approvals_of(self._deps)
        self._production = Production(folder / "warehouse")

    async def run(self) -> bool:
        """Round after round until the case is done: look, heal, and in between a person approves and production goes on."""
        async with build_loop(self._deps, deployer=self._production, tools=self._tools, lapse=LAPSE) as loop:
            for _ in range(ROUNDS):
                await intake.look(self._tools, "6h", baseline="0m")
                for request in self._approvals.waiting():
                    self._approvals.approve(request.digest, person="ada", channel="terminal")
                await self._heal(loop)
                if self._done():
                    return True
                self._go_on()
        return False

    async def _heal(self, loop: Loop) -> None:
        for case in self._ledger.cases():
            if next_move(case) is not None:
                await loop.start(case.id)
        await loop.settle()
        for case, problem in loop.problems.items():
            sys.stderr.write(f"{case}: {problem!r}\n")

    def _done(self) -> bool:
        return all(case.state is State.VERIFIED and next_move(case) is None for case in self._ledger.cases())

    def _go_on(self) -> None:
        if any(case.state is State.DEPLOYED for case in self._ledger.cases()):
            self._production.serve(self._deps.clock())


def walk(folder: Path) -> int:
    """0 when the case is healed and learned from. Also the target of a forked process, which saves it the imports."""
    return 0 if asyncio.run(Walk(folder).run()) else 1


def walk_and_exit(folder: Path) -> None:
    """In a process group of its own, so that all that it started can be killed with it, and is when the test is gone."""
    lead_a_group()
    sys.exit(walk(folder))


if __name__ == "__main__":
    walk_and_exit(Path(sys.argv[1]))
