"""What a language tells the finder about its traces, and the looking back that several of them share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from mcp_servers.kit.stack import ExceptionInfo
from mcp_servers.logs.traces.lines import Line

_MOST_FOREIGN = 4


class Verdict(Enum):
    """Whether a line belongs to the trace above it: by its own look, only directly behind the line before, not, or it begins another."""

    SURE = "sure"
    NEXT = "next"
    NO = "no"
    END = "end"


@dataclass(frozen=True, slots=True)
class After:
    """What stands around a line that may go on a trace: whether a blank line came before it, how many lines without a head were passed over, and the lines that follow.

    `state` is one dictionary for the whole trace, in which a grammar keeps what it knows so far.
    """

    blank: bool
    strays: int
    ahead: Sequence[str]
    whole: bool
    state: dict[str, int]


@dataclass(frozen=True, slots=True)
class Grammar:
    """The traces of one language.

    `anchor` knows a line that only a trace holds; `above` says which of the lines before it (by position) belong to the trace, None when
    it is none after all; `goes_on` judges each following line against those taken; `parse` reads the lines, root cause first.
    """

    language: str
    anchor: Callable[[str], bool]
    above: Callable[[Sequence[Line], Line], list[int] | None]
    goes_on: Callable[[Sequence[str], str, After], Verdict]
    parse: Callable[[Sequence[str]], tuple[ExceptionInfo, ...]]


def nothing_above(before: Sequence[Line], anchor: Line) -> list[int] | None:
    return []


def unheaded(before: Sequence[Line], anchor: Line, header: Callable[[str], bool]) -> list[int]:
    """Positions of the lines that may belong to the anchor: what another thread logged between is left out, a header may carry a head."""
    return [position for position, line in enumerate(before) if anchor.headed or not line.headed or header(line.text)]


def header_above(before: Sequence[Line], header: Callable[[str], bool], *, blanks: int = 0) -> list[int] | None:
    """The nearest line that is a header, with the lines of its message below it; what another thread logged between is left out."""
    message: list[int] = []
    foreign = 0
    for position in range(len(before) - 1, -1, -1):
        line = before[position]
        if not line.text.strip():
            blanks -= 1
            if blanks < 0:
                return None
        elif header(line.text):
            return [position, *message]
        elif line.headed:
            foreign += 1
            if foreign > _MOST_FOREIGN:
                return None
        else:
            message.insert(0, position)
    return None
