"""Processes forked from one server that has imported everything: as separate as any other process, without a second of imports each."""

from __future__ import annotations

import multiprocessing
import os
import signal
from multiprocessing.connection import wait
from threading import Thread

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["pytest", "tests.e2e.preload"])


def lead_a_group() -> None:
    """Makes this process the head of a group of its own, which is killed with all that is in it as soon as whoever started it is gone."""
    if os.getpgrp() != os.getpid():
        os.setsid()
    if parent := multiprocessing.parent_process():
        Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()


def _follow(sentinel: int) -> None:
    wait([sentinel])
    os.killpg(os.getpgrp(), signal.SIGKILL)
