"""Python tracebacks as CPython prints them: chains, exception groups, caret lines, repeated frames, syntax errors."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from mcp_servers.kit.stack import ExceptionInfo, Frame

_HEADER = "Traceback (most recent call last):"
_START = re.compile(r"^[ \t|+]*(?:Exception Group )?Traceback \(most recent call last\):", re.M)
_BARE_SYNTAX_ERROR = re.compile(r'^[ \t]*File "[^"\n]+", line \d+\n(?:[^\n]*\n){0,3}?(?:\w+\.)*\w*(?:Syntax|Indentation|Tab)Error\b', re.M)
_MARGIN = re.compile(r"^(\s*)(?:\| ?|\+-\+-{3,}.*|\+-{3,}.*|\+ (?=Exception Group))")
_SEPARATOR = re.compile(r"^\s*\+-(?:\+-)?-{2,}")
_FRAME = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?$')
_CARETS = re.compile(r"^[\s~^]+$")
_RAISED = re.compile(r"^(?P<type>[^\W\d]\w*(?:\.(?:\w+|<locals>))*)(?:: (?P<message>.*)|:)?$")
_CHAIN = re.compile(r"^(?:During handling of the above exception, another|The above exception was the direct cause of)")
_NEW_ENTRY = re.compile(r"^\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_OMITTED = re.compile(r"^and \d+ more exceptions?$")


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
        if self.frames and not self.frames[-1].code and not _CARETS.match(line) and not line.startswith("  [Previous line"):
            last = self.frames[-1]
            self.frames[-1] = Frame(last.file, last.line, last.function, line.strip())

    def done(self) -> ExceptionInfo:
        message = "\n".join(self.message).strip().removesuffix('"""').rstrip()  # a worker process quotes its traceback
        return ExceptionInfo(self.type, message, tuple(self.frames))


def parse(text: str) -> tuple[ExceptionInfo, ...]:
    """The exceptions of the first traceback, root cause first (of a group: its members before it); empty when there is none."""
    lines = _from_the_start(text)
    if not lines:
        return ()
    blocks = [block for block in _blocks(lines) if block.type]
    deepest_first = sorted(blocks, key=lambda block: -block.depth)
    return tuple(block.done() for block in deepest_first)


def _from_the_start(text: str) -> list[str]:
    """The lines from the traceback on, moved left by the indentation of its header."""
    if _HEADER in text:
        found = _START.search(text)
        start = found.start() if found else text.index(_HEADER)
        lines = text[start:].lstrip("\n").split("\n")
        indent = len(lines[0]) - len(lines[0].lstrip())
        if found and "Exception Group" not in lines[0]:
            lines = [line[indent:] if line[:indent].isspace() else line for line in lines]
        return lines
    bare = _BARE_SYNTAX_ERROR.search(text) if 'File "' in text else None
    return [_HEADER, *text[bare.start() :].split("\n")] if bare else []


def _blocks(lines: list[str]) -> list[_Block]:
    blocks: list[_Block] = []
    current: _Block | None = None
    grouped = any("Exception Group Traceback" in line for line in lines)
    for raw in lines:
        depth, line = _without_margin(raw) if grouped else (0, raw)
        opens = _HEADER in line or (grouped and bool(_SEPARATOR.match(raw)))
        if current is not None and _ends_the_text(current, depth, line, opens):
            break
        if opens:
            current = _Block(depth)
            blocks.append(current)
        elif _CHAIN.match(line):
            current = None
        elif current is not None and not (depth and _OMITTED.match(line)):
            current.take(line)
    return blocks


def _ends_the_text(current: _Block, depth: int, line: str, opens: bool) -> bool:
    """Whether another log entry begins here, or a second traceback that no sentence of Python's links to the first."""
    return bool(current.type) and (bool(_NEW_ENTRY.match(line)) or (opens and depth == 0 and current.depth == 0))


def _without_margin(raw: str) -> tuple[int, str]:
    """How many groups deep a line is (`  | ` is one, `    | ` two), and the line without the margin that says so."""
    margin = _MARGIN.match(raw)
    if not margin:
        return 0, raw
    enters = raw[margin.end(1) :].startswith("+-+")
    return len(margin[1]) // 2 + enters, raw[margin.end() :]
