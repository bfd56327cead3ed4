"""Joins the lines of one entry (a stack trace, an indented continuation) before it is parsed. Bounded; no line is lost."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_LINES = 1_000
MAX_CHARACTERS = 256 * 1024

_HEAD = re.compile(
    r"[\[<(]?(?:\d{4}[-/]\d\d[-/]\d\d[T ]|\d{1,2}/[A-Z][a-z]{2}/\d{4}|[A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:|<\d{1,3}>|[EWIF]\d{4} \d\d:\d\d:)"
    r"|\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL|SEVERE)\b"
)
_TRACEBACK = re.compile(r"\s*(?:\+ )?(?:Exception Group )?Traceback \(most recent call last\):")
_CHAIN = re.compile(r"(?:During handling of the above exception|The above exception was the direct cause)")
_EXCEPTION = re.compile(
    r"[A-Za-z_][\w.$]*(?:Exception|Error|Throwable|Interrupt|Exit|Warning|Group|Failure|Fault)\b|[a-z_]\w*(?:\.\w+)+(?::|$)"
)
_JAVA = re.compile(r"(?:Caused by:|Suppressed:|\.\.\. \d+ (?:more|common frames)|at \S.*[()\[:])")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its text, the number of its first line, and how many lines it took."""

    text: str
    line: int
    lines: int = 1


class Joiner:
    """Takes lines one by one and gives entries back as soon as they are known to be complete."""

    def __init__(self) -> None:
        self._held: list[str] = []
        self._blank: list[str] = []  # blank lines inside a trace: kept only when the trace goes on behind them
        self._first = 0
        self._size = 0
        self._in_trace = False
        self._expects = False  # a Python traceback's closing line, which is not indented
        self._headed = False

    def feed(self, text: str, number: int) -> Iterator[Entry]:
        """The entries that this line completes (none, or one with the blank lines behind it)."""
        if not text.strip():
            yield from self._feed_blank(text, number)
        elif self._held and self._continues(text) and self._fits(text):
            self._held += [*self._blank, text]
            self._blank = []
            self._size += len(text)
        else:
            yield from self.flush()
            self._begin(text, number)

    def flush(self) -> Iterator[Entry]:
        """What is held, as it is."""
        if self._held:
            yield Entry("\n".join(self._held), self._first, len(self._held))
        for offset, blank in enumerate(self._blank):
            yield Entry(blank, self._first + len(self._held) + offset)
        self._held, self._blank, self._in_trace, self._expects, self._size = [], [], False, False, 0

    def _feed_blank(self, text: str, number: int) -> Iterator[Entry]:
        if self._in_trace and len(self._blank) < 3:
            self._blank.append(text)
            return
        yield from self.flush()
        yield Entry(text, number)

    def _begin(self, text: str, number: int) -> None:
        self._held, self._first, self._size = [text], number, len(text)
        self._headed = bool(_HEAD.match(text))
        self._expects = bool(_TRACEBACK.search(text))
        self._in_trace = self._expects or (not self._headed and bool(_EXCEPTION.match(text)))

    def _fits(self, text: str) -> bool:
        return len(self._held) < MAX_LINES and self._size + len(text) < MAX_CHARACTERS

    def _continues(self, text: str) -> bool:
        if _HEAD.match(text) or text[0] == "{":
            return False
        if _TRACEBACK.match(text):
            return self._takes_traceback(text)
        if text[0] in " \t":
            continues = self._in_trace or not self._blank
            self._in_trace = self._in_trace or bool(_JAVA.match(text.lstrip()))
            return continues
        if text[0] == "}" and self._held[0].rstrip() == "{":
            return True
        return self._continues_trace(text)

    def _takes_traceback(self, text: str) -> bool:
        chained = bool(_CHAIN.match(self._held[-1]))
        nested = self._in_trace and text[0] in " \t"
        joins = chained or nested or (self._headed and not self._in_trace)
        self._in_trace = self._expects = True
        return joins

    def _continues_trace(self, text: str) -> bool:
        if not self._in_trace:
            self._in_trace = self._headed and bool(_EXCEPTION.match(text))
            return self._in_trace
        if _CHAIN.match(text) or _JAVA.match(text):
            return True
        if self._blank:
            return False
        if self._expects:
            self._expects = False
            return True
        return self._headed  # more lines of the message belong here only where the next entry is known by its head


def join(lines: Iterable[str]) -> Iterator[Entry]:
    """The entries of a finished text, numbered from line 1."""
    joiner = Joiner()
    for number, line in enumerate(lines, start=1):
        yield from joiner.feed(line, number)
    yield from joiner.flush()
