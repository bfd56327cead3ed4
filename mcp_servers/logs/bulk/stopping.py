"""Long readings in a thread, which end soon after nobody waits for them any more."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import TypeVar

from anyio.to_thread import run_sync

from mcp_servers.logs.bulk.portions import Advance

Value = TypeVar("Value")


class Stopped(BaseException):
    """Nobody waits for what is read. Not an error of a source, so that no source is tried in its place."""


async def stoppable(read: Callable[[Advance], Value]) -> Value:
    """What `read` returns; when the caller is cancelled, the reading ends the next time it tells how much it has read."""
    stop = Event()

    def advance(_: int) -> None:
        if stop.is_set():
            raise Stopped

    try:
        return await run_sync(read, advance, abandon_on_cancel=True)
    finally:
        stop.set()
