"""Making the new text of a file: kept lines stay the file's own, added lines get its indentation and its line ends."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import yaml

from mcp_servers.fixes.edits.drift import positions
from mcp_servers.fixes.edits.indents import indented
from mcp_servers.fixes.edits.model import ADDED, REMOVED, Hunk, Line, Place, Splice, Text
from mcp_servers.kit import syntax
from mcp_servers.kit.errors import Refusal

_PARSED_BYTES = 400_000


def splices(hunk: Hunk, place: Place, lines: Sequence[str], *, loose: bool) -> list[Splice]:
    """What the hunk does to the file's lines; raises `Refusal` `ambiguous_place` for added lines that could go to several places."""
    spots = positions(hunk, place)
    added = indented(hunk, place, lines) if loose else [line for line in hunk.lines if line.op == ADDED]
    if loose and _trails(hunk, place, lines):
        added = [replace(line, text=line.text.rstrip()) for line in added]
    if any(spot is None for spot in spots):
        raise Refusal(
            "Lines are missing around the added lines, so that these could go to several places; give the lines directly before and after.",
            code="ambiguous_place",
        )
    made: list[Splice] = [
        Splice(at, at + 1) for line, at in zip(hunk.before, place.at, strict=True) if line.op == REMOVED and at is not None
    ]
    runs = _runs(hunk, added)
    made += [Splice(spot, spot, run) for spot, run in zip(spots, runs, strict=True) if spot is not None]
    return made


def _runs(hunk: Hunk, added: Sequence[Line]) -> list[tuple[Line, ...]]:
    runs: list[list[Line]] = []
    source = iter(added)
    inside = False
    for line in hunk.lines:
        if line.op == ADDED:
            runs += [] if inside else [[]]
            runs[-1].append(next(source))
        inside = line.op == ADDED
    return [tuple(run) for run in runs]


def _trails(hunk: Hunk, place: Place, lines: Sequence[str]) -> bool:
    """Whether the hunk has blanks at the ends of lines where the file has none."""
    pairs = [(line.text, lines[at]) for line, at in zip(hunk.before, place.at, strict=True) if at is not None]
    return any(mine != mine.rstrip() and theirs == theirs.rstrip() for mine, theirs in pairs) and not any(
        theirs != theirs.rstrip() for _, theirs in pairs
    )


def woven(text: Text, changes: Sequence[Splice], *, told: bool = False) -> str:
    """The text after all changes. `told`: the hunks say where a final newline is missing. Raises `Refusal` `hunks_overlap` when two of them touch the same line."""
    gone: set[int] = set()
    put: dict[int, list[Line]] = {}
    for change in changes:
        lines = set(range(change.start, change.end))
        if gone & lines or (change.added and change.start in put):
            raise Refusal("Two hunks change the same lines; send one hunk for them.", code="hunks_overlap")
        gone |= lines
        if change.added:
            put[change.start] = list(change.added)
    parts: list[str] = []
    for at in range(len(text.lines) + 1):
        parts += [line.text + _end(text, at) for line in put.get(at, ())]
        if at < len(text.lines) and at not in gone:
            parts.append(text.lines[at] + text.ends[at])
    ends = [line for line in put.get(len(text.lines), put.get(len(text.lines) - 1, []) if len(text.lines) - 1 in gone else [])]
    return text.mark + _finished(parts, text, ends[-1:], told=told)


def _end(text: Text, at: int) -> str:
    """The line end of the neighbour, so that a file of mixed ends stays as mixed as it is."""
    near = text.ends[at - 1 : at] if at else text.ends[:1]
    return next(iter(near), "") or text.end


def _finished(parts: list[str], text: Text, added: Sequence[Line], *, told: bool) -> str:
    """Every line but the last needs an end. An added last line has one when the hunk says so, or the file's last line had one."""
    *earlier, final = parts or [""]
    done = [part if part.endswith("\n") else part + text.end for part in earlier]
    unended = (not added[0].ended if told else bool(text.ends) and not text.ends[-1]) if added else False
    return "".join(done) + (final.removesuffix("\n").removesuffix("\r") if unended else final)


def raw(text: Text, hunks: Sequence[Hunk], places: Sequence[Place]) -> str:
    """The text after hunks that stand exactly where and as they say; line ends are part of the lines here."""
    parts: list[str] = []
    reached = 0
    for hunk, place in zip(hunks, places, strict=True):
        start = place.at[0] if place.at and place.at[0] is not None else 0
        parts += [line + end for line, end in zip(text.lines[reached:start], text.ends[reached:start], strict=True)]
        parts += [line.text + ("\n" if line.ended else "") for line in hunk.after]
        reached = start + len(hunk.before)
    parts += [line + end for line, end in zip(text.lines[reached:], text.ends[reached:], strict=True)]
    return "".join(parts)


def breaks(path: str, before: str, after: str) -> bool:
    """Whether a text that could be parsed cannot be any more; False for what nothing here parses."""
    parse = _PARSERS.get(path.rpartition(".")[2].lower())
    return parse is not None and max(len(before), len(after)) < _PARSED_BYTES and _parses(parse, before) and not _parses(parse, after)


def _parses(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text.removeprefix("\ufeff"))
    except (SyntaxError, ValueError, RecursionError, MemoryError, yaml.YAMLError):
        return False
    return True


def _yaml(text: str) -> object:
    return [*cast(Any, yaml).parse(text, Loader=yaml.SafeLoader)]


_PARSERS: Mapping[str, Callable[[str], object]] = {
    "py": syntax.parse,
    "pyi": syntax.parse,
    "json": json.loads,
    "toml": tomllib.loads,
    "yaml": _yaml,
    "yml": _yaml,
}
