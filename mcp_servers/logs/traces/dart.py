"""Dart and Flutter: numbered frames, the terse form, and gaps of asynchronous calls. Frames run from the throw outwards."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mcp_servers.kit.stack import ExceptionInfo, Frame
from mcp_servers.logs.traces.grammar import After, Grammar, Verdict, unheaded
from mcp_servers.logs.traces.lines import Line

_SCHEME = r"(?:package|dart|file|https?|org-dartlang\S*|app|memory)"
_FRAME = re.compile(rf"^\s*#\d+\s+(?P<function>\S.*?) \((?P<file>{_SCHEME}:[^()]*?)(?::(?P<line>\d+)(?::\d+)?)?\)$")
_TERSE = re.compile(r"^(?P<file>(?:package|dart):\S+)(?: (?P<line>\d+):\d+)?\s{2,}(?P<function>\S.*)$")
_GAP = re.compile(r"^\s*(?:<asynchronous suspension>|=+ asynchronous gap =+|\(elided .*\)|\.\.\.\s+Normal element mounting.*|\.\.\.)$")
_OPENS = re.compile(r"(?:Unhandled exception:|Unhandled Exception:|EXCEPTION CAUGHT BY|Uncaught )")
_TYPED = re.compile(
    r"^(?:.*?Unhandled Exception: |Uncaught |.*\s)?(?P<type>_?[A-Z]\w*(?:Error|Exception)(?:Impl)?|Exception|Error)(?:: ?(?P<message>.*)|$)",
    re.S,
)
_THROWN = re.compile(r"^The following (?P<type>\w+)(?: was thrown|<?.*?>? ?was thrown)")
_INSTANCE = re.compile(r"^Instance of '(?P<type>\w+)'")
_RULE = re.compile(r"^[═=]{8,}\S*$|^When the exception was thrown, this was the stack:?$|^#\d+ ")


def _anchor(text: str) -> bool:
    return _frame(text) is not None


def _above(before: Sequence[Line], anchor: Line) -> list[int] | None:
    """Up to the announcement, through the blank lines of its message; without one the line above that names an error."""
    own = unheaded(before, anchor, lambda text: bool(_OPENS.search(text) or _TYPED.match(text)))
    opened = next((index for index in range(len(own) - 1, -1, -1) if _OPENS.search(before[own[index]].text)), None)
    if opened is not None:
        return own[opened:]
    near = len(own) - 1
    while near >= max(len(own) - 2, 0) and not before[own[near]].text.strip():
        near -= 1
    named = near >= 0 and (_TYPED.match(before[own[near]].text) or _INSTANCE.match(before[own[near]].text))
    return own[near:] if named else None


def _goes_on(block: Sequence[str], text: str, after: After) -> Verdict:
    if _frame(text) is not None:
        restarts = re.match(r"^\s*#0\s", text) is not None and not any(_GAP.match(line) for line in block[-2:])
        return Verdict.NO if restarts and after.blank else Verdict.SURE
    if _GAP.match(text):
        return Verdict.SURE
    flutter = any("EXCEPTION CAUGHT BY" in line for line in block[:3])
    return Verdict.NEXT if flutter and re.match(r"^[═=]{8,}$", text.strip()) else Verdict.NO


def parse(lines: Sequence[str]) -> tuple[ExceptionInfo, ...]:
    """The one exception that was reported."""
    frames = [frame for line in lines if (frame := _frame(line))]
    first = next(position for position, line in enumerate(lines) if _frame(line))
    told = [line for line in lines[:first] if line.strip() and not _RULE.match(line.strip())]
    kind, message = _named(told)
    return (ExceptionInfo(kind, message, tuple(reversed(frames))),)


def _named(told: Sequence[str]) -> tuple[str, str]:
    thrown = next((found["type"] for line in told if (found := _THROWN.match(line))), "")
    rest = [line for line in told if not _THROWN.match(line)]
    if rest and _OPENS.search(rest[0]) and not _TYPED.match(rest[0].partition(": ")[2] or "-"):
        inline = rest[0].partition("nhandled Exception: ")[2]
        rest = [inline, *rest[1:]] if inline else rest[1:]
    text = "\n".join(rest).strip()
    found = _INSTANCE.match(text) or _TYPED.match(text)
    if thrown:
        return thrown.removesuffix("Impl").lstrip("_"), text
    if found:
        return found["type"].removesuffix("Impl").lstrip("_"), (found.groupdict().get("message") or "").strip()
    return "Error", text


def _frame(line: str) -> Frame | None:
    found = _FRAME.match(line) if "#" in line else _TERSE.match(line)
    return found and Frame(found["file"], int(found["line"] or 0), found["function"])


GRAMMAR = Grammar("dart", _anchor, _above, _goes_on, parse)
