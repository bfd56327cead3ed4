""".NET traces, and those of Mono. Frames run from the throw outwards, the innermost exception's first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from mcp_servers.kit.stack import ExceptionInfo, Frame
from mcp_servers.logs.traces.grammar import After, Grammar, Verdict, header_above
from mcp_servers.logs.traces.lines import Line

_FRAME = re.compile(
    r"^\s*(?:at|bei|à|en|em|в|in) (?P<function>[\w.`<>+$\[\],|@ =&*-]*?[\w>\]]) ?\((?P<arguments>.*?)\)"
    r"(?: \[0x[0-9a-fA-F]+\])?(?: in (?P<file>.+?):(?:\w+ )?(?P<line>\d+))?\s*$"
)
_PATHLIKE = re.compile(r"/|:\d|\.\w{1,5}:|^(?:<anonymous>|native|index \d+|unknown location)$")
_TYPE = r"(?:[A-Za-z_]\w*\.)+\w*(?:Exception|Error|Failure|Fault)\w*(?:`\d+\[.*?\])?|[A-Z]\w*Exception"
_HEADER = re.compile(rf"(?:^|[\s(>\]])(?P<type>{_TYPE})(?: ?\(0x[0-9A-Fa-f]+\))?(?:: (?P<message>.*)|:)?$")
_ARROW = re.compile(r"\s*--->\s*(?:\(Inner Exception #\d+\) )?")
_INNER = re.compile(r"^\s*---> (?P<rest>.*)$")
_END_OF_INNER = re.compile(r"^\s*--- End of inner exception(?: stack trace)? ---")
_BOUNDARY = re.compile(r"^\s*--- End of (?:stack trace|managed)|^<---\s*$")


def _anchor(text: str) -> bool:
    return frame_of(text) is not None


def _above(before: Sequence[Line], anchor: Line) -> list[int] | None:
    found = header_above(before, _is_header)
    if found is None:
        return None
    position = found[0]
    while position and _INNER.match(before[position].text) and _is_header(before[position - 1].text):
        position -= 1
        found.insert(0, position)
    return found


def _is_header(text: str) -> bool:
    return any(_HEADER.search(piece) for piece in _ARROW.split(text.rstrip()) if piece)


def _goes_on(block: Sequence[str], text: str, after: After) -> Verdict:
    if frame_of(text) is not None or _END_OF_INNER.match(text) or _BOUNDARY.match(text):
        return Verdict.SURE
    if _INNER.match(text):
        return Verdict.SURE
    if _is_header(text) and not text[:1].isspace() and any(_anchor(one) for one in after.ahead):
        return Verdict.END
    inner = any(_INNER.match(line) for line in block[-3:]) and not _anchor(block[-1]) and any(_anchor(one) for one in after.ahead)
    return Verdict.NEXT if inner and not after.blank else Verdict.NO


@dataclass(slots=True)
class _Open:
    """An exception whose frames are being read."""

    type: str
    message: list[str]
    frames: list[Frame] = field(default_factory=list[Frame])

    def done(self) -> ExceptionInfo:
        return ExceptionInfo(self.type, "\n".join(self.message).strip(), tuple(reversed(self.frames)))


def parse(lines: Sequence[str]) -> tuple[ExceptionInfo, ...]:
    """The chain, innermost first: headers open one after the other (`A ---> B`), and an end closes the innermost."""
    chain: list[ExceptionInfo] = []
    opened: list[_Open] = []
    for line in lines:
        frame = frame_of(line)
        if frame is not None and opened:
            opened[-1].frames.append(frame)
        elif _END_OF_INNER.match(line) and len(opened) > 1:
            chain.append(opened.pop().done())
        elif not _BOUNDARY.match(line):
            _read_header(line, opened)
    return tuple([*chain, *(one.done() for one in reversed(opened))])


def _read_header(line: str, opened: list[_Open]) -> None:
    headers = [found for piece in _ARROW.split(line.rstrip().removesuffix("<---")) if piece and (found := _HEADER.search(piece.rstrip()))]
    if headers and not (opened and opened[-1].frames and not _INNER.match(line)):
        opened += [_Open(found["type"].partition("`")[0], [(found["message"] or "").strip()]) for found in headers]
    elif opened and not opened[-1].frames:
        opened[-1].message.append(line.strip())


def frame_of(line: str) -> Frame | None:
    """The frame of a line, or None. A call without namespace or place is prose."""
    if "(" not in line:
        return None
    found = _FRAME.match(line)
    if not found or ("." not in found["function"] and not found["file"]) or _PATHLIKE.search(found["arguments"]):
        return None
    if " in " in found["function"] or (not line.lstrip().startswith("at ") and not found["file"]):
        return None
    file = found["file"] or ""
    return Frame("" if file == "<filename unknown>" else file, int(found["line"] or 0), found["function"].strip())


GRAMMAR = Grammar("csharp", _anchor, _above, _goes_on, parse)
