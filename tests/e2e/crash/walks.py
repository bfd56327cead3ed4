"""Walks that are killed: prepared, started again until they are done, and looked over afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from sqlalchemy import text

from kintsugi.loop.executor import claimed
from kintsugi.workspace import ledger_of
from mcp_servers.cases.model import Case, State
from mcp_servers.kit.deps import Deps
from tests.e2e.crash.walker import BRANCH, REQUESTS, open_deps, walk_and_exit
from tests.e2e.forks import FORKS
from tests.e2e.strangers import WAREHOUSE, git

FAILED = "".join(dedent(WAREHOUSE.log).strip().partition("printing 40 notes\n")[2].partition("strip'\n")[:2])
LONGEST, HANGS = 60.0, 240.0
"""Seconds that a walk may take from any start to its end, by promise; and after which nobody waits for it, on a machine that has other work."""
MOST_STARTS = 60
ONCE = {
    "opened",
    "diagnosed",
    "ticketed",
    "certified",
    "approval_requested",
    "approved",
    "applied",
    "deployed",
    "verified",
    "learned",
}
UNKNOWN = 255
"""What multiprocessing says when its fork server could not tell how a child ended; the next start shows whether anything is missing."""


@dataclass(frozen=True, slots=True)
class Walked:
    """A walk that came to its end: how often it was killed, and the seconds from its last start on."""

    folder: Path
    kills: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Ground:
    """Where walks begin: a story that is copied for each, and how a store for it is made (None: SQLite in its folder)."""

    story: Path
    new_store: Callable[[], str] | None = None

    def prepare(self, folder: Path) -> Path:
        shutil.copytree(self.story, folder, dirs_exist_ok=True, symlinks=True)
        if self.new_store is not None:
            (folder / "store").write_text(self.new_store(), "utf-8")
        (folder / "began").touch()
        return folder


def written(folder: Path) -> Path:
    """The warehouse with its production branch, and two hours of its log: one request in twenty failed."""
    root = WAREHOUSE.build(folder / "warehouse")
    git(root, "branch", BRANCH)
    with (root / "logs" / "service.log").open("w", encoding="utf-8") as log:
        for number in range(REQUESTS):
            second = number * 7200 // REQUESTS
            clock = f"{10 + second // 3600}:{second // 60 % 60:02d}:{second % 60:02d}"
            log.write(f'2026-11-20 {clock},000 INFO warehouse.jobs "GET /notes/{number} HTTP/1.1" 200\n')
            if number % 20 == 10:
                log.write(FAILED.replace("08:00:02,310", f"{clock},310"))
    return folder


def walk(ground: Ground, folder: Path, fuses: Sequence[str] = (), moments: Sequence[float] = ()) -> Walked:
    """Starts the walker again and again until it finishes. The fuses kill it at boundaries, the moments so many seconds after a start."""
    ground.prepare(folder)
    (folder / "fuses").write_text("\n".join(fuses), "utf-8")
    left = list(moments)
    for kills in range(MOST_STARTS):
        began = time.monotonic()
        ended = _forked(folder, left.pop(0) if left else None)
        if ended not in {-signal.SIGKILL, UNKNOWN}:
            assert ended == 0, f"after {kills} kills the walker in {folder} ended with {ended}"
            return Walked(folder, kills, time.monotonic() - began)
    raise AssertionError(f"killed {MOST_STARTS} times and still not done: {folder}")


def walk_all(ground: Ground, folders: Sequence[Path], fuses: Sequence[Sequence[str]], *, at_once: int) -> list[Walked]:
    """A walk for each folder with its fuses, each looked over at its end."""

    def one(folder: Path, told: Sequence[str]) -> Walked:
        walked = walk(ground, folder, told)
        check(folder)
        return walked

    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(one, folders, fuses))


def strike(ground: Ground, place: Path, boundaries: Sequence[str], *, walks: int, at_once: int) -> list[Walked]:
    """Kills at each boundary at least once: dealt out over some walks, and those that these did not pass any more in walks of their own."""
    hands = [boundaries[number::walks] for number in range(walks)]
    walked = walk_all(ground, [place / str(number) for number in range(walks)], hands, at_once=at_once)
    struck = {line for one in walked for line in lines(one.folder / "struck")}
    left = [boundary for boundary in boundaries if boundary not in struck]
    alone = [place / f"alone-{number}" for number in range(len(left))]
    walked += walk_all(ground, alone, [[boundary] for boundary in left], at_once=at_once)
    missed = set(boundaries) - struck - {line for folder in alone for line in lines(folder / "struck")}
    assert not missed, f"never reached: {sorted(missed)}"
    return walked


def boundaries(ground: Ground, folder: Path) -> list[list[str]]:
    """All boundaries of a walk that nobody interrupts, in order; those between which not a byte on disk changed are told together."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "digests").touch()
    assert walk(ground, folder).kills == 0
    check(folder)
    groups: list[list[str]] = []
    known: set[str] = set()
    before = ""
    for line in lines(folder / "steps"):
        name, _, digest = line.partition("\t")
        if digest != before:
            groups.append([])
        before = digest
        if name not in known:
            known.add(name)
            groups[-1].append(name)
    return [group for group in groups if group]


def lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines() if path.exists() else []


def check(folder: Path) -> None:
    """Everything that was to happen did, once, and nothing of the user's was touched."""
    deps = open_deps(folder)
    try:
        ledger = ledger_of(deps)
        (case,) = ledger.cases()
        assert case.state is State.VERIFIED
        assert ledger.verify_chain() == len(ledger.events(case.id))
        events = ledger.events(case.id)
        happened = Counter(event.kind for event in events)
        assert {kind: happened[kind] for kind in ONCE} == dict.fromkeys(ONCE, 1)
        options = Counter(str(event.data["title"]) for event in events if event.kind == "proposed")
        assert set(options.values()) == {1}, "an option stands there once"
        assert len(options) == 2, "the fix, and taking the suspected commit back"
        check_store(deps)
        check_repository(folder / "warehouse", case)
        with claimed(folder / "home") as free:
            assert free.seat == 1, "the dead hold no seat"
    finally:
        deps.database.close()


def check_store(deps: Deps) -> None:
    with deps.database.reading() as connection:

        def rows(query: str) -> list[tuple[object, ...]]:
            return [tuple(row) for row in connection.execute(text(query))]

        assert rows("select status from tickets") == [("resolved",)]
        assert rows("select count(*) from ticket_comments") == [(1,)]
        assert rows("select count(*) from approvals where decision = 'approved' and spent != ''") == [(1,)]
        assert rows("select count(*) from approvals") == [(1,)]
        assert rows("select 1 from fix_pull_requests") == [(1,)]
        assert rows("select step from fix_journal") == [("done",)]
        assert rows("select 1 from knowledge_lessons") == [(1,)]
        assert rows("select 1 from knowledge_issues") == [(1,)]
        assert rows("select holder from case_leases") == [("",)]
        if deps.database.dialect == "sqlite":
            assert rows("pragma integrity_check") == [("ok",)]


def check_repository(root: Path, case: Case) -> None:
    assert case.fix is not None
    branches = git(root, "for-each-ref", "--format=%(refname)", "refs/heads").splitlines()
    assert branches == [f"refs/heads/{case.fix.branch}", "refs/heads/main", f"refs/heads/{BRANCH}"]
    assert git(root, "rev-list", f"main..{case.fix.branch}").split() == [case.fix.commit]
    assert git(root, "rev-parse", BRANCH) == case.fix.commit
    assert git(root, "fsck", "--strict", "--no-dangling") == ""
    assert not list((root / ".git").rglob("*.lock"))
    assert git(root, "status", "--porcelain", "--untracked-files=all") == ""
    assert git(root, "symbolic-ref", "HEAD") == "refs/heads/main"
    assert git(root, "rev-list", "--count", "HEAD") == "3"


def _forked(folder: Path, moment: float | None) -> int:
    """Runs the walker to its end or its death (at `moment`, with its whole group), and says how it ended: -9 when it was killed."""
    process = FORKS.Process(target=walk_and_exit, args=(folder,))
    process.start()
    assert process.pid is not None
    process.join(HANGS if moment is None else moment)
    if process.exitcode is None and moment is not None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()  # when it had not come so far as to have a group
        process.join(HANGS)
    assert process.exitcode is not None, f"the walker in {folder} was not done after {HANGS:.0f} s"
    return process.exitcode
