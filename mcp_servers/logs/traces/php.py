"""PHP: uncaught and logged exceptions, and the numbered calls of the debugger extension."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mcp_servers.kit.stack import ExceptionInfo, Frame
from mcp_servers.logs.traces.grammar import After, Grammar, Verdict, unheaded
from mcp_servers.logs.traces.lines import Line

_FRAME = re.compile(r"^\s*#\d+ (?:(?P<file>\S.*?)\((?P<line>\d+)\)|\[internal function\]): (?P<function>[^(]+)\(")
_OUTERMOST = re.compile(r"^\s*#\d+ \{main\}")
_DEBUGGER = re.compile(r"^(?:PHP )?\s+\d+\. (?P<function>[^(]+)\(.*\) (?P<file>\S+):(?P<line>\d+)$")
_STACK = re.compile(r"^\s*(?:\[?stack ?trace\]?:?|PHP Stack trace:|\[previous exception\].*|Call Stack:)$", re.I)
_TYPE = r"\\?[A-Za-z_][\w\\]*(?:@anonymous\S*)?"
_HEADER = re.compile(
    rf"(?:(?:Uncaught |^(?:.*\s)?|PHP message: |^Next )(?P<type>{_TYPE}): (?P<message>.*?)|Uncaught (?P<silent>{_TYPE}))"
    r" in (?P<file>\S.*?):(?P<line>\d+)$"
)
_OLD = re.compile(rf"exception '(?P<type>{_TYPE})'(?: with message '(?P<message>.*?)')? in (?P<file>\S.*?):(?P<line>\d+)$", re.S)
_MONOLOG = re.compile(rf"\[?object\]? \((?P<type>{_TYPE})\(code: [^)]*\): (?P<message>.*) at (?P<file>\S.*?):(?P<line>\d+)\)")
_WARNED = re.compile(
    r"(?:PHP )?(?P<type>(?:Fatal|Parse|Recoverable fatal) error|Warning|Notice|Deprecated):\s+(?P<message>.*) in (?P<file>\S+) on line (?P<line>\d+)$"
)
_NEXT = re.compile(r"^\s*Next (?=\S)")
_THROWN = re.compile(r"^\s*thrown in \S.* on line \d+")
_CLOSING = re.compile(r"^\"?[}\]]+\s*$")
_HEADERS = (_OLD, _MONOLOG, _HEADER, _WARNED)


def _anchor(text: str) -> bool:
    return ("#" in text and bool(_FRAME.match(text) or _OUTERMOST.match(text))) or bool(_DEBUGGER.match(text))


def _above(before: Sequence[Line], anchor: Line) -> list[int] | None:
    """The line that says `Stack trace:`, and the exception above it, whose message may take several lines."""
    own = unheaded(before, anchor, _begins)
    if not own or not _STACK.match(before[own[-1]].text):
        return None
    for index in range(len(own) - 2, -1, -1):
        first = before[own[index]].text
        if not first.strip():
            return None
        if _begins(first) and _header(" ".join(before[position].text for position in own[index:-1])):
            return own[index:]
    return None


def _begins(text: str) -> bool:
    return bool(re.search(rf"Uncaught |exception '|object\]? \(|(?:error|Warning|Notice|Deprecated): |(?:^|\s){_TYPE}: ", text))


def _header(text: str) -> re.Match[str] | None:
    return next((found for pattern in _HEADERS if (found := pattern.search(text.rstrip()))), None)


def _goes_on(block: Sequence[str], text: str, after: After) -> Verdict:
    framed = _anchor(block[-1]) or _THROWN.match(block[-1]) is not None or _CLOSING.match(block[-1]) is not None
    if framed and (_STACK.match(text) or (_begins(text) and _header(text) and not _NEXT.match(text))):
        return Verdict.END
    if _anchor(text) or _THROWN.match(text) or _STACK.match(text):
        return Verdict.SURE
    if _NEXT.match(text) or (_CLOSING.match(text) and not after.blank and any("[stacktrace]" in line for line in block)):
        return Verdict.SURE
    if not _OUTERMOST.match(block[-1]) and not _anchor(block[-1]) and not after.blank:
        return Verdict.NEXT if not _THROWN.match(block[-1]) and not _CLOSING.match(block[-1]) else Verdict.NO
    return Verdict.NO


def parse(lines: Sequence[str]) -> tuple[ExceptionInfo, ...]:
    """The chain, root cause first: PHP prints the previous exception first, after it `Next …`."""
    parts: list[list[str]] = [[]]
    for line in lines:
        if _NEXT.match(line) and parts[-1]:
            parts.append([])
        parts[-1].append(line)
    return tuple(exception for part in parts if (exception := _exception(part)))


def _exception(part: Sequence[str]) -> ExceptionInfo | None:
    stack = next((position for position, line in enumerate(part) if _STACK.match(line)), len(part))
    header = _header("\n".join([_NEXT.sub("", part[0]), *part[1:stack]])) or _header(" ".join(part[:stack]))
    if not header:
        return None
    named = header.groupdict()
    kind = (named["type"] or named.get("silent") or "").lstrip("\\")
    if any(_DEBUGGER.match(line) for line in part):
        frames = _debugger(part, Frame(named["file"], int(named["line"]), ""))
    else:
        frames = _frames(part, Frame(named["file"], int(named["line"]), ""))
    return ExceptionInfo(kind, " ".join((named["message"] or "").split()), frames)


def _frames(part: Sequence[str], thrown: Frame) -> tuple[Frame, ...]:
    """PHP names the function that was called and the place of the call: the function's name belongs to the place before."""
    calls = [found for line in part if (found := _FRAME.match(line))]
    names = [call["function"].strip() for call in calls] + ["{main}"]
    places = [(thrown.file, thrown.line), *((call["file"] or "[internal function]", int(call["line"] or 0)) for call in calls)]
    if len(places) > 1 and places[0] == places[1]:  # thrown inside a function of PHP itself, which has no place of its own
        names, places = names[1:], places[1:]
    return tuple(reversed([Frame(file, line, name) for (file, line), name in zip(places, names, strict=True)]))


def _debugger(part: Sequence[str], thrown: Frame) -> tuple[Frame, ...]:
    """Outermost call first; each line names the place that called it."""
    calls = [found for line in part if (found := _DEBUGGER.match(line))]
    places = [(call["file"], int(call["line"])) for call in calls[1:]] + [(thrown.file, thrown.line)]
    return tuple(Frame(file, line, call["function"]) for call, (file, line) in zip(calls, places, strict=True))


GRAMMAR = Grammar("php", _anchor, _above, _goes_on, parse)
