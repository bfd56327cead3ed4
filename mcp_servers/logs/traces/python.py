"""Python tracebacks as CPython prints them: chains, exception groups, caret lines, repeated frames, syntax errors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from mcp_servers.kit.stack import ExceptionInfo, Frame
from mcp_servers.logs.traces.grammar import After, Grammar, Verdict
from mcp_servers.logs.traces.lines import Line

_HEADER = "Traceback (most recent call last):"
_OPENS = re.compile(r"(?:^|[\s\"'+|:])(?:Exception Group )?Traceback \(most recent call last\):\s*$")
_BARE = re.compile(r'^[ \t]*File "[^"]+", line \d+$')
_SYNTAX = re.compile(r"^[ \t]*(?:\w+\.)*\w*(?:Syntax|Indentation|Tab)Error\b")
_MARGIN = re.compile(r"^(\s*)(?:\| ?|\+-\+-{3,}.*|\+-{3,}.*|\+ (?=Exception Group))")
_SEPARATOR = re.compile(r"^\s*\+-(?:\+-)?-{2,}")
_FRAME = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?$')
_CARETS = re.compile(r"^[\s~^]+$")
_RAISED = re.compile(r"^(?P<type>[^\W\d]\w*(?:\.(?:\w+|<locals>))*)(?:: (?P<message>.*)|:)?$")
_CHAIN = re.compile(r"^(?:During handling of the above exception, another|The above exception was the direct cause of)")
_NEW_ENTRY = re.compile(r"^\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_OMITTED = re.compile(r"^and \d+ more exceptions?$")
_DETAIL = re.compile(
    r"^(?:\[(?:SQL|parameters|generated in|raw sql)\b|\(Background on this error at: |(?:DETAIL|HINT|CONTEXT|QUERY|LINE \d+):)", re.I
)
_CALL = re.compile(r'^\s+File "[^"]+", line \d+, in ')
_LISTS = re.compile(r": \d+ validation errors? for \S+$")
_OF_RUBY = re.compile(r"^\s*\d+: from ")
_REPEATED = re.compile(r"^\s*\[Previous line repeated \d+ more times?\]$")


# --- where it begins and ends ---


def _anchor(text: str) -> bool:
    return (_HEADER in text and bool(_OPENS.search(text))) or ('File "' in text and bool(_BARE.match(text)))


def _above(before: Sequence[Line], anchor: Line) -> list[int]:
    return []


def _goes_on(block: Sequence[str], text: str, after: After) -> Verdict:
    if "Exception Group Traceback" in block[0] or "Exception Group Traceback" in text:
        after.state["grouped"] = True
    if after.state.get("grouped"):
        return _goes_on_in_group(block, text, after)
    indent = _indent(block[0])
    line = text[indent:] if text[:indent].isspace() or not indent else text
    if _HEADER in line:
        linked = any(_CHAIN.match(one.strip()) for one in block[-3:])
        after.state["raised"] = False
        return Verdict.SURE if linked else Verdict.END
    if _CHAIN.match(line):
        return Verdict.SURE
    if after.state.get("raised"):
        return _message_goes_on(line, after)
    return _frame_goes_on(line, after)


def _frame_goes_on(line: str, after: After) -> Verdict:
    if _FRAME.match(line) or _REPEATED.match(line):
        after.state["framed"] = True
        return Verdict.SURE
    if _OF_RUBY.match(line):
        return Verdict.END
    if line[:1].isspace():
        return Verdict.NEXT if not after.blank else Verdict.NO
    goes_on = any(_CALL.match(one) for one in after.ahead) and not any(_HEADER in one for one in after.ahead)
    if goes_on or not _RAISED.match(line):
        return Verdict.NO
    after.state["raised"] = True
    after.state["lists"] = bool(_LISTS.search(line))
    return Verdict.SURE if after.state.get("framed") else Verdict.NEXT


def _message_goes_on(line: str, after: After) -> Verdict:
    if _NEW_ENTRY.match(line):
        return Verdict.END
    if after.whole:
        return Verdict.NEXT
    if after.blank:
        return Verdict.END
    listed = after.state.get("lists") and bool(after.ahead) and after.ahead[0].startswith("  ") and not line[:1].isspace()
    return Verdict.NEXT if line[:1].isspace() or _DETAIL.match(line) or listed else Verdict.END


def _goes_on_in_group(block: Sequence[str], text: str, after: After) -> Verdict:
    stripped = text.strip()
    if _HEADER in text and not stripped.startswith("|"):
        linked = any(_CHAIN.match(one.strip()) for one in block[-3:])
        nested = stripped.startswith("+") and text.index("+") > block[0].find("+")
        return Verdict.SURE if linked or nested else Verdict.END
    if stripped.startswith(("|", "+-")):
        return Verdict.SURE
    if _CHAIN.match(stripped):
        return Verdict.SURE
    return Verdict.NEXT if after.whole and not _NEW_ENTRY.match(text) else Verdict.END


def _indent(opening: str) -> int:
    found = len(opening) - len(opening.lstrip())
    return found if opening.lstrip().startswith(("Traceback", "File")) and _HEADER in opening else 0


# --- what it says ---


@dataclass(slots=True)
class _Block:
    """One exception being read. `depth` counts the exception groups around it."""

    depth: int
    frames: list[Frame] = field(default_factory=list[Frame])
    type: str = ""
    message: list[str] = field(default_factory=list[str])

    def take(self, line: str) -> None:
        frame = _FRAME.match(line) if not self.type else None
        if self.type:
            self.message.append(line)
        elif frame:
            self.frames.append(Frame(frame["file"], int(frame["line"]), (frame["function"] or "").strip()))
        elif line.startswith(" "):
            self._take_code(line)
        elif raised := _RAISED.match(line):
            self.type, self.message = raised["type"], [raised["message"] or ""]

    def _take_code(self, line: str) -> None:
        if self.frames and not self.frames[-1].code and not _CARETS.match(line) and not _REPEATED.match(line):
            last = self.frames[-1]
            self.frames[-1] = Frame(last.file, last.line, last.function, line.strip())

    def done(self) -> ExceptionInfo:
        message = "\n".join(self.message).strip().removesuffix('"""').rstrip()  # a worker process quotes its traceback
        return ExceptionInfo(self.type, message, tuple(self.frames))


def parse(lines: Sequence[str]) -> tuple[ExceptionInfo, ...]:
    """The exceptions of a traceback, root cause first (of a group: its members before it); empty when it names none."""
    levelled = _levelled(lines)
    if _BARE.match(levelled[0]) and not any(_SYNTAX.match(line) for line in levelled):
        return ()
    blocks = [block for block in _blocks(levelled) if block.type]
    deepest_first = sorted(blocks, key=lambda block: -block.depth)
    return tuple(block.done() for block in deepest_first)


def _levelled(lines: Sequence[str]) -> list[str]:
    """The lines moved left by the indentation of the header; a syntax error without one gets it."""
    if _BARE.match(lines[0]):
        return [_HEADER, *lines] if any(_SYNTAX.match(line) for line in lines) else list(lines)
    indent = _indent(lines[0]) if "Exception Group" not in lines[0] else 0
    return [line[indent:] if line[:indent].isspace() else line for line in lines] if indent else list(lines)


def _blocks(lines: Sequence[str]) -> list[_Block]:
    blocks: list[_Block] = []
    current: _Block | None = None
    grouped = any("Exception Group Traceback" in line for line in lines)
    for raw in lines:
        depth, line = _without_margin(raw) if grouped else (0, raw)
        opens = _HEADER in line or (grouped and bool(_SEPARATOR.match(raw)))
        if opens:
            current = _Block(depth)
            blocks.append(current)
        elif _CHAIN.match(line):
            current = None
        elif current is not None and not (depth and _OMITTED.match(line)):
            current.take(line)
    return blocks


def _without_margin(raw: str) -> tuple[int, str]:
    """How many groups deep a line is (`  | ` is one, `    | ` two), and the line without the margin that says so."""
    margin = _MARGIN.match(raw)
    if not margin:
        return 0, raw
    enters = raw[margin.end(1) :].startswith("+-+")
    return len(margin[1]) // 2 + enters, raw[margin.end() :]


GRAMMAR = Grammar("python", _anchor, _above, _goes_on, parse)
