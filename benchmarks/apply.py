"""How long an apply takes, certificate apart: a small repository and one of 50,000 files, from the approval to branch and pull request."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.figures import Figure, Say, cpu_seconds, met
from mcp_servers.cases.approvals import Approvals
from mcp_servers.cases.ledger import Ledger
from mcp_servers.fixes.apply import Applier
from mcp_servers.fixes.forges.local import LocalForge
from mcp_servers.fixes.model import Certificate, Proposal, told_of
from mcp_servers.fixes.proposals import propose
from mcp_servers.fixes.store import Store
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.gate import Write
from mcp_servers.kit.git import Repository
from mcp_servers.kit.project import Project
from mcp_servers.launch import assemble

SIZES = {"20 files": (20, 1.0, 0.5), "50,000 files": (50_000, 3.0, 1.5)}
TRIES = 5
_SEEN = Certificate(True, True, True, True, "no worse", 3, "bubblewrap", "", "", "t", "proven", "", 1.0)
_NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)


def run(say: Say) -> list[Figure]:
    figures: list[Figure] = []
    for name, (files, reach, beyond) in SIZES.items():
        say(f"applying in a repository of {name}")
        with tempfile.TemporaryDirectory(prefix="kintsugi-bench-") as folder:
            cpu, wall = _measured(Path(folder), files)
        told = f"{cpu:.2f} s CPU, {wall:.2f} s by the clock"
        figures.append(
            Figure(f"apply, {name}, median of {TRIES}", told, reach=f"≤ {reach:g} s", beyond=f"≤ {beyond:g} s", met=met(cpu, reach, beyond))
        )
    return figures


def _measured(folder: Path, files: int) -> tuple[float, float]:
    """The medians of CPU and wall seconds of one apply, git's processes included."""
    root = _built(folder / "project", files)
    deps = assemble(Project(root, "project"), home=folder / "home", clock=lambda: _NOW)
    try:
        taken = [_once(deps, number) for number in range(TRIES)]
    finally:
        deps.database.close()
    return median(cpu for cpu, _ in taken), median(wall for _, wall in taken)


def _once(deps: Deps, number: int) -> tuple[float, float]:
    fix = _approved(deps, number)
    started = time.perf_counter()

    def apply() -> Proposal:
        repository, store = Repository.at(deps.watched().root), Store(deps.database)
        forge = LocalForge(repository, store, deps.scratch, deps.clock)
        applier = Applier(repository, store, deps.gate, forge, deps.scratch, deps.clock, deps.policy)
        return applier.apply(fix.id, Write("apply_fix", "kintsugi", fix.case))

    cpu, applied = cpu_seconds(apply)
    wall = time.perf_counter() - started
    assert Repository.at(deps.watched().root).tree(applied.commit) == fix.tree
    return cpu, wall


def _approved(deps: Deps, number: int) -> Proposal:
    ledger = Ledger(deps.database, deps.clock)
    approvals, store = Approvals(ledger, deps.policy), Store(deps.database)
    anomaly: dict[str, Any] = {"title": f"failure {number}", "fingerprint": {"coarse": f"{number:016x}"}, "count": 1}
    case, _ = ledger.open_case("project", anomaly, actor="kintsugi")
    ledger.append(case.id, "diagnosed", {"status": "likely", "cause": "a value may be missing"}, actor="kintsugi")
    edit = {"kind": "replace", "path": "pkg0/module0.py", "search": "return 0", "replace": f"return {number + 1}"}
    test = {"path": f"tests/test_it_{number}.py", "content": "def test_it():\n    assert True\n"}
    repository = Repository.at(deps.watched().root)
    made = propose(repository, deps.watched(), case.id, {"title": "mend it", "edits": [edit], "test": test})

    def record(added: Proposal, connection: Any) -> None:
        ledger.append(case.id, "proposed", told_of(added), actor="kintsugi", connection=connection)

    fix = store.add(made, deps.clock(), record).certified(_SEEN)
    fix = replace(fix, expires="2026-11-27T10:15:00+00:00")
    with deps.database.transaction() as connection:
        store.save(fix, connection)
    ledger.append(case.id, "certified", {"fix": fix.id, "digest": fix.digest, "certificate": {"passed": True}}, actor="kintsugi")
    approvals.request(fix.id, risk="low", actor="kintsugi")
    approvals.approve(fix.digest, person="grace", channel="terminal")
    return fix


def _built(root: Path, files: int) -> Path:
    """A repository with so many small modules, made by git fast-import; nothing is checked out."""
    root.mkdir(parents=True)
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    for words, given in ((["init", "--quiet", "--initial-branch=main"], b""), (["fast-import", "--quiet"], b"".join(_stream(files)))):
        subprocess.run(["git", *words], cwd=root, env=env, input=given, check=True)
    return root


def _stream(files: int) -> Iterator[bytes]:
    yield b"commit refs/heads/main\ncommitter Ada <ada@example.com> 1790000000 +0000\ndata 5\nfirst\n"
    for number in range(files):
        content = f"def value{number}():\n    return {number}\n".encode()
        yield f"M 644 inline pkg{number // 100}/module{number}.py\ndata {len(content)}\n".encode() + content + b"\n"
