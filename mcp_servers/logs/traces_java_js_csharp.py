"""Stack traces whose lines begin with `at`: Java and its kin, JavaScript, C#. Their frames run from the throw outwards."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from mcp_servers.kit.stack import ExceptionInfo, Frame

_JAVA_FRAME = re.compile(
    r"^\s*at (?:[\w.$@-]*/)*(?P<owner>[\w.$]+)\.(?P<method>[\w$<>-]+)"
    r"\((?:(?P<file>[\w$-]+\.(?:java|kt|scala|groovy|clj))(?::(?P<line>\d+))?|Native Method|Unknown Source|<generated>)\)"
)
_JAVA_HEADER = re.compile(r"(?:^|\s)(?P<type>(?:[a-z_]\w*\.)+[A-Z][\w$.]*|[A-Z]\w*(?:Exception|Error))(?:: (?P<message>.*))?$")
_JS_FRAME = re.compile(
    r"^\s*at (?:async )?(?:(?P<function>.+?) \()?"
    r"(?:(?P<file>(?:\w:[\\/]|[^\s():]|:(?=//|/|\w+/))+):(?P<line>\d+):\d+|<anonymous>|native)\)?(?: \{)?$"
)
_JS_HEADER = re.compile(r"(?:^|\s)(?P<type>[A-Z][\w$]*(?:Error|Exception|Failure|Rejection)?)(?: \[\w+\])?(?:: (?P<message>.*))?$")
_CS_FRAME = re.compile(r"^\s*at (?P<function>[\w.`<>+$\[\],| -]+\(.*?\))(?: in (?P<file>.+?):line (?P<line>\d+))?$")
_CS_HEADER = re.compile(r"(?:^|\s|> )(?P<type>(?:[A-Z]\w*\.)+\w*(?:Exception|Error)\w*)(?:: (?P<message>.*))?$", re.M)
_SUPPRESSED = re.compile(r"^\s*Suppressed: ")

_Part = tuple[list[str], list[Frame]]


def parse_java(text: str) -> tuple[ExceptionInfo, ...]:
    """The chain of a Java, Kotlin or Scala trace, root cause first; a frame's file is its class as a path."""
    if "at " not in text or not re.search(r"\((?:[\w$-]+\.(?:java|kt|scala|groovy)|Native Method|Unknown Source)", text):
        return ()
    parts = _parts(text, _java_frame)
    kept = [part for part in parts if not any(_SUPPRESSED.match(line) for line in part[0])]
    return _root_first(kept, _JAVA_HEADER)


def parse_javascript(text: str) -> tuple[ExceptionInfo, ...]:
    """The chain of a Node or browser trace, root cause (`[cause]: …`) first."""
    return _root_first(list(_parts(text, _js_frame)), _JS_HEADER) if "at " in text else ()


def parse_csharp(text: str) -> tuple[ExceptionInfo, ...]:
    """The chain of a .NET trace: its headers stand on one line (`A ---> B`), its frames innermost exception first."""
    head, _, tail = text.partition("\n   at ")
    headers = [_CS_HEADER.search(piece.strip()) for piece in head.split("---> ")]
    sections = re.split(r"^[ \t]*--- End of inner exception stack trace ---\s*$", "   at " + tail, flags=re.M)
    return tuple(
        ExceptionInfo(header["type"], (header["message"] or "").strip(), _cs_frames(section))
        for header, section in zip(reversed(headers), sections, strict=False)
        if header and tail
    )


def _cs_frames(section: str) -> tuple[Frame, ...]:
    return tuple(reversed([frame for line in section.split("\n") if (frame := _cs_frame(line))]))


def _parts(text: str, read: Callable[[str], Frame | None]) -> Iterator[_Part]:
    """Runs of frames, each with the lines that stand before it."""
    before: list[str] = []
    frames: list[Frame] = []
    for line in text.split("\n"):
        frame = read(line)
        if frame:
            frames.append(frame)
        elif line.strip() and not line.strip().startswith(("... ", "at ")):
            if frames:
                yield before, frames
                before, frames = [], []
            before.append(line)
    if frames:
        yield before, frames


def _root_first(parts: list[_Part] | Iterator[_Part], header: re.Pattern[str]) -> tuple[ExceptionInfo, ...]:
    exceptions: list[ExceptionInfo] = []
    for before, frames in parts:
        for index, line in enumerate(before):
            found = header.search(line.strip().removesuffix("{").rstrip())
            if found:
                message = "\n".join([found["message"] or "", *before[index + 1 :]]).strip()
                exceptions.append(ExceptionInfo(found["type"], message, tuple(reversed(frames))))
                break
    return tuple(reversed(exceptions))


def _java_frame(line: str) -> Frame | None:
    found = _JAVA_FRAME.match(line)
    if not found:
        return None
    package, _, owner = found["owner"].rpartition(".")
    name = found["file"] or owner.partition("$")[0]
    path = f"{package.replace('.', '/')}/{name}".removeprefix("/")
    return Frame(path, int(found["line"] or 0), f"{owner}.{found['method']}")


def _js_frame(line: str) -> Frame | None:
    found = _JS_FRAME.match(line)
    return found and Frame(found["file"] or "native", int(found["line"] or 0), found["function"] or "<anonymous>")


def _cs_frame(line: str) -> Frame | None:
    found = _CS_FRAME.match(line)
    return found and Frame(found["file"] or "", int(found["line"] or 0), found["function"].partition("(")[0])
