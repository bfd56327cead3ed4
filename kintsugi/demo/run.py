"""The demo: a real shop under a real load, and the same loop that `kintsugi watch` runs, over it."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console

from kintsugi.demo.deploy import BRANCH, ShopDeployer
from kintsugi.demo.load import Load, Snapshot
from kintsugi.demo.report import report
from kintsugi.demo.shop import Shop, build, export
from kintsugi.demo.story import Story
from kintsugi.driver import build_loop
from kintsugi.loop import intake
from kintsugi.loop.moves import next_move
from kintsugi.loop.workflow import Loop
from kintsugi.tools import Tools
from kintsugi.workspace import approvals_of, ledger_of
from mcp_servers.cases.approvals import Request
from mcp_servers.cases.model import Case
from mcp_servers.kit.errors import KintsugiError
from mcp_servers.kit.git import Repository
from mcp_servers.kit.project import Project, Source, Tests
from mcp_servers.launch import assemble

VIEWER = "demo viewer"
PAUSE = 0.15
LOOK = 1.2
AGAIN = 10.0
REST = 0.8
WINDOW = timedelta(seconds=10)
SECONDS = 56.0
QUIET = 5.0

Decide = Callable[[Request], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Options:
    """`folder` holds everything the demo makes. It stops taking up new work after `seconds`. `only` limits it to cases whose title holds the words."""

    folder: Path
    seconds: float = SECONDS
    only: str = ""
    keep: bool = False


class Demo:
    """One run. `decide` asks the viewer about a fix; None approves in the viewer's name, which the demo says plainly."""

    def __init__(self, options: Options, console: Console, decide: Decide | None = None) -> None:
        self._options = options
        self._console = console
        self._decide = decide
        folder = options.folder
        self.shop = Shop(folder / "run")
        self.load = Load(folder / "run")
        self._left_alone: dict[str, Mapping[str, Any]] = {}
        self._done: dict[str, float] = {}

    async def run(self) -> dict[str, Any]:
        """Starts the shop, heals it in front of the viewer, and returns the report. The shop is ended unless it is to be kept."""
        down(self._options.folder)
        shutil.rmtree(self._options.folder, ignore_errors=True)
        repository = await asyncio.to_thread(self._prepare)
        try:
            return await self._heal(repository)
        finally:
            if not self._options.keep:
                self.load.stop()
                self.shop.stop()

    def _prepare(self) -> Repository:
        """Makes the shop's repository: `main` is checked out for its people, `production` is what runs."""
        repository = Repository.at(build(self._options.folder / "shop"))
        repository.update_ref(f"refs/heads/{BRANCH}", repository.head("main"), None)
        export(self._options.folder / "shop", BRANCH, self._options.folder / "releases" / self._release(repository))
        return repository

    def _release(self, repository: Repository) -> str:
        head = repository.head(BRANCH)
        return next((name for name, commit in repository.tags().items() if commit == head), "r0")

    def _open_shop(self, repository: Repository) -> None:
        release = self._release(repository)
        self.shop.start(self._options.folder / "releases" / release, release)
        self.load.start(self.shop.url("web"), self.shop.url("api"))

    def _project(self) -> Project:
        logs = Source("shop", "files", {"paths": [str(self.shop.logs / "*.log")]})
        return Project(self._options.folder / "shop", "shop", BRANCH, (logs,), Tests(python=sys.executable))

    async def _heal(self, repository: Repository) -> dict[str, Any]:
        deps = assemble(self._project(), home=self._options.folder / "state", allow_bare_jail=True)
        self._ledger, self._approvals = ledger_of(deps), approvals_of(deps)
        self._tools = Tools(deps, writes=True)
        deployer = ShopDeployer(self.shop, repository, self._options.folder / "releases")
        await self._load()
        async with build_loop(deps, deployer=deployer, one_at_a_time=True, tools=self._tools) as loop:
            self._clock, self._began = time.monotonic(), datetime.now(UTC)
            self._story = Story(self._ledger, self._console, self._began, lambda commit: repository.log(commit, limit=1)[0].subject)
            await asyncio.to_thread(self._open_shop, repository)
            self._story.say(f"The shop runs at {self.shop.url('web')} under a steady load. It is broken; nobody has looked yet.", "bold")
            await self._cycles(loop)
            self._story.go_on()
            found = self._report()
        return found

    async def _load(self) -> None:
        """What the first calls import, before the clock runs."""
        await self._tools.call("list_fixes")
        with suppress(KintsugiError):  # there is no log yet
            await self._tools.call("find_anomalies")

    def _report(self) -> dict[str, Any]:
        left_alone = list(self._left_alone.values())
        return report(self._ledger, self._began, self._elapsed(), left_alone, self._traffic(), str(self._options.folder / "shop"))

    async def _cycles(self, loop: Loop) -> None:
        """Look, heal, ask, tell; again and again, because one defect hides another."""
        looking = asyncio.create_task(self._keep_looking())
        calm_since = time.monotonic()
        try:
            while self._elapsed() < self._options.seconds and time.monotonic() - calm_since < QUIET:
                if await self._drive(loop):
                    calm_since = time.monotonic()
                if looking.done():
                    looking.result()
                await asyncio.sleep(PAUSE)
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def _keep_looking(self) -> None:
        while True:
            since = max(self._began, datetime.now(UTC) - WINDOW)
            seen = await intake.look(self._tools, since, baseline="0m", skip=lambda coarse: self._rests(coarse, AGAIN))
            self._left_alone |= {str(quiet.get("title")): quiet for quiet in seen.left_alone}
            await asyncio.sleep(LOOK)

    async def _drive(self, loop: Loop) -> bool:
        """Answers what waits for a person and takes every case a move further; says whether there was anything to do."""
        for request in await asyncio.to_thread(self._approvals.waiting):
            await self._answer(request)
        cases = [case for case in await asyncio.to_thread(self._ledger.cases) if self._wanted(case)]
        for case in cases:
            if not self._rests(f"{case.id} {case.state}", REST):
                await loop.start(case.id)
        self._story.go_on()
        for case, problem in loop.problems.items():
            self._story.say(f"{case} stopped: {problem}", "yellow")
        return bool(cases)

    def _rests(self, what: str, seconds: float) -> bool:
        """Whether this was last done less than so many seconds ago; if not, it is done now."""
        now = time.monotonic()
        if now - self._done.get(what, -seconds) < seconds:
            return True
        self._done[what] = now
        return False

    def _wanted(self, case: Case) -> bool:
        return next_move(case) is not None and self._options.only.lower() in case.title.lower()

    async def _answer(self, request: Request) -> None:
        if self._decide is None or await self._decide(request):
            self._approvals.approve(request.digest, person=VIEWER, channel="demo")
        else:
            self._approvals.reject(request.digest, person=VIEWER, channel="demo", reason="the viewer said no")

    def _traffic(self) -> dict[str, Any]:
        """The same driver's figures: until the first restart, and since the last one."""
        deployed = sorted(case.times["deployed"] for case in self._ledger.cases() if "deployed" in case.times)
        first, last = (self._offset(deployed[0]), self._offset(deployed[-1])) if deployed else (self._elapsed(), self._elapsed())
        before, after = self.load.snapshot(self._clock, self._clock + first), self.load.snapshot(self._clock + last)
        return {"before": _counts(before), "after": _counts(after)}

    def _offset(self, moment: datetime) -> float:
        return (moment - self._began).total_seconds()

    def _elapsed(self) -> float:
        return time.monotonic() - self._clock


def down(folder: Path) -> bool:
    """Ends what an earlier demo left running in this folder; says whether there was anything."""
    shop, load = Shop(folder / "run"), Load(folder / "run")
    running = shop.running or load.running
    load.stop()
    shop.stop()
    return running


def reset(folder: Path) -> None:
    """Ends what runs and removes everything the demo made."""
    down(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _counts(figures: Snapshot) -> dict[str, int]:
    return {"requests": figures["requests"], "errors": figures["errors"]}
