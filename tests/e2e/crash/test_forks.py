"""Whatever ends a test run, nothing that it started stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from select import select

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0
RUN = """
import multiprocessing, os, sys, time
from tests.e2e.forks import lead_a_group

def walker(told):
    lead_a_group()
    child = os.fork()
    if child:
        os.write(told, b"%d %d" % (os.getpid(), child))
    time.sleep(900)

if __name__ == "__main__":
    process = multiprocessing.get_context("forkserver").Process(target=walker, args=(1,))
    process.start()
    process.join()
"""


def test_a_walker_and_what_it_started_end_with_the_test_run(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(RUN, "utf-8")
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, env={"PYTHONPATH": str(ROOT)}) as run:
        assert run.stdout is not None
        walkers = [int(word) for word in os.read(run.stdout.fileno(), 100).split()]
        assert len(walkers) == 2
        run.terminate()
        closed, _, _ = select([run.stdout], [], [], PATIENCE)
        for left in () if closed else walkers:
            os.kill(left, signal.SIGKILL)
        assert closed, "the pipe closes when the last of them is gone"
