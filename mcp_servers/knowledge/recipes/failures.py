"""The failure that a recipe is about: its exception, its message as a shape, and the lines of ours that the trace names."""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mcp_servers.kit.stack import StackTrace, bare_function, resolve_path
from mcp_servers.knowledge.recipes.patterns import Binding, hole, holes
from mcp_servers.knowledge.recipes.tokens import tokens

_QUOTED = re.compile(r"'([^'\n]{0,200})'|\"([^\"\n]{0,200})\"|`([^`\n]{0,200})`")
_NUMBER = re.compile(r"(?<![\w#])[-+]?\d[\d.,:]*(?!\w)|\b0x[0-9a-fA-F]+\b")
_TYPES = {name for name in dir(builtins) if not name.startswith("_")} | {"NoneType", "function", "method", "module", "undefined", "null"}
_ANY, _SOME_NUMBER = "\x01", "\x02"
_LONGEST = 600


@dataclass(frozen=True, slots=True)
class Site:
    """A line of ours in a trace, found again in the repository."""

    path: str
    line: int
    function: str
    code: str


@dataclass(frozen=True, slots=True)
class Failed:
    """How it failed: bare exception type, message, frames of ours from the throw outwards."""

    exception: str
    message: str
    sites: tuple[Site, ...]


def failed(evidence: Mapping[str, Any], files: Sequence[str]) -> Failed:
    """The failure that a case's evidence tells, with its frames in these files; a failure without a trace has its message alone."""
    trace = _trace(evidence)
    if trace is None:
        return Failed("", str(evidence.get("message") or evidence.get("title") or "")[:_LONGEST], ())
    sites: dict[tuple[str, str], Site] = {}
    for raised in trace.exceptions:
        for frame in reversed(raised.frames):
            path = resolve_path(frame.file, files) if frame.in_app else None
            if path:
                sites.setdefault((path, frame.function), Site(path, frame.line, bare_function(frame.function), frame.code.strip()))
    return Failed(bare_function(trace.root.type), trace.root.message[:_LONGEST], tuple(sites.values()))


def message_shape(message: str, named: Mapping[str, str], constant: frozenset[str], functions: frozenset[str] = frozenset()) -> str:
    """The message with holes for the words that the code names (`named`: text to metavariable), and anything for other quoted words, numbers
    and the names of the functions that failed."""

    def word(match: re.Match[str]) -> str:
        said = next(group for group in match.groups() if group is not None)
        quote = match[0][0]
        if said in named:
            return f"{quote}{hole(named[said])}{quote}"
        is_type = said in _TYPES or (match.string[match.end() :].startswith(" object") and said.islower())
        return match[0] if is_type or said in constant else f"{quote}{_ANY}{quote}"

    shape = _NUMBER.sub(_SOME_NUMBER, _QUOTED.sub(word, message.strip()))
    for function in functions:
        shape = re.sub(rf"(?<!\w)(?:\w+\.)?{re.escape(function)}\(\)", f"{_ANY}()", shape) if function else shape
    return shape


def says(shape: str, message: str, bound: Binding) -> bool:
    """Whether a message has the shape, with what is bound in its holes."""
    known = {name: value_of(bound[name]) for name in holes(shape) if name in bound}
    text = re.escape(shape)
    for name in holes(shape):
        text = text.replace(re.escape(hole(name)), re.escape(known[name]) if name in known else r"[\s\S]{0,200}?")
    text = text.replace(re.escape(_ANY), r"[^\n]{0,200}?").replace(re.escape(_SOME_NUMBER), r"(?:[-+]?\d[\d.,:]*|0x[0-9a-fA-F]+)")
    return re.fullmatch(text, message.strip()) is not None


def value_of(source: str) -> str:
    """What a literal or a name of source code is called in a message: a string without its quotes, the last name of a chain."""
    found = re.fullmatch(r"(?i:[rbuf]{0,2})([\"'`])(.*)\1", source, re.DOTALL)
    return found[2] if found else source


def shape_of(evidence: Mapping[str, Any]) -> str:
    """What a recipe was tried on: exception, message and the throwing line without its names; two of one shape fail alike."""
    trace = _trace(evidence)
    frame = trace.top_in_app if trace else None
    kind = bare_function(trace.root.type) if trace else ""
    message = message_shape(trace.root.message if trace else str(evidence.get("message") or evidence.get("title") or ""), {}, frozenset())
    code = " ".join("$" if token.kind in ("name", "string", "number") else token.text for token in tokens(frame.code, "")) if frame else ""
    return f"{kind}|{message}|{code or (bare_function(frame.function) if frame else '')}"


def _trace(evidence: Mapping[str, Any]) -> StackTrace | None:
    try:
        found = StackTrace.from_json(dict(evidence["trace"])) if evidence.get("trace") else None
    except (KeyError, TypeError, IndexError):
        return None
    return found if found and found.exceptions else None
