"""Elixir: `** (Type) message` above frames that name application, file and function."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mcp_servers.kit.stack import ExceptionInfo, Frame
from mcp_servers.logs.traces.grammar import After, Grammar, Verdict, header_above
from mcp_servers.logs.traces.lines import Line

_HEADER = re.compile(r"\*\* \((?:EXIT from \S+\) .*?\*\* \()?(?P<type>[\w.]+)\) (?P<message>.*)$")
_FRAME = re.compile(
    r"^\s+(?:\((?P<app>\w+)(?: [\w.+-]+)?\) )?(?P<file>[\w./-]+\.(?:exs?|erl|eex|heex|leex)):(?P<line>\d+): (?P<function>\S.*)$"
)


def _anchor(text: str) -> bool:
    return bool(_FRAME.match(text))


def _above(before: Sequence[Line], anchor: Line) -> list[int] | None:
    return header_above(before, lambda text: bool(_HEADER.search(text)), blanks=2)


def _goes_on(block: Sequence[str], text: str, after: After) -> Verdict:
    if _FRAME.match(text):
        return Verdict.SURE if not after.blank else Verdict.END
    return Verdict.NO


def parse(lines: Sequence[str]) -> tuple[ExceptionInfo, ...]:
    """The exception; a frame's file begins with the application it belongs to."""
    found = _HEADER.search(lines[0])
    frames = [frame for line in lines if (frame := _frame(line))]
    if not found or not frames:
        return ()
    told = [line for line in lines[1:] if not _FRAME.match(line)]
    return (ExceptionInfo(found["type"], "\n".join([found["message"], *told]).strip(), tuple(reversed(frames))),)


def _frame(line: str) -> Frame | None:
    found = _FRAME.match(line)
    if not found:
        return None
    file = f"{found['app']}/{found['file']}" if found["app"] else found["file"]
    return Frame(file, int(found["line"]), found["function"])


GRAMMAR = Grammar("elixir", _anchor, _above, _goes_on, parse)
