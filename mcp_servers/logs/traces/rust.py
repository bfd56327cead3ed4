"""Rust: panics in both wordings with or without a backtrace, and reports of errors with their causes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mcp_servers.kit.stack import ExceptionInfo, Frame
from mcp_servers.logs.traces.grammar import After, Grammar, Verdict, header_above
from mcp_servers.logs.traces.lines import Line

_PANICKED = re.compile(
    r"thread '(?P<thread>[^']*)'(?: \(\d+\))? (?:has )?panicked at (?:'(?P<told>.*)', )?(?P<file>(?:[A-Za-z]:)?[^\s':][^:']*):(?P<line>\d+)(?::\d+)?:?$"
)
_OPENS_OLD = re.compile(r"thread '[^']*'(?: \(\d+\))? panicked at '")
_ENDS_OLD = re.compile(r"^(?P<told>.*)', (?P<file>(?:[A-Za-z]:)?[^\s':][^:']*):(?P<line>\d+)(?::\d+)?$")
_NOTE = re.compile(r"^\s*note: .*(?:RUST_BACKTRACE|panic|omitted|backtrace)")
_STACK = re.compile(r"^\s*[Ss]tack backtrace:$")
_CALL = re.compile(r"^\s*(?P<number>\d+):\s+(?:0x[0-9a-f]+ - )?(?P<function>\S.*)$")
_PLACE = re.compile(r"^\s+at (?P<file>\S.*?):(?P<line>\d+)(?::\d+)?$")
_CAUSED = re.compile(r"^\s*Caused by:$")
_CAUSE = re.compile(r"^\s+(?:\d+: )?(?P<message>\S.*)$")
_REPORT = re.compile(r"(?:^|\s)(?P<type>Error): (?P<message>\S.*)$")
_ERR = re.compile(r"on an `Err` value: (?:[\w:]+::)?(?P<type>[A-Z]\w*)(?:[ ({]|$)")


# --- where it begins and ends ---


def _anchor(text: str) -> bool:
    if "panicked at " in text:
        return bool(_PANICKED.search(text) or _OPENS_OLD.search(text))
    return bool(_CAUSED.match(text) or _STACK.match(text))


def _above(before: Sequence[Line], anchor: Line) -> list[int] | None:
    if "panicked at " in anchor.text:
        return []
    return header_above(before[-6:], lambda text: bool(_REPORT.search(text)), blanks=2)


def _goes_on(block: Sequence[str], text: str, after: After) -> Verdict:
    if _PANICKED.search(text) or _OPENS_OLD.search(text):
        return Verdict.END
    if _NOTE.match(text) or _STACK.match(text):
        return Verdict.SURE
    if _in_stack(block):
        return Verdict.SURE if _CALL.match(text) or _PLACE.match(text) else Verdict.END
    if _CAUSED.match(text):
        return Verdict.SURE
    if any(_CAUSED.match(line) for line in block):
        return Verdict.NEXT if text[:1].isspace() and not after.blank else Verdict.NO
    if after.blank or not _message_goes_on(block, after):
        return Verdict.NO
    return Verdict.SURE if after.ahead and (_NOTE.match(after.ahead[0]) or _STACK.match(after.ahead[0])) else Verdict.NEXT


def _in_stack(block: Sequence[str]) -> bool:
    return any(_STACK.match(line) for line in block[-1:]) or bool(_CALL.match(block[-1]) or _PLACE.match(block[-1]))


def _message_goes_on(block: Sequence[str], after: After) -> bool:
    """The message stands below the place in the newer wording; more lines of it are known by the note that ends them."""
    if _NOTE.match(block[-1]):
        return False
    place = next((position for position, line in enumerate(block) if "panicked at " in line), 0)
    new = not _OPENS_OLD.search(block[place]) and len(block) == place + 1
    return new or after.whole or any(_NOTE.match(one) or _STACK.match(one) for one in after.ahead)


# --- what it says ---


def parse(lines: Sequence[str]) -> tuple[ExceptionInfo, ...]:
    """The panic, or the chain of a report, root cause first."""
    stack = next((position for position, line in enumerate(lines) if _STACK.match(line)), len(lines))
    frames = _frames(lines[stack + 1 :])
    head = [line for line in lines[:stack] if not _NOTE.match(line) and line.strip()]
    if head and "panicked at " in head[0]:
        return _panic(head, frames)
    return _report(head, frames)


def _panic(head: Sequence[str], frames: list[Frame]) -> tuple[ExceptionInfo, ...]:
    found = _PANICKED.search(head[0])
    if found is None:
        joined = "\n".join(head)
        opened = _OPENS_OLD.search(joined)
        found = _ENDS_OLD.match(joined[opened.end() :].replace("\n", " ")) if opened else None
        if found is None:
            return ()
        message = found["told"]
    else:
        message = found["told"] or "\n".join(head[1:])
    typed = _ERR.search(message)
    place = Frame(found["file"], int(found["line"]), "")
    return (ExceptionInfo(typed["type"] if typed else "panic", message.strip(), tuple(reversed(_unwound(frames) or [place]))),)


def _report(head: Sequence[str], frames: list[Frame]) -> tuple[ExceptionInfo, ...]:
    first = _REPORT.search(head[0]) if head else None
    caused = next((position for position, line in enumerate(head) if _CAUSED.match(line)), len(head))
    causes = [found["message"] for line in head[caused + 1 :] if (found := _CAUSE.match(line))]
    if first is None or not (causes or frames):
        return ()
    chain = [ExceptionInfo(first["type"], message) for message in (first["message"], *causes)]
    chain[-1] = ExceptionInfo(first["type"], chain[-1].message, tuple(reversed(_unwound(frames))))
    return tuple(reversed(chain))


def _frames(lines: Sequence[str]) -> list[Frame]:
    frames: list[Frame] = []
    for line in lines:
        place = _PLACE.match(line)
        if place and frames:
            frames[-1] = Frame(place["file"], int(place["line"]), frames[-1].function)
        elif call := _CALL.match(line):
            frames.append(Frame("", 0, call["function"]))
    return frames


def _unwound(frames: list[Frame]) -> list[Frame]:
    """Without the calls that the runtime makes to report a panic."""
    last = max(
        (position for position, frame in enumerate(frames) if re.search(r"panicking|rust_begin_unwind|begin_panic", frame.function)),
        default=-1,
    )
    return frames[last + 1 :]


GRAMMAR = Grammar("rust", _anchor, _above, _goes_on, parse)
