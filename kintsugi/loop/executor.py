"""Which driver this is: a stable id for each place of work (host, state folder, seat), held by a lock that the system takes back at death."""

from __future__ import annotations

import fcntl
import os
import platform
import threading
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO

from mcp_servers.kit.errors import KintsugiError, Misconfigured


@dataclass(frozen=True, slots=True)
class Executor:
    """One driver of one state folder. The first that runs there sits on seat 1; a second beside it on 2, with workflows of its own."""

    state: Path
    place: str
    seat: int

    @property
    def id(self) -> str:
        return f"{self.place}/{self.seat}"

    @property
    def workflows(self) -> Path:
        return self.state / ("workflows.sqlite" if self.seat == 1 else f"workflows-{self.seat}.sqlite")

    def gone(self, other: str) -> bool:
        """Whether the driver of that id worked in this state folder and runs no more. False also when nobody here can know."""
        place, _, seat = other.rpartition("/")
        if place != self.place or other == self.id or not seat.isdecimal():
            return False
        with _opened(self.state, int(seat)) as file:
            return _locked(file)


@contextmanager
def claimed(state: Path) -> Generator[Executor]:
    """The free seat of the lowest number, ours until the end or our death. Raises `Misconfigured` when the folder cannot be written."""
    place = _place(state)
    for seat in count(1):
        with _opened(state, seat) as file:
            if _locked(file):
                yield Executor(state, place, seat)
                return


@contextmanager
def beating(beat: Callable[[], None], every: float) -> Generator[None]:
    """Calls `beat` every so many seconds, from a thread of its own: a long move must not look like death."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(every):
            with suppress(KintsugiError):  # a store that is away for a while: the next beat may reach it
                beat()

    thread = threading.Thread(target=run, name="beat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _place(state: Path) -> str:
    """This host and this folder: a name that a copy of the folder on another host does not share, nor another folder on this host."""
    file = _folder(state) / "place"
    with _writable(state):
        if not file.exists():
            mine = file.with_name(f"place-{uuid.uuid4().hex}")
            mine.write_text(uuid.uuid4().hex[:12], "ascii")
            with suppress(FileExistsError):
                os.link(mine, file)
            mine.unlink()
        return f"{platform.node()}/{file.read_text('ascii')}"


def _opened(state: Path, seat: int) -> IO[str]:
    with _writable(state):
        return (_folder(state) / f"{seat}.lock").open("a", encoding="ascii")


def _folder(state: Path) -> Path:
    folder = state / "drivers"
    with _writable(state):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _writable(state: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise Misconfigured(
            f"The state folder {state} cannot be written ({error.strerror}); make room there, give this user the right to write it, or set KINTSUGI_HOME.",
            code="state_read_only",
        ) from error


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
