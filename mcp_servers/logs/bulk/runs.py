"""Entries of several lines in a block: joined once for lines of such shapes, then cut out of every block alike."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mcp_servers.logs.bulk.lines import ALONE, JOINS, OPENS
from mcp_servers.logs.bulk.places import text_of_line
from mcp_servers.logs.carriers import carried
from mcp_servers.logs.linemarks import names_nobody
from mcp_servers.logs.multiline import MAX_WAITING, Entry, Joiner

_NOT_ALONE = re.compile(rb"[%c%c]" % (JOINS, OPENS))
_NONE_RESUMES = bytes([ALONE]) * (MAX_WAITING + 1)
_QUIET = re.compile(re.escape(_NONE_RESUMES) + re.escape(bytes([ALONE])))
_LONGEST_RUN = 64
_LARGEST_RUN = 64 * 1024
_KNOWN_RUNS = 20_000

_Run = tuple[tuple[int, int], ...]
"""Entries by their first line, counted from the first of all, and their number of lines."""


class Runs:
    """Finds the entries of several lines in blocks of one file."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], _Run | None] = {}

    def entries(self, lines: Sequence[bytes], numbers: Sequence[int], standings: bytes, *, final: bool) -> tuple[list[Entry], int]:
        """The entries that are not one line each, numbered from 1 in this block, and how many lines are done with."""
        found: list[Entry] = []
        start = 0
        while match := _NOT_ALONE.search(standings, start):
            begin = match.start()
            if standings[begin] == JOINS and begin > start and standings[begin - 1] == ALONE:
                begin -= 1
            if (quiet := _QUIET.search(standings, begin + 1)) and (run := self._known_run(lines, numbers, begin, quiet.start())):
                found += [
                    Entry("\n".join(map(text_of_line, lines[begin + at : begin + at + count])), begin + at + 1, count) for at, count in run
                ]
                start = quiet.start()
                continue
            entries, start, open_from = _joined_from(lines, standings, begin, final=final)
            found += entries
            if start == len(lines):
                return found, start if final else open_from
        last_alone = len(lines) if final else max(len(lines) - 1, 0)
        return found, max(last_alone, start)

    def _known_run(self, lines: Sequence[bytes], numbers: Sequence[int], begin: int, end: int) -> _Run | None:
        """The entries of these lines, behind which enough stand alone; None where they depend on more than the shapes."""
        key = tuple(numbers[begin : end + 1])
        if len(key) > _LONGEST_RUN or sum(map(len, lines[begin:end])) > _LARGEST_RUN:
            return None
        if key not in self._known:
            if len(self._known) >= _KNOWN_RUNS:
                self._known.clear()
            self._known[key] = _run_of([text_of_line(line) for line in lines[begin : end + 1]])
        return self._known[key]


def _run_of(texts: Sequence[str]) -> _Run | None:
    """The entries of all texts but the last, when no name in the texts has a part in it and each entry is its lines."""
    *inner, last = texts
    if carried(inner[0]) or not all(map(names_nobody, inner[1:])):
        return None
    joiner = Joiner()
    found = [entry for at, text in enumerate((*inner, last), start=1) for entry in joiner.feed(text, at)]
    found = [entry for entry in (*found, *joiner.flush()) if entry.line < len(texts)]
    run = tuple((entry.line - 1, entry.lines) for entry in found)
    plain = all(
        entry.text == "\n".join(inner[at : at + count]) and not entry.numbers for entry, (at, count) in zip(found, run, strict=True)
    )
    return run if plain and sum(count for _, count in run) == len(inner) else None


def _joined_from(lines: Sequence[bytes], standings: bytes, begin: int, *, final: bool) -> tuple[list[Entry], int, int]:
    """The entries from here on, until a line stands alone again: which line that is, and from which line on an entry is unfinished."""
    joiner, entries, given = Joiner(), list[Entry](), 0
    for at in range(begin, len(lines)):
        complete = list(joiner.feed(text_of_line(lines[at]), at + 1))
        entries += [entry for entry in complete if entry.lines]
        given += sum(entry.lines for entry in complete)
        if given == at - begin and given and standings[at] == ALONE:
            return entries, at, at
        if given == at + 1 - begin:
            return entries, at + 1, at + 1
        if standings[at] == ALONE and joiner.waits and standings.startswith(_NONE_RESUMES, at + 1):
            return entries + [entry for entry in joiner.flush() if entry.lines and entry.line <= at], at, at
    if final:
        return entries + [entry for entry in joiner.flush() if entry.lines], len(lines), len(lines)
    return entries, len(lines), begin + given
