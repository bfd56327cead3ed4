"""Files that grow, followed by identity (device and inode), not by name: rotation by rename or by truncation loses no line."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

from mcp_servers.logs.multiline import Entry, Joiner

POLL_SECONDS = 0.2
_CHUNK = 1024 * 1024
_LONGEST = 1024 * 1024
_HEAD = 256
_QUIET_POLLS = 50  # a file that lost its name is kept open as long as someone may still be writing to it
_ROTATED = re.compile(r"\.(?:\d+|gz|zst|bz2|xz|old|bak)$|[-.]\d{8}")

Identity = tuple[int, int]


class Tails:
    """Every file that `paths` lists now and later; `encoding` chooses a codec from a sample, or none for what is no text.

    `from_start` says whether what the files already hold counts as new.
    """

    def __init__(self, paths: Callable[[], list[Path]], encoding: Callable[[bytes], str], *, from_start: bool) -> None:
        self._paths = paths
        self._encoding = encoding
        self._tails: dict[Identity, Tail] = {}
        self._list(from_start, skip_rotated=False)

    def entries(self, stop: Event) -> Iterator[tuple[Path, Entry]]:
        """Each complete entry with its file, until `stop` is set; then what was still held. A quiet poll completes an entry."""
        try:
            while True:
                stopping = stop.is_set()
                for tail in list(self._tails.values()):
                    for entry in tail.poll():
                        yield tail.path, entry
                self._list(from_start=True, skip_rotated=True)
                if stopping:
                    break
                stop.wait(POLL_SECONDS)
            for tail in self._tails.values():
                for entry in tail.close():
                    yield tail.path, entry
        finally:
            for tail in self._tails.values():
                os.close(tail.descriptor)
            self._tails.clear()

    def _list(self, from_start: bool, *, skip_rotated: bool) -> None:
        """Opens new files. A name that looks rotated is a copy of lines already seen."""
        listed: set[Identity] = set()
        for path in self._paths():
            try:
                status = path.stat()
                identity = (status.st_dev, status.st_ino)
                listed.add(identity)
                if identity not in self._tails and not path.name.endswith(".gz"):
                    whole = from_start and not (skip_rotated and _ROTATED.search(path.name))
                    self._tails[identity] = Tail(path, 0 if whole else status.st_size, self._encoding)
            except OSError:
                continue  # gone or locked between listing and opening: the next round decides
        for identity, tail in list(self._tails.items()):
            if identity not in listed and tail.quiet > _QUIET_POLLS:
                os.close(self._tails.pop(identity).descriptor)


class Tail:
    """One open file: what was read of it, and the start of a line whose end is not written yet."""

    def __init__(self, path: Path, offset: int, encoding: Callable[[bytes], str]) -> None:
        self.path = path
        self.quiet = 0
        self.descriptor = os.open(path, os.O_RDONLY)
        self._offset = offset
        self._number = 0
        self._partial = ""
        self._encoding = encoding
        self._decoder: codecs.IncrementalDecoder | None = None
        self._head = self._read_head()
        self._joiner = Joiner()

    def poll(self) -> Iterator[Entry]:
        """The entries completed since the last poll."""
        self._notice_truncation()
        grew = False
        while chunk := os.pread(self.descriptor, _CHUNK, self._offset):
            self._offset += len(chunk)
            grew = True
            yield from self._feed(self._decoded(chunk))
        self.quiet = 0 if grew else self.quiet + 1
        if not grew:
            yield from self._joiner.flush()

    def close(self) -> Iterator[Entry]:
        """What is held, the unfinished line included."""
        if self._partial:
            yield from self._line(self._partial)
            self._partial = ""
        yield from self._joiner.flush()

    def _decoded(self, chunk: bytes) -> str:
        if self._decoder is None:
            name = self._encoding(self._head)
            self._decoder = codecs.getincrementaldecoder(name or "utf-8")("replace")
        return self._decoder.decode(chunk)

    def _feed(self, text: str) -> Iterator[Entry]:
        *complete, partial = (self._partial + text).split("\n")
        self._partial = partial[:_LONGEST]
        for line in complete:
            yield from self._line(line[:_LONGEST])

    def _line(self, text: str) -> Iterator[Entry]:
        self._number += 1
        yield from self._joiner.feed(text.strip("\r\0"), self._number)

    def _notice_truncation(self) -> None:
        """A shorter file, or another beginning, was truncated in place: it starts anew."""
        head = self._read_head()
        if os.fstat(self.descriptor).st_size < self._offset or not head.startswith(self._head):
            self._offset, self._number, self._partial, self._decoder = 0, 0, "", None
        self._head = head

    def _read_head(self) -> bytes:
        return os.pread(self.descriptor, _HEAD, 0)
