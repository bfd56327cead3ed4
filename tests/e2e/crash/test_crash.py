"""Kill -9 at any step of a case and start again: the case goes on, with one ticket, one branch, one pull request, one lesson.

The boundaries are learned from a walk that nobody interrupts: before and after each tool call, each commit of a write transaction (so also
each append to the ledger) and each update of a ref. Every one of them is struck at least once. To keep the time short the boundaries are
dealt out over a few walks, so that one walk is killed and started again a dozen times; what a walk did not pass any more, because an
earlier kill led it another way, is struck in a walk of its own. A call that only reads is struck on one side, in turns. The processes are
forked from one that has done the imports. The random walks kill the process group of the real command, git included;
the sandbox has a session of its own and dies with its parent.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent

import pytest
from sqlalchemy import text

from kintsugi.workspace import ledger_of
from mcp_servers.cases.model import Case, State
from mcp_servers.kit.deps import Deps
from tests.components import ROOT
from tests.e2e.crash.walker import BRANCH, REQUESTS, open_deps, walk_and_exit
from tests.e2e.strangers import WAREHOUSE, git

FAILED = "".join(dedent(WAREHOUSE.log).strip().partition("printing 40 notes\n")[2].partition("strip'\n")[:2])
WALKS, AT_ONCE = 5, 5
READS = ("find_anomalies", "find_suspect_commits", "query_known_issues", "try_reproduction", "verify_fix", "get_fix")
MOST_STARTS = 60
SEED = 20261120
ONCE = {
    "opened",
    "diagnosed",
    "ticketed",
    "proposed",
    "certified",
    "approval_requested",
    "approved",
    "applied",
    "deployed",
    "verified",
    "learned",
}
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["pytest", "dbos", "tests.e2e.crash.preload"])


def prepare(folder: Path) -> Path:
    """The warehouse with its production branch, and two hours of its log: one request in twenty failed."""
    root = WAREHOUSE.build(folder / "warehouse")
    git(root, "branch", BRANCH)
    access = "".join(f'2026-11-20 11:{n % 60:02d}:00,000 INFO warehouse.jobs "GET /notes/{n} HTTP/1.1" 200\n' for n in range(REQUESTS))
    errors = "".join(FAILED.replace("08:00:02,310", f"10:{minute:02d}:02,310") for minute in range(0, 60, 3))
    (root / "logs" / "service.log").write_text(errors + access, "utf-8")
    (folder / "began").touch()
    return folder


def forked(folder: Path) -> int:
    """Runs the walker to its end or its death, and says how it ended: -9 when it was killed."""
    process = FORKS.Process(target=walk_and_exit, args=(folder,))
    process.start()
    process.join(120)
    assert process.exitcode is not None, f"the walker in {folder} hangs"
    return process.exitcode


UNKNOWN = 255
"""What multiprocessing says when its fork server could not tell how a child ended; the next start shows whether anything is missing."""


def walk(folder: Path, fuses: list[str]) -> int:
    """Starts the walker again and again until it finishes; the number of kills."""
    prepare(folder)
    (folder / "fuses").write_text("\n".join(fuses), "utf-8")
    for kills in range(MOST_STARTS):
        ended = forked(folder)
        if ended not in {-signal.SIGKILL, UNKNOWN}:
            assert ended == 0, f"after {kills} kills the walker ended with {ended}"
            return kills
    raise AssertionError(f"killed {MOST_STARTS} times and still not done")


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
        happened = Counter(event.kind for event in ledger.events(case.id))
        assert {kind: happened[kind] for kind in ONCE} == dict.fromkeys(ONCE, 1)
        check_store(deps, case)
        check_repository(folder / "warehouse", case)
    finally:
        deps.database.close()


def check_store(deps: Deps, case: Case) -> None:
    with deps.database.reading() as connection:

        def rows(query: str) -> list[tuple[object, ...]]:
            return [tuple(row) for row in connection.execute(text(query))]

        assert rows("select status from tickets") == [("resolved",)]
        assert rows("select count(*) from ticket_comments") == [(1,)]
        assert rows("select count(*) from approvals where decision = 'approved' and spent != ''") == [(1,)]
        assert rows("select count(*) from approvals") == [(1,)]
        assert rows("select 1 from fix_pull_requests") == [(1,)]
        assert rows("select 1 from knowledge_lessons") == [(1,)]
        assert rows("select 1 from knowledge_issues") == [(1,)]


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


@pytest.fixture(scope="module")
def boundaries(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """All boundaries of a case that nobody interrupts, in order."""
    folder = tmp_path_factory.mktemp("quiet")
    assert walk(folder, []) == 0
    check(folder)
    passed = list(dict.fromkeys(lines(folder / "steps")))
    spared = {f"call in {name} {('before', 'after')[number % 2]}" for number, name in enumerate(READS)}
    return [boundary for boundary in passed if boundary not in spared]


def test_a_case_killed_at_any_boundary_goes_on_and_does_nothing_twice(tmp_path: Path, boundaries: list[str]) -> None:
    hands = [boundaries[number::WALKS] for number in range(WALKS)]
    folders = [tmp_path / str(number) for number in range(WALKS)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        kills = list(pool.map(walk, folders, hands))
    for folder in folders:
        check(folder)
    struck = {line for folder in folders for line in lines(folder / "struck")}
    left = [boundary for boundary in boundaries if boundary not in struck]
    alone = [tmp_path / f"alone-{number}" for number in range(len(left))]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        again = list(pool.map(walk, alone, [[boundary] for boundary in left]))
    for folder in alone:
        check(folder)
    assert again == [1] * len(left), "a boundary was never reached"
    assert sum(kills) + sum(again) == len(boundaries) >= 70


def killed_at_random(folder: Path, moments: list[float]) -> int:
    """Runs the real command in a process group of its own, and kills the group after each of these times; then lets it finish."""
    prepare(folder)
    command = [sys.executable, "-m", "tests.e2e.crash.walker", str(folder)]
    kills = 0
    for moment in [*moments, 120.0]:
        with subprocess.Popen(command, cwd=ROOT, start_new_session=True, stderr=subprocess.PIPE) as process:
            try:
                _, said = process.communicate(timeout=moment)
                assert process.returncode == 0, said.decode()
                return kills
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                kills += 1
    raise AssertionError("the walker was let run for two minutes and did not finish")


def test_a_case_whose_processes_are_all_killed_at_random_times_goes_on(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    folders = [tmp_path / str(number) for number in range(5)]
    moments = [[chance.uniform(2.0, 6.0) for _ in range(chance.choice((1, 2)))] for _ in folders]
    with ThreadPoolExecutor(2) as pool:
        kills = list(pool.map(killed_at_random, folders, moments))
    assert sum(kills) >= 3  # a fast machine may be done before a late kill
    for folder in folders:
        check(folder)
