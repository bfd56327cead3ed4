"""What the jail costs: its start, and a run of pytest inside beside the same run outside. Wall time, as a jail is waited for, says something on a
machine that is quiet; the processor's time for a start says something on any.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Figure, Say, cpu_seconds, met
from mcp_servers.fixes.jail import Jail, Limits, default
from mcp_servers.fixes.testrun import Interpreter
from mcp_servers.kit.project import Tests

STARTS = 40
RUNS = 5
_TEST = "import time\n\ndef test_work():\n    assert sum(each * each for each in range(3_000_000)) > 0\n"


def run(say: Say) -> list[Figure]:
    jail = default()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        (work / "test_work.py").write_text(_TEST, "utf-8")
        say("starts")
        starts = [_timed(lambda: _true(jail, work)) - _timed(_bare_true) for _ in range(STARTS)]
        used = (cpu_seconds(lambda: [_true(jail, work) for _ in range(STARTS)])[0] - cpu_seconds(_bare_trues)[0]) / STARTS * 1000
        say("pytest")
        inside = min(_timed(lambda: _pytest(jail, work)) for _ in range(RUNS))
        outside = min(_timed(lambda: _bare_pytest(work)) for _ in range(RUNS))
    start, allowed = statistics.median(starts) * 1000, outside * 0.15 + 0.1
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    return [
        Figure("sandbox: start, median", f"{start:.1f} ms", anchor=load, reach="≤ 25 ms", beyond="≤ 15 ms", met=met(start, 25, 15)),
        Figure(
            "sandbox: start, processor",
            f"{used:.1f} ms",
            anchor=f"swept by {jail.sweep}",
            reach="≤ 25 ms",
            beyond="≤ 15 ms",
            met=met(used, 25, 15),
        ),
        Figure(
            "sandbox: pytest inside",
            f"{inside:.2f} s",
            peer=f"{outside:.2f} s outside",
            ratio=f"+{(inside - outside) * 1000:.0f} ms",
            anchor=load,
            reach="≤ 15 % + 100 ms",
            beyond="≤ 7 % + 50 ms",
            met=met(inside - outside, allowed, allowed / 2),
        ),
    ]


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _true(jail: Jail, work: Path) -> None:
    assert jail.run(["/bin/true"], work=work, readable=(), env={}, limits=Limits()).code == 0


def _bare_true() -> None:
    subprocess.run(["/bin/true"], check=True)


def _bare_trues() -> None:
    for _ in range(STARTS):
        _bare_true()


_COMMAND = ("-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_work.py")


def _pytest(jail: Jail, work: Path) -> None:
    found = Interpreter.find(Tests())
    outcome = jail.run([str(found.python), *_COMMAND], work=work, readable=found.readable, env={}, limits=Limits())
    assert outcome.code == 0, outcome.output


def _bare_pytest(work: Path) -> None:
    subprocess.run([sys.executable, *_COMMAND], cwd=work, check=True, capture_output=True)
