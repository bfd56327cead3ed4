"""Processes forked from one server that has imported everything: as separate as any other process, without a second of imports each."""

from __future__ import annotations

import multiprocessing

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["pytest", "tests.e2e.preload"])
