"""A service with many defects, and drivers that heal them side by side: in one state folder, or each in its own as on hosts of their own."""

from __future__ import annotations

import asyncio
import os
import platform
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

from sqlalchemy import select, text

from kintsugi.driver import build_loop
from kintsugi.loop import intake
from kintsugi.loop.moves import next_move
from kintsugi.tools import Tools
from kintsugi.workspace import approvals_of, ledger_of
from mcp_servers.cases.approvals import Approvals
from mcp_servers.cases.gate import LedgerGate
from mcp_servers.cases.leases import LEASES, Leases
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.model import Case, Fix, State
from mcp_servers.kit.database import Database
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import KintsugiError, Refusal
from mcp_servers.kit.project import Project, Source
from mcp_servers.kit.project import Tests as ProjectTests
from tests.e2e.forks import lead_a_group
from tests.e2e.strangers import Stranger, git

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ONCE = ("opened", "diagnosed", "ticketed", "certified", "approval_requested", "approved", "applied", "pull_request")
PATIENCE = 300.0
PART = '''
    from dataclasses import dataclass


    @dataclass
    class Parcel:
        number: int
        remark: str | None = None


    def line_{0}(parcel: Parcel) -> str:
        """The remark of a parcel of kind {0}, as it is printed."""
        text = parcel.remark.strip()
        return text.capitalize()
    '''
TEST = """
    from warehouse.part_{0} import Parcel, line_{0}


    def test_a_remark_is_printed():
        assert line_{0}(Parcel(7, " fragile ")) == "Fragile"
    """
FAILURE = """2026-11-20 {clock},310 ERROR warehouse.jobs could not print note 812 of kind {0}
Traceback (most recent call last):
  File "/srv/warehouse/current/warehouse/part_{0}.py", line 13, in line_{0}
    text = parcel.remark.strip()
           ^^^^^^^^^^^^^^^^^^^
AttributeError: 'NoneType' object has no attribute 'strip'
"""


def build(folder: Path, defects: int) -> Path:
    """The service, its history and its log: each defect a case of its own."""
    parts = {f"warehouse/part_{number}.py": PART.format(number) for number in range(defects)}
    tests = {"tests/test_part_0.py": TEST.format(0)}
    first = {".gitignore": "logs/\n", "warehouse/__init__.py": ""}
    service = Stranger("warehouse", (("Begin", first), ("Print remarks", parts | tests)), "")
    root = service.build(folder / "warehouse")
    seconds = [number * 3600 // defects for number in range(defects)]
    clocks = [f"11:{second // 60:02d}:{second % 60:02d}" for second in seconds]
    (root / "logs" / "service.log").write_text("".join(FAILURE.format(n, clock=clock) for n, clock in enumerate(clocks)), "utf-8")
    (folder / "began").touch()
    return folder


def open_deps(folder: Path, home: str) -> Deps:
    began = (folder / "began").stat().st_mtime
    database = Database.open((folder / "store").read_text("utf-8"))

    def clock() -> datetime:
        shift = timedelta(days=float((folder / f"{home}.days").read_text())) if (folder / f"{home}.days").exists() else timedelta()
        return NOON + shift + timedelta(seconds=datetime.now(UTC).timestamp() - began)

    ledger = Ledger(database, clock)
    logs = Source("service", "files", {"paths": ["logs/*.log"]})
    project = Project(folder / "warehouse", "warehouse", "main", (logs,), ProjectTests(python=sys.executable))
    return Deps(project, database, LedgerGate(ledger, Approvals(ledger)), clock, folder / home / "scratch", True)


class Nobody:
    """Nobody deploys: a pull request is the end of the road here."""

    async def deploy(self, case: Case, fix: Fix) -> None:
        return None


def done(case: Case) -> bool:
    return case.state is State.APPLIED and bool(case.pull_request)


async def _drive(deps: Deps, defects: int, lapse: float) -> None:
    ledger, tools = ledger_of(deps), Tools(deps, writes=True)
    async with build_loop(deps, deployer=Nobody(), tools=tools, lapse=lapse) as loop:
        while True:
            with suppress(KintsugiError):
                await intake.look(tools, "6h", baseline="0m")
            cases = ledger.cases()
            if len(cases) == defects and all(done(case) for case in cases):
                return
            for case in cases:
                if not done(case) and next_move(case) is not None:
                    await loop.start(case.id)
            await loop.settle()
            await asyncio.sleep(0.1)


def drive(folder: Path, home: str, defects: int, lapse: float) -> None:
    """One driver, until every defect has its pull request."""
    lead_a_group()
    asyncio.run(_drive(open_deps(folder, home), defects, lapse))


@dataclass
class Fleet:
    """Drivers that run, and the person who approves what they ask for."""

    folder: Path
    drivers: Sequence[BaseProcess]

    def __post_init__(self) -> None:
        self.deps = open_deps(self.folder, "person")
        self.ledger, self._approvals = ledger_of(self.deps), approvals_of(self.deps)
        Leases(self.deps.database, "person")

    def __enter__(self) -> Fleet:
        for driver in self.drivers:
            driver.start()
        return self

    def __exit__(self, *_: object) -> None:
        for driver in self.drivers:
            driver.kill()
        self.deps.database.close()

    def approve_until(self, reached: Callable[[], bool]) -> None:
        """Approves whatever waits, until it is so; fails when it never is."""
        end = time.monotonic() + PATIENCE
        while not reached():
            assert time.monotonic() < end, f"not reached: {Counter(str(case.state) for case in self.ledger.cases())}"
            for request in self._approvals.waiting():
                with suppress(Refusal):
                    self._approvals.approve(request.digest, person="ada", channel="terminal")
            time.sleep(0.05)

    def works(self, home: str) -> bool:
        """Whether a driver of this state folder has a case in its hands that is not at its end; or nobody works any more."""
        place = self.folder / home / "drivers" / "place"
        if not place.exists():
            return False
        with self.deps.database.reading() as connection:
            theirs = LEASES.c.holder.startswith(f"{platform.node()}/{place.read_text('ascii')}/", autoescape=True)
            held = set(connection.scalars(select(LEASES.c.case_id).where(theirs)))
        return self.ended() or any(case.id in held and not done(case) for case in self.ledger.cases())

    def ended(self) -> bool:
        return all(driver.exitcode is not None for driver in self.drivers)

    def signal(self, number: int, what: signal.Signals) -> None:
        pid = self.drivers[number].pid
        assert pid is not None
        with suppress(ProcessLookupError):  # it may have done everything by now
            os.killpg(pid, what)


def check(folder: Path, defects: int) -> None:
    """Every effect of every case happened once."""
    deps = open_deps(folder, "person")
    ledger = ledger_of(deps)
    cases = ledger.cases()
    assert len(cases) == defects
    proposals = 0
    for case in cases:
        events = ledger.events(case.id)
        happened = Counter(event.kind for event in events)
        assert {kind: happened[kind] for kind in ONCE} == dict.fromkeys(ONCE, 1), happened
        options = Counter(str(event.data["title"]) for event in events if event.kind == "proposed")
        assert set(options.values()) == {1}, options
        proposals += len(options)
    assert ledger.verify_chain() > 0
    with deps.database.reading() as connection:
        assert connection.scalar(text("select count(*) from fix_proposals")) == proposals
        for table in ("tickets", "fix_pull_requests", "approvals", "knowledge_issues"):
            assert connection.scalar(text(f"select count(*) from {table}")) == defects, table
        assert set(connection.scalars(text("select step from fix_journal"))) == {"done"}
        assert set(connection.scalars(text("select holder from case_leases"))) == {""}
    deps.database.close()
    root = folder / "warehouse"
    fixes = [case.fix for case in cases if case.fix is not None]
    branches = git(root, "for-each-ref", "--format=%(refname:short)", "refs/heads/kintsugi").splitlines()
    assert sorted(branches) == sorted(fix.branch for fix in fixes)
    assert all(git(root, "rev-list", f"main..{fix.branch}").split() == [fix.commit] for fix in fixes)
    assert git(root, "fsck", "--strict", "--no-dangling") == ""
    assert not list((root / ".git").rglob("*.lock"))
