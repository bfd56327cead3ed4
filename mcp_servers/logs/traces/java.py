"""Traces of the Java virtual machine: Java, Kotlin, Scala, Groovy. Frames run from the throw outwards; a frame's file is its class as a path."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mcp_servers.kit.stack import ExceptionInfo, Frame
from mcp_servers.logs.traces.grammar import After, Grammar, Verdict, header_above
from mcp_servers.logs.traces.lines import Line

_LAMBDA = re.compile(r"\$\$Lambda(?:\$\d+)?/(?:0x[0-9a-fA-F]+|\d+)")
_FRAME = re.compile(
    r"^\s*(?:\[[\w ]+\] )?at (?:[\w.$@+-]*/)*(?P<owner>[\w.$-]+)\.(?P<method>[\w$<>-]+)"
    r"\((?:(?P<file>[\w$. -]+\.(?:java|kts?|scala|groovy|clj|gradle)|SourceFile)(?::(?P<line>\d+))?|Native Method|Unknown Source(?::\d+)?|<generated>"
    r"|\w+:\d+|r8-map-id-\w+:\d+|D8\$\$SyntheticClass(?::\d+)?)\)(?: ~?\[.*\])?\s*$"
)
_TYPE = r"(?:[a-z_]\w*\.)+[A-Z][\w$.]*|[A-Z][\w$]*(?:Exception|Error|Throwable|Failure|Fault)"
_HEADER = re.compile(rf"(?:^|\s|\(|\[)(?P<type>{_TYPE})(?:: (?P<message>.*)|:)?$")
_LINKED = re.compile(r"^(?P<indent>\s*)(?P<link>Caused by|Wrapped by|Suppressed): (?P<rest>.*)$")
_NESTED = re.compile(r"^\s*nested exception is:")
_ERROR_NAME = re.compile(r"(?:Exception|Error|Throwable|Failure|Fault)$")
_BEHIND_LOGGER = re.compile(rf"(?P<type>{_TYPE}): (?P<message>.*)$")
_SHORT = re.compile(r"^[A-Z][\w$]*(?:: |$)")
_MORE = re.compile(
    r"^\s*(?:\.\.\. \d+ (?:more|common frames? omitted|frames? (?:truncated|excluded).*|lines? omitted.*)|\(Coroutine boundary\)|\[CIRCULAR REFERENCE.*)"
)
_NOT_A_TYPE = ("java.lang.Thread.State",)


def _anchor(text: str) -> bool:
    return "at " in text and bool(_FRAME.match(_LAMBDA.sub("$$Lambda", text)))


def _is_header(text: str) -> bool:
    found = _HEADER.search(text.rstrip())
    return found is not None and found["type"] not in _NOT_A_TYPE


def _above(before: Sequence[Line], anchor: Line) -> list[int] | None:
    found = header_above(before, _is_header, blanks=1)
    while found and found[0] and _NESTED.match(before[found[0] - 1].text):
        outer = header_above(before[: found[0]], _is_header)
        if outer is None:
            break
        found = [*outer, *found]
    return found


def _goes_on(block: Sequence[str], text: str, after: After) -> Verdict:
    if _anchor(text) or _MORE.match(text):
        return Verdict.SURE
    if (linked := _LINKED.match(text)) and (_is_header(linked["rest"]) or _SHORT.match(linked["rest"])):
        return Verdict.SURE
    if _message_of_cause(block, after):
        return Verdict.NEXT
    if after.blank or text[:1].isspace():
        return Verdict.NO
    if _begins_another(text, after):
        return Verdict.END
    return Verdict.NO


def _begins_another(text: str, after: After) -> bool:
    return _is_header(text) and any(_anchor(one) for one in after.ahead)


def _message_of_cause(block: Sequence[str], after: After) -> bool:
    """Whether the line stands between `Caused by: …` and its frames."""
    return any(_LINKED.match(line) for line in block[-4:]) and not _anchor(block[-1]) and any(_anchor(one) for one in after.ahead)


def parse(lines: Sequence[str]) -> tuple[ExceptionInfo, ...]:
    """The chain, root cause first. What was suppressed on the way is not part of it."""
    chain: list[ExceptionInfo] = []
    rooted = any(line.startswith("Wrapped by: ") for line in lines)
    for part in _parts(lines):
        linked = _LINKED.match(part[0])
        if linked and (linked["link"] == "Suppressed" or linked["indent"]):
            continue
        if exception := _exception(part, linked["rest"] if linked else part[0]):
            chain.append(exception)
    return tuple(chain if rooted else reversed(chain))


def _parts(lines: Sequence[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for line in lines:
        if _LINKED.match(line) and parts[-1]:
            parts.append([])
        parts[-1].append(line)
    return [part for part in parts if part]


def _exception(part: Sequence[str], first: str) -> ExceptionInfo | None:
    found = _HEADER.search(first.rstrip()) or re.match(r"(?P<type>[\w.$]+)(?:: (?P<message>.*))?$", first.rstrip())
    if not found:
        return None
    kind, first_line = found["type"], found["message"] or ""
    if not _ERROR_NAME.search(kind) and (named := _BEHIND_LOGGER.match(first_line)):
        kind, first_line = named["type"], named["message"]
    frames = [frame for line in part[1:] if (frame := frame_of(line))]
    told = [line for line in part[1:] if not _anchor(line) and not _MORE.match(line)]
    return ExceptionInfo(kind, "\n".join([first_line, *told]).strip(), tuple(reversed(frames)))


def frame_of(line: str) -> Frame | None:
    found = _FRAME.match(_LAMBDA.sub("$$Lambda", line)) if "at " in line else None
    if not found:
        return None
    package, _, owner = found["owner"].rpartition(".")
    file = found["file"] if found["file"] and found["file"] != "SourceFile" else ""
    path = f"{package.replace('.', '/')}/{file or owner.partition('$')[0]}".removeprefix("/")
    return Frame(path, int(found["line"] or 0), f"{owner}.{found['method']}")


GRAMMAR = Grammar("java", _anchor, _above, _goes_on, parse)
