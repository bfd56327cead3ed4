"""Text to stack trace: the door to the grammars of `traces`, and to the rule for which frames are our own code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from mcp_servers.kit.stack import StackTrace
from mcp_servers.logs.traces import finder, ours

_LONGEST = 128 * 1024
_NUMBER = re.compile(r"\d[0-9a-f]*")
_LONG_LINE = re.compile(r"^(.{2000}).+$", re.M)

in_app = ours.in_app
mark_in_app = ours.mark


@dataclass(frozen=True, slots=True)
class _Sample:
    """A text that was read, its trace, and where a text that differs in numbers only may differ: before `first`, and in what `said` holds.

    `said` is, for each exception, the line of its message and what stands there before the message; None where that is not told by one line.
    """

    lines: list[str]
    first: int
    trace: StackTrace
    said: tuple[tuple[int, str] | None, ...]


def parse(text: str, app_roots: Sequence[str] = ()) -> StackTrace | None:
    """The first stack trace in the text of one entry, root cause first; None when it holds none.

    A log message may stand before the trace. `app_roots` are folders of our own code and override the default rules.
    """
    trace = _parsed(text[:_LONGEST])
    return mark_in_app(trace, app_roots) if trace and app_roots else trace


@lru_cache(maxsize=1024)
def _parsed(text: str) -> StackTrace | None:
    """A program that fails in one place prints one text again and again, often with other numbers in its message."""
    if "\n" not in text or "\\n" in text or "\r" in text:
        return _read(text)[0]
    alike = _alike(_NUMBER.sub("0", text))
    if alike and (trace := _as_in(alike[0], text.split("\n"))):
        return trace
    trace, first = _read(text)
    if trace and not alike:
        lines = text.split("\n")
        alike.append(_Sample(lines, first, trace, tuple(_said(one.message, lines) for one in trace.exceptions)))
    return trace


@lru_cache(maxsize=256)
def _alike(_: str) -> list[_Sample]:
    """What was read of texts with this skeleton."""
    return []


def _as_in(sample: _Sample, lines: list[str]) -> StackTrace | None:
    """The trace of a text of the same skeleton; None where it differs in more than messages."""
    places = {place[0] for place in sample.said if place}
    different = {at for at, (one, other) in enumerate(zip(lines, sample.lines, strict=True)) if at >= sample.first and one != other}
    if not different <= places or not all(lines[place[0]].startswith(place[1]) for place in sample.said if place):
        return None
    told = zip(sample.trace.exceptions, sample.said, strict=True)
    return replace(sample.trace, exceptions=tuple(replace(one, message=lines[at[0]][len(at[1]) :]) if at else one for one, at in told))


def _said(message: str, lines: list[str]) -> tuple[int, str] | None:
    places = [at for at, line in enumerate(lines) if message and line.endswith(message)]
    return (places[0], lines[places[0]].removesuffix(message)) if len(places) == 1 else None


def _read(text: str) -> tuple[StackTrace | None, int]:
    """The first trace and the line that it begins in."""
    if "\n" not in text and "\\n" in text:
        text = finder.unescaped(text)
    if not finder.HINT.search(text):
        return None, 0
    levelled = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\\n" not in levelled:
        levelled = _LONG_LINE.sub(r"\1", levelled)
    found = finder.find_in(levelled.split("\n"), whole=True)
    return (mark_in_app(found[0].trace), found[0].first - 1) if found else (None, 0)
