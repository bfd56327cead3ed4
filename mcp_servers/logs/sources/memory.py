"""What was read of a growing file: looking again parses only what has come since."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from mcp_servers.logs.model import LogRecord
from mcp_servers.logs.multiline import Entry, Joiner

MOST_ENTRIES = 300_000
TAIL = 200
LONGEST_LINE = 1024 * 1024

Parse = Callable[[Entry], LogRecord | None]
Read = tuple[int, LogRecord | None]
"""How many lines an entry took, and its record (None: a blank line)."""


@dataclass(slots=True)
class _Known:
    inode: int
    parse: Parse
    offset: int = 0
    line: int = 1
    tail: bytes = b""
    entries: list[Read] = field(default_factory=list[Read])


class Memory:
    """The entries of plain UTF-8 files, by path. The last entry of a file may still grow, so it is read again each time.

    A file is the one we know as long as its inode is the same and the bytes before our place are.
    """

    def __init__(self) -> None:
        self._known: dict[Path, _Known] = {}
        self._one_at_a_time = Lock()

    def entries(self, path: Path, parser: Callable[[], Parse]) -> list[Read] | None:
        """All entries of the file in order, or None when it is too large or too odd to be remembered."""
        with self._one_at_a_time, path.open("rb") as stream:
            known = self._of(path, stream, parser)
            lines = stream.read().split(b"\n")
            if max(map(len, lines)) >= LONGEST_LINE or len(known.entries) > MOST_ENTRIES:
                self._known.pop(path, None)
                return None
            unfinished = _advance(known, lines)
            return known.entries + unfinished

    def _of(self, path: Path, stream: BinaryIO, parser: Callable[[], Parse]) -> _Known:
        """What is known of the file, with the stream where it ends. A file that was replaced or rewritten is not known."""
        inode = os.fstat(stream.fileno()).st_ino
        known = self._known.get(path)
        if known is not None and known.inode == inode:
            stream.seek(known.offset - len(known.tail))
            if stream.read(len(known.tail)) == known.tail:
                return known
        stream.seek(0)
        self._known[path] = _Known(inode, parser())
        return self._known[path]


def _advance(known: _Known, lines: list[bytes]) -> list[Read]:
    """Takes the finished entries into memory and returns the unfinished one."""
    if not lines[-1]:
        lines.pop()
    starts = [known.offset]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    first, joiner = known.line, Joiner()
    for number, line in enumerate(lines, start=first):
        for entry in joiner.feed(line.decode("utf-8", "replace").strip("\r\0"), number):
            known.entries.append((entry.lines, known.parse(entry)))
            known.line += entry.lines
    finished = known.line - first
    if finished:
        known.offset = starts[finished]
        known.tail = (lines[finished - 1] + b"\n")[-TAIL:]
    return [(entry.lines, known.parse(entry)) for entry in joiner.flush()]
