"""Go: panics and other dumps of goroutines, and errors that print the stack they were made on. Frames run from the throw outwards."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mcp_servers.kit.stack import ExceptionInfo, Frame
from mcp_servers.logs.traces.grammar import After, Grammar, Verdict, unheaded
from mcp_servers.logs.traces.lines import Line

_GOROUTINE = re.compile(r"^\s*goroutine \d+ (?:gp=\S+ m=\S+ (?:mp=\S+ )?)?\[[^\]]+\]:$")
_PANIC = re.compile(
    r"(?:^|.*?\b)(?:panic|fatal error|unexpected fault address|SIG[A-Z]+|PANIC|[Pp]anic(?:ked)?(?: serving \S+)?|[Rr]ecovered\b[^:]*): ?(?P<message>.*?)(?: \[recovered.*\])?$"
)
_SIGNAL = re.compile(r"^(?:\[signal |PC=|\tpanic: |panic: |runtime: |fatal error: |\[originating from )")
_CALL = re.compile(
    r"^(?:created by )?(?P<function>[^\s(][\w./%@~-]*(?:\(\*?[A-Za-z_][\w.\[\]]*\)\.)?[\w./·\[\]-]*?(?:\[\.\.\.\][\w.-]*)?)(?:\(.*\))?(?: in goroutine \d+)?$"
)
_PLACE = re.compile(r"^\s+(?P<file>\S.*\.(?:go|s|cgo1\.go|c)):(?P<line>\d+)(?: \+0x[0-9a-f]+)?(?: (?:fp|sp|pc)=.*)?$")
_REST = re.compile(
    r"^(?:exit status \d+|\.\.\.additional frames elided\.\.\.|(?:r[a-z0-9]{1,3}|[re]?flags|cs|fs|gs|pc|lr|sp)\s+0x[0-9a-f]+)$"
)
_TYPED = re.compile(r"^(?P<type>runtime error|[\w.*/]+Error)(?:[:{(] ?|$)")
_VALUE = re.compile(r"^(?:(?:&|\(\*?)?(?P<type>[\w./]+\.[A-Z]\w*)[{)]|\(\*?(?P<pointer>[\w./]+\.[a-z]\w*)\) 0x)")


_MOST_BETWEEN = 3

# --- where it begins and ends ---


def _anchor(text: str) -> bool:
    return bool(_GOROUTINE.match(text)) or (".go:" in text and bool(_PLACE.match(text)))


def _above(before: Sequence[Line], anchor: Line) -> list[int] | None:
    return _above_goroutine(before) if _GOROUTINE.match(anchor.text) else _above_place(before, anchor)


def _above_goroutine(before: Sequence[Line]) -> list[int]:
    """The panic with its signal and its further lines, at most eight lines back; a dump may also stand alone."""
    message: list[int] = []
    begun: list[int] = []
    for position in range(len(before) - 1, max(len(before) - 9, -1), -1):
        line = before[position]
        if _PANIC.match(line.text) or _SIGNAL.match(line.text):
            begun = [position, *message]
            message = begun
        elif begun:
            break
        elif not line.headed:
            message = [position, *message]
        elif len(message) < len(before) - 1 - position:
            break
    return begun


def _above_place(before: Sequence[Line], anchor: Line) -> list[int] | None:
    """The call that the place belongs to, and above it the message of an error that prints its stack."""
    own = unheaded(before, anchor, lambda text: False)
    if not own or not _is_call(before[own[-1]].text):
        return None
    call = own[-1]
    if any(before[position].text == "runtime stack:" for position in own[:-1]):
        return None
    near = [position for position in own[:-1] if position >= call - _MOST_BETWEEN and _is_message(before[position].text)]
    told = near[-1] if near else call - 1
    return [told, call] if told >= 0 and _is_message(before[told].text) else None


def _is_message(text: str) -> bool:
    return bool(text.strip()) and not text[:1].isspace()


def _is_call(text: str) -> bool:
    found = _CALL.match(text)
    return found is not None and ("." in found["function"] or text.startswith("panic(")) and not text.endswith(":")


def _goes_on(block: Sequence[str], text: str, after: After) -> Verdict:
    if _REST.match(text):
        return Verdict.NEXT
    if _PLACE.match(text) or _GOROUTINE.match(text) or _SIGNAL.match(text):
        return _unless_another(block, text, after)
    leads = bool(after.ahead) and bool(_PLACE.match(after.ahead[0]))
    if leads and _is_call(text):
        return Verdict.SURE if not after.strays else Verdict.END
    dump = any(_GOROUTINE.match(line) for line in block[:10])
    if not dump and not after.blank and len(after.ahead) > 1 and _is_call(after.ahead[0]) and _PLACE.match(after.ahead[1]):
        return Verdict.NEXT
    return Verdict.NO


def _unless_another(block: Sequence[str], text: str, after: After) -> Verdict:
    """A second panic behind the frames of a first one is a new trace."""
    framed = any(_PLACE.match(line) for line in block[-3:])
    if framed and _SIGNAL.match(text) and not text.startswith("\t"):
        return Verdict.END
    return Verdict.SURE


# --- what it says ---


def parse(lines: Sequence[str]) -> tuple[ExceptionInfo, ...]:
    """The panic with the frames of the goroutine that raised it; or the chain of an error that printed its stacks, root cause first."""
    first = next((position for position, line in enumerate(lines) if _GOROUTINE.match(line)), None)
    return _panic(lines, first) if first is not None else _printed(lines)


def _panic(lines: Sequence[str], first: int) -> tuple[ExceptionInfo, ...]:
    head = [line for line in lines[:first] if line.strip()]
    found = next((found for line in head if (found := _PANIC.match(line))), None)
    frames = _frames(_one_goroutine(lines[first + 1 :]))
    if not frames:
        return ()
    message = found["message"] if found else ""
    fatal = found is not None and "fatal error: " in found[0]
    return (ExceptionInfo(_type(message, fatal, found is not None), message, tuple(reversed(frames))),)


def _type(message: str, fatal: bool, panicked: bool) -> str:
    if typed := _TYPED.match(message):
        return typed["type"]
    if value := _VALUE.match(message):
        return value["type"] or value["pointer"]
    return "fatal error" if fatal else "panic" if panicked else "goroutine"


def _one_goroutine(lines: Sequence[str]) -> list[str]:
    end = next((position for position, line in enumerate(lines) if _GOROUTINE.match(line)), len(lines))
    return list(lines[:end])


def _frames(lines: Sequence[str]) -> list[Frame]:
    """Calls after the last `panic(…)`: what stands above it is the runtime unwinding."""
    frames: list[Frame] = []
    function = ""
    for line in lines:
        place = _PLACE.match(line)
        if place and function == "panic":
            frames.clear()
        elif place:
            frames.append(Frame(place["file"], int(place["line"]), function))
        elif call := _CALL.match(line):
            function = call["function"]
    return frames


def _printed(lines: Sequence[str]) -> tuple[ExceptionInfo, ...]:
    chain: list[ExceptionInfo] = []
    told: list[str] = []
    framed: list[str] = []
    for position, line in enumerate(lines):
        follows = lines[position + 1] if position + 1 < len(lines) else ""
        if _PLACE.match(line) or (_is_call(line) and _PLACE.match(follows)):
            framed.append(line)
        else:
            if framed:
                chain.append(_error(told, framed))
                told, framed = [], []
            told.append(line)
    return (*chain, _error(told, framed)) if framed else tuple(chain)


def _error(told: Sequence[str], framed: Sequence[str]) -> ExceptionInfo:
    return ExceptionInfo("error", "\n".join(told).strip(), tuple(reversed(_frames(framed))))


GRAMMAR = Grammar("go", _anchor, _above, _goes_on, parse)
