"""Local files: plain or gzip, one path, folders and globs, standard input; read whole, or followed through rotations."""

from __future__ import annotations

import glob
import gzip
import io
import sys
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any, BinaryIO, ClassVar, TypeVar, cast

from mcp_servers.kit.errors import Misconfigured, Refusal
from mcp_servers.logs.formats import Parser
from mcp_servers.logs.model import LogRecord, Query
from mcp_servers.logs.multiline import Entry, Joiner
from mcp_servers.logs.sources import Tally, matches
from mcp_servers.logs.sources.memory import Memory, Parse, Read
from mcp_servers.logs.sources.tails import Tails

MAX_LINE = 1024 * 1024
MOST_REMEMBERED = 64 * 1024 * 1024
_SAMPLE = 8192
_GZIP = b"\x1f\x8b"
_STANDARD_INPUT = "-"
_CONTROLS = bytes({*range(32), 127} - set(b"\t\n\r\x1b"))

Text = TypeVar("Text", str, bytes)


@dataclass(frozen=True, slots=True)
class FilesSettings:
    """`paths` are files, folders or globs, relative to the project; `service` names the records that do not name themselves.

    `encoding` is a codec name; empty means UTF-8, UTF-16 by its byte order mark, or Latin-1 where the bytes are no UTF-8.
    """

    paths: tuple[str, ...]
    service: str = ""
    encoding: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """An open file: `path` where it can be read from any place (no archive, no standard input), and how its lines are parsed."""

    stream: io.BufferedReader
    origin: str
    path: Path | None
    modified: datetime
    encoding: str
    service: str
    fallback: str

    def elsewhere(self) -> Part:
        """The same part for another process, which opens the file itself."""
        return replace(self, stream=cast(Any, None))

    def parser(self) -> Parser:
        return Parser(self.modified, service=self.service, fallback=self.fallback)


class Files:
    """Log files. Raises `Refusal` for a path that is not there or may not be read."""

    Settings: ClassVar = FilesSettings

    def __init__(self, name: str, settings: FilesSettings, root: Path) -> None:
        self.name = name
        self._settings = settings
        self._root = root
        self._memory = Memory()
        if settings.encoding:
            try:
                "".encode(settings.encoding)
            except LookupError as error:
                raise Misconfigured(
                    f"[sources.{name}] encoding: {error}; write for example latin-1 or utf-16.", code="bad_value"
                ) from error

    def describe(self) -> str:
        return f"files {', '.join(self._settings.paths)}"

    def scan(self, query: Query, tally: Tally) -> Iterator[LogRecord]:
        """The records of every file, file by file. Files untouched since before the window are not opened."""
        for path in self._paths():
            if str(path) == _STANDARD_INPUT:
                yield from self._scan_stream(sys.stdin.buffer, "stdin", datetime.now(UTC), query, tally)
            else:
                yield from self._scan_file(path, query, tally)

    def follow(self, stop: Event, since: datetime | None = None) -> Iterator[LogRecord]:
        """New records of all files until `stop` is set, through renames, truncations and new files; with `since` also the ones written before."""
        query = Query(since=since)
        tails = Tails(
            lambda: [path for path in self._paths(missing_ok=True) if path.is_file()],
            lambda sample: self._settings.encoding or encoding_of(sample),
            from_start=since is not None,
        )
        return self._followed(tails, query, stop)

    def _followed(self, tails: Tails, query: Query, stop: Event) -> Iterator[LogRecord]:
        parsers: dict[Path, Parser] = {}
        for path, entry in tails.entries(stop):
            parser = parsers.setdefault(path, self._parser(path, datetime.now(UTC)))
            record = _parsed(parser, entry, path.name)
            if record and matches(query, record):
                yield record

    def _paths(self, *, missing_ok: bool = False) -> list[Path]:
        found: dict[Path, None] = {}
        for pattern in self._settings.paths:
            matched = [Path(pattern)] if pattern == _STANDARD_INPUT else _expand(self._root, pattern)
            if not matched and not missing_ok and not glob.has_magic(pattern) and not (self._root / pattern).exists():
                raise Refusal(
                    f"There is no file or folder {pattern!r} (looked in {self._root}); check [sources.{self.name}] paths.",
                    code="no_such_file",
                )
            found.update(dict.fromkeys(matched))
        return list(found)

    def _scan_file(self, path: Path, query: Query, tally: Tally) -> Iterator[LogRecord]:
        with self._forgiving(path, tally):
            modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            if self._untouched(path, modified, query, tally):
                return
            remembered = self._remembered(path, modified)
            if remembered is not None:
                yield from (record for lines, record in remembered if tally.count(lines, record, query) and record)
                return
            with path.open("rb") as raw:
                yield from self._scan_stream(raw, path.name, modified, query, tally, path)

    def each_part(self, query: Query, tally: Tally, take: Callable[[Part], None]) -> None:
        """Hands over every file, opened, for reading in bulk; notes those that cannot be read, as `scan` does."""
        for path in self._paths():
            if str(path) == _STANDARD_INPUT:
                self._hand_over(sys.stdin.buffer, None, datetime.now(UTC), tally, take)
                continue
            with self._forgiving(path, tally):
                modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                if not self._untouched(path, modified, query, tally):
                    with path.open("rb") as raw:
                        self._hand_over(raw, path, modified, tally, take)

    def _hand_over(self, raw: BinaryIO, path: Path | None, modified: datetime, tally: Tally, take: Callable[[Part], None]) -> None:
        origin, stream = path.name if path else "stdin", unpacked(raw)
        encoding = self._settings.encoding or encoding_of(stream.peek(_SAMPLE)[:_SAMPLE])
        if not encoding:
            tally.notes.append(f"{origin}: not a text file; skipped.")
            return
        take(Part(stream, origin, path if stream is raw else None, modified, encoding, self._settings.service, _stem(path)))

    def _untouched(self, path: Path, modified: datetime, query: Query, tally: Tally) -> bool:
        if not query.since or modified >= query.since:
            return False
        tally.notes.append(f"{path.name}: last written {modified:%Y-%m-%dT%H:%M:%SZ}, before the window; not opened.")
        tally.newest = max(tally.newest or modified, modified)
        return True

    @contextmanager
    def _forgiving(self, path: Path, tally: Tally) -> Generator[None]:
        try:
            yield
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            tally.notes.append(f"{path.name}: the archive is damaged ({error}); what came before was read.")
        except OSError as error:
            if [str(path)] == [str(self._root / pattern) for pattern in self._settings.paths]:
                raise Refusal(f"{path} cannot be read: {error.strerror}.", code="unreadable_file") from error
            tally.notes.append(f"{path.name}: cannot be read ({error.strerror}); skipped.")

    def _remembered(self, path: Path, modified: datetime) -> list[Read] | None:
        """The entries of a plain UTF-8 file of moderate size; None for every other file."""
        if not 0 < path.stat().st_size <= MOST_REMEMBERED or self._settings.encoding:
            return None
        with path.open("rb") as raw:
            sample = raw.read(_SAMPLE)
        if sample.startswith(_GZIP) or encoding_of(sample) != "utf-8":
            return None

        def parser() -> Parse:
            made = self._parser(path, modified)
            return lambda entry: _parsed(made, entry, path.name)

        return self._memory.entries(path, parser)

    def _scan_stream(
        self, raw: BinaryIO, origin: str, modified: datetime, query: Query, tally: Tally, path: Path | None = None
    ) -> Iterator[LogRecord]:
        stream = unpacked(raw)
        encoding = self._settings.encoding or encoding_of(stream.peek(_SAMPLE)[:_SAMPLE])
        if not encoding:
            tally.notes.append(f"{origin}: not a text file; skipped.")
            return
        parser = self._parser(path, modified)
        long_lines = [0]
        for entry in entries(lines(stream, encoding, long_lines)):
            record = _parsed(parser, entry, origin)
            if tally.count(entry.lines, record, query) and record:
                yield record
        if long_lines[0]:
            tally.notes.append(f"{origin}: {long_lines[0]} line(s) longer than {MAX_LINE} bytes were cut to that length.")

    def _parser(self, path: Path | None, reference: datetime) -> Parser:
        return Parser(reference, service=self._settings.service, fallback=_stem(path))


def unpacked(raw: BinaryIO) -> io.BufferedReader:
    """The stream, unpacked when it begins as gzip does (whatever its name says)."""
    buffered = cast(io.BufferedReader, raw) if isinstance(raw, io.BufferedReader) else io.BufferedReader(cast(Any, raw))
    if buffered.peek(2)[:2] == _GZIP:
        return io.BufferedReader(cast(Any, gzip.GzipFile(fileobj=buffered)))
    return buffered


def encoding_of(sample: bytes) -> str:
    """The encoding that the first bytes tell; empty for what is no text."""
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if sample.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    text = sample.decode("utf-8", "replace")
    broken = text[:-1].count("\ufffd")  # the sample may end inside a character
    proper = sum(1 for character in text if character > "\x7f" and character != "\ufffd")
    filled = sample.lstrip(b"\0")  # zeros in front are the hole that a truncated log leaves
    if b"\0" in filled and (broken > proper or 10 * (len(filled) - len(filled.translate(None, _CONTROLS))) > 3 * len(filled)):
        return ""
    return "latin-1" if broken > proper else "utf-8"


def lines(stream: io.BufferedReader, encoding: str, cut: list[int]) -> Iterator[str]:
    """The lines without their ends, each at most MAX_LINE long; `cut[0]` counts the longer ones."""
    if encoding == "utf-16":
        text = io.TextIOWrapper(stream, encoding, errors="replace", newline="\n")
        try:
            for line in _bounded(text.readline, "\n", cut):
                yield line.strip("\r\n\0")
        finally:
            text.detach()  # the stream is its opener's to close
        return
    for raw in _bounded(stream.readline, b"\n", cut):
        yield raw.decode(encoding, "replace").strip("\r\n\0")


def entries(numbered: Iterator[str]) -> Iterator[Entry]:
    """The lines joined into entries."""
    joiner = Joiner()
    for number, line in enumerate(numbered, start=1):
        yield from joiner.feed(line, number)
    yield from joiner.flush()


def _bounded(readline: Callable[[int], Text], end: Text, cut: list[int]) -> Iterator[Text]:
    while line := readline(MAX_LINE):
        if len(line) == MAX_LINE and not line.endswith(end):
            cut[0] += 1
            while (rest := readline(MAX_LINE)) and not rest.endswith(end):
                pass
        yield line


def _parsed(parser: Parser, entry: Entry, origin: str) -> LogRecord | None:
    return parser.parse(entry.text, f"{origin}:{entry.line}") if entry.text.strip() else None


def _stem(path: Path | None) -> str:
    return path.name.partition(".")[0] if path else ""


def _expand(root: Path, pattern: str) -> list[Path]:
    """The files behind a pattern, oldest first, so that a rotated file is read before the one that took its place."""
    path = root / pattern
    if path.is_dir():
        found = [
            item for item in path.rglob("*") if item.is_file() and not any(part.startswith(".") for part in item.relative_to(path).parts)
        ]
    elif glob.has_magic(pattern) and not path.exists():
        found = [Path(item) for item in glob.glob(str(path), recursive=True) if Path(item).is_file()]
    else:
        found = [path] if path.exists() else []
    return sorted(found, key=lambda item: (item.stat().st_mtime, item.name))
