"""What a container wrote, out of the engine's frames: lines with the engine's time, joined into entries, made into records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from mcp_servers.logs.formats import Parser
from mcp_servers.logs.model import LogRecord
from mcp_servers.logs.multiline import Entry, Joiner

_LONGEST = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """One line of one stream with the engine's time: as written (nanoseconds, sorts as text) and as a datetime."""

    stamp: str
    text: str

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.stamp).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Timed:
    """One entry with the engine's time. No record: a blank line."""

    at: datetime
    lines: int
    record: LogRecord | None


class Assembly:
    """Makes entries and records of the lines of one stream."""

    def __init__(self, origin: str, service: str) -> None:
        self._origin = origin
        self._parser = Parser(datetime.now(UTC), fallback=service)
        self._joiner = Joiner()
        self._number = 0
        self._times: dict[int, datetime] = {}

    def feed(self, line: Line) -> Iterator[Timed]:
        self._number += 1
        self._times[self._number] = line.at
        return self._timed(self._joiner.feed(line.text, self._number))

    def flush(self) -> Iterator[Timed]:
        return self._timed(self._joiner.flush())

    def _timed(self, entries: Iterable[Entry]) -> Iterator[Timed]:
        """With the engine's time, not the line's own: it has a zone and orders all containers alike."""
        for entry in entries:
            at = self._times[entry.line]
            record = self._parser.parse(entry.text, self._origin, at) if entry.text.strip() else None
            for number in entry.span:
                del self._times[number]
            yield Timed(at, entry.lines, record)


def lines_of(chunks: Iterable[bytes], *, framed: bool) -> Iterator[Line]:
    """The lines in a response. Each framed chunk carries its own time, also the further parts of one long line; raw chunks split anywhere."""
    held = b""
    for chunk in chunks:
        if framed and held:
            chunk = chunk.partition(b" ")[2]
        *complete, held = (held + chunk).split(b"\n")
        held = held[:_LONGEST]
        yield from (_line(raw) for raw in complete)
    if held:
        yield _line(held)


def _line(raw: bytes) -> Line:
    stamp, _, text = raw[:_LONGEST].decode("utf-8", "replace").rstrip("\r").partition(" ")
    return Line(stamp, text)
