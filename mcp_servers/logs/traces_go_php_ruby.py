"""Stack traces of Go, PHP and Ruby. Their frames run from the throw outwards."""

from __future__ import annotations

import re

from mcp_servers.kit.stack import ExceptionInfo, Frame

_PANIC = re.compile(r"^.*?\b(?:panic|fatal error): (?P<message>.*?)(?: \[recovered\].*)?$", re.M)
_GO_CALL = re.compile(r"^(?P<function>[^\s(][\w./%-]*(?:\(\*?[\w.\[\]]+\))?[\w./·\[\]-]*)\(.*\)(?: in goroutine \d+)?$")
_GO_PLACE = re.compile(r"^\s+(?P<file>\S.*\.(?:go|s)):(?P<line>\d+)(?: \+0x[0-9a-f]+)?$")
_GO_TYPED = re.compile(r"^(?P<type>runtime error|[\w.*/]+Error)(?:[:{] ?|$)")
_PHP_HEADER = re.compile(
    r"(?:Uncaught |^(?:.*\s)?)(?P<type>\\?[A-Z][\w\\]*(?:Exception|Error)): (?P<message>.*?) in (?P<file>\S+):(?P<line>\d+)$", re.M
)
_PHP_FRAME = re.compile(r"^#\d+ (?:(?P<file>.+?)\((?P<line>\d+)\)|\[internal function\]): (?P<function>[^(]+)\(", re.M)
_RUBY_FRAME = re.compile(
    r"^\s*(?:from |\d+: from )?(?P<file>[^\s:]+\.(?:rb|erb|ru|rake)|<internal:[^>]+>):(?P<line>\d+):in [`'](?P<function>[^']+)'"
)
_RUBY_REASON = re.compile(r":in [`'][^']+': (?P<message>.*?) \((?P<type>[A-Z][\w:]*)\)$", re.M)
_RUBY_LOGGED = re.compile(r"^(?:.*\s)?(?P<type>[A-Z][\w:]*(?:Error|Exception|NotFound|Invalid)) ?[:(](?P<message>.*?)\)?:?$", re.M)


def parse_go(text: str) -> tuple[ExceptionInfo, ...]:
    """The panic and the frames of the goroutine that raised it."""
    panic = _PANIC.search(text)
    if not panic or "goroutine " not in text:
        return ()
    message = panic["message"]
    typed = _GO_TYPED.match(message)
    goroutine = text[text.index("goroutine ", panic.start()) :].partition("\n\n")[0] if "goroutine " in text[panic.start() :] else ""
    return (ExceptionInfo(typed["type"] if typed else "panic", message, tuple(reversed(_go_frames(goroutine)))),)


def parse_php(text: str) -> tuple[ExceptionInfo, ...]:
    """The chain of an uncaught or logged PHP exception: PHP prints the previous one first, after it `Next …`."""
    if "#0 " not in text or "Stack trace:" not in text:
        return ()
    return tuple(exception for part in re.split(r"^[ \t]*Next ", text, flags=re.M) if (exception := _php_exception(part)))


def parse_ruby(text: str) -> tuple[ExceptionInfo, ...]:
    """The exception of a Ruby backtrace, printed by the interpreter or logged as `Type (message):` above its frames."""
    frames = [frame for line in text.split("\n") if (frame := _ruby_frame(line))]
    reason = (_RUBY_REASON.search(text) or _RUBY_LOGGED.search(text)) if frames else None
    return (ExceptionInfo(reason["type"], reason["message"].strip(), tuple(reversed(frames))),) if reason else ()


def _go_frames(goroutine: str) -> list[Frame]:
    """Calls after the last `panic(…)`: what stands above it is the runtime unwinding."""
    frames: list[Frame] = []
    function = ""
    for line in goroutine.split("\n")[1:]:
        place = _GO_PLACE.match(line)
        if place and function == "panic":
            frames.clear()
        elif place:
            frames.append(Frame(place["file"], int(place["line"]), function))
        elif call := _GO_CALL.match(line.removeprefix("created by ")):
            function = call["function"]
    return frames


def _php_exception(part: str) -> ExceptionInfo | None:
    header = _PHP_HEADER.search(part)
    if not header:
        return None
    calls = list(_PHP_FRAME.finditer(part))
    names = [call["function"].strip() for call in calls] + ["{main}"]
    places = [(header["file"], int(header["line"])), *((call["file"] or "[internal function]", int(call["line"] or 0)) for call in calls)]
    frames = [Frame(file, line, name) for (file, line), name in zip(places, names, strict=True)]
    return ExceptionInfo(header["type"].lstrip("\\"), header["message"], tuple(reversed(frames)))


def _ruby_frame(line: str) -> Frame | None:
    found = _RUBY_FRAME.match(line)
    return found and Frame(found["file"], int(found["line"]), found["function"])
