"""What git hooks leave for the driver: one small file a note, in `spool/` of the state folder, until somebody takes it.

A file of its own for each note needs no lock: it appears whole, and whoever writes never waits for whoever reads.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

FOLDER = "spool"
MOST = 1_000
"""Notes that are kept; beyond it the oldest go, since the newest say where a repository stands."""
_MOST_BYTES = 8_192


@dataclass(frozen=True)
class Note:
    """Something that happened in a repository: the hook that saw it, when (seconds since 1970), where, and between which commits.
    `key` names it: the same event seen twice has one."""

    hook: str
    at: float
    repository: str
    branch: str
    commit: str
    previous: str = ""

    @property
    def key(self) -> str:
        return f"{self.hook}:{self.repository}:{self.previous}:{self.commit}"


def leave(state: str, note: Note) -> None:
    """Leaves a note; raises `OSError` where the state folder cannot be written."""
    folder = os.path.join(state, FOLDER)
    os.makedirs(folder, exist_ok=True)
    name = f"{time.time_ns():020d}-{os.getpid()}"
    part = os.path.join(folder, f".{name}")
    with open(part, "w", encoding="utf-8") as file:
        json.dump(asdict(note), file)
    os.replace(part, os.path.join(folder, f"{name}.json"))
    for old in _names(folder)[:-MOST]:
        _remove(os.path.join(folder, old))


def drain(state: str, take: Callable[[Note], None]) -> int:
    """Hands over each note, oldest first, and forgets it once `take` came back; the number taken. A note may come twice after a crash."""
    folder = os.path.join(state, FOLDER)
    taken = 0
    for name in _names(folder):
        path = os.path.join(folder, name)
        note = _read(path)
        if note is not None:
            take(note)
            taken += 1
        _remove(path)
    return taken


def _names(folder: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if name.endswith(".json"))
    except OSError:
        return []


def _read(path: str) -> Note | None:
    """The note in a file; None for what is none, or was taken by another."""
    try:
        with open(path, encoding="utf-8") as file:
            return Note(**json.loads(file.read(_MOST_BYTES)))
    except (OSError, ValueError, TypeError):
        return None


def _remove(path: str) -> None:
    try:
        os.remove(path)
    except OSError:
        return
