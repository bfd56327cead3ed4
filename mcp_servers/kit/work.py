"""Work that somebody waits for: it tells how far it is, and ends soon after nobody wants it any more. Both travel with the context, into threads too."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Event
from typing import TypeVar

Value = TypeVar("Value")


class Stopped(BaseException):
    """Nobody waits for what is made. Not an error of what was asked, so that nothing is tried in its place."""


@dataclass(slots=True)
class Work:
    """One piece of work as its caller sees it: how far it is in words, and whether it is still wanted."""

    words: str = ""
    stop: Event = field(default_factory=Event)


_CURRENT: ContextVar[Work | None] = ContextVar("work", default=None)


@contextmanager
def doing(work: Work) -> Generator[Work]:
    """What is called inside, here and in threads that are given this context, belongs to this work."""
    token = _CURRENT.set(work)
    try:
        yield work
    finally:
        _CURRENT.reset(token)


def wanted() -> None:
    """Raises `Stopped` when the work that this is called in is wanted no more."""
    work = _CURRENT.get()
    if work is not None and work.stop.is_set():
        raise Stopped


def tell(words: str) -> None:
    """Says how far the work is, for whoever waits; raises `Stopped` when nobody does."""
    wanted()
    work = _CURRENT.get()
    if work is not None:
        work.words = words


async def stoppable(make: Callable[[], Value]) -> Value:
    """What `make` returns, made in a thread; when the caller is cancelled, `make` ends the next time it asks whether it is wanted."""
    from anyio.to_thread import run_sync  # when there is a loop: a command that asks only `wanted` starts without it

    with doing(_CURRENT.get() or Work()) as work:
        try:
            return await run_sync(make, abandon_on_cancel=True)
        except BaseException:
            work.stop.set()
            raise
