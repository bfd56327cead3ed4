"""Calls that may outlast a client's patience: started by the first call, collected by the same call made again, stopped when it is cancelled.

Many clients give a tool 60 seconds, and forget a connection with its session. What is asked is the handle, so that any client can come back to
it, over a new connection too; while it runs, waiting for it starts nothing twice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from mcp_servers.kit.errors import Unavailable
from mcp_servers.kit.work import Work, doing

PATIENCE = 20.0
STILL_RUNNING = "still_running"
_TICK = 1.0
_KEPT = 300.0

Report = Callable[[float, str], Awaitable[None]]
REPORT: ContextVar[Report | None] = ContextVar("report", default=None)
"""Where the progress of a call goes: seconds so far, and words. The server sets it for each call."""


@dataclass(slots=True)
class Job:
    """One piece of work under way or done, and how many wait for it."""

    task: asyncio.Task[Any]
    work: Work
    begun: float = field(default_factory=time.monotonic)
    waiting: int = 0

    @property
    def age(self) -> float:
        return time.monotonic() - self.begun

    def end(self) -> None:
        self.work.stop.set()
        self.task.cancel()


class Jobs:
    """The jobs of one server. One that nobody came back for is forgotten some minutes later."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._jobs: dict[str, Job] = {}

    async def answer(self, name: str, key: str, start: Callable[[], Awaitable[Any]]) -> Any:
        """What `start` came to, for whoever asks first after it is done; raises `Unavailable` (still_running) when patience ends before."""
        job = self._joined(key, start)
        job.waiting += 1
        try:
            await self._patiently(job, name)
        except asyncio.CancelledError:
            if job.waiting == 1:
                job.end()
                self._jobs.pop(key, None)
            raise
        finally:
            job.waiting -= 1
        if not job.task.done():
            far = f" ({job.work.words})" if job.work.words else ""
            raise Unavailable(
                f"{name} is at work{far}, for {job.age:.0f} s so far, and goes on; call it again with the same arguments to collect its answer.",
                code=STILL_RUNNING,
            )
        self._jobs.pop(key, None)
        return job.task.result()

    def _joined(self, key: str, start: Callable[[], Awaitable[Any]]) -> Job:
        self._jobs = {name: job for name, job in self._jobs.items() if not job.task.done() or job.age < _KEPT}
        job = self._jobs.get(key)
        if job is None or job.task.get_loop() is not asyncio.get_running_loop():
            work = Work()
            job = self._jobs[key] = Job(asyncio.create_task(_inside(work, start)), work)
            job.task.add_done_callback(_looked_at)
        return job

    async def _patiently(self, job: Job, name: str) -> None:
        until, report = time.monotonic() + self._patience, REPORT.get()
        while not job.task.done() and (left := until - time.monotonic()) > 0:
            await asyncio.wait({job.task}, timeout=min(_TICK, left))
            if report and not job.task.done():
                await report(round(job.age, 1), job.work.words or name)


async def _inside(work: Work, start: Callable[[], Awaitable[Any]]) -> Any:
    with doing(work):
        return await start()


def _looked_at(task: asyncio.Task[Any]) -> None:
    """A failure that nobody collects is no failure of the server."""
    if not task.cancelled():
        task.exception()
