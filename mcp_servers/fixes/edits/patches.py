"""What a diff, or SEARCH/REPLACE blocks, do to the files of a workspace."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from mcp_servers.fixes.edits import blocks, diffs
from mcp_servers.fixes.edits.intake import freed, unfenced
from mcp_servers.fixes.edits.model import FilePatch
from mcp_servers.fixes.edits.paths import Paths
from mcp_servers.fixes.edits.placing import created, is_exact, patched
from mcp_servers.fixes.edits.workspace import Workspace
from mcp_servers.fixes.edits.wrappings import unwrapped
from mcp_servers.kit.errors import Refusal

MAX_HUNKS = 400
Part = TypeVar("Part")
_SPARE = re.compile(r"\.(?:orig|old|new|bak|rej)$|~$")


def apply(work: Workspace, text: str, path: str = "") -> None:
    """Does all that the text says, or raises `Refusal`. A part that is there already is left; when all is, that is refused."""
    text = unwrapped(text)
    if blocks.holds_blocks(text):
        return _blocks(work, text, path)
    body, closed = freed(text)
    found = diffs.parse(body, path, closed=closed)
    if sum(len(patch.hunks) for patch in found) > MAX_HUNKS:
        raise Refusal(f"The diff holds more than {MAX_HUNKS} hunks; make smaller fixes.", code="too_large")
    paths = work.paths()

    def one(patch: FilePatch) -> None:
        _DOERS[patch.kind](work, paths, patch)

    _each(found, one)


def _blocks(work: Workspace, text: str, path: str) -> None:
    def one(block: blocks.Block) -> None:
        if not block.search.strip():
            return _begin(work, block)
        known = work.paths().known(block.path)
        work.put(known, replaced(known, work.text(known), block.search, block.replace))

    _each(blocks.parse(text, path) or blocks.parse(unfenced(text), path), one)


def _begin(work: Workspace, block: blocks.Block) -> None:
    """A block that looks for nothing makes a file, or fills an empty one."""
    path = work.paths().fresh(block.path, prefixed=False)
    if work.holds(path) and work.content(path).strip():
        same = work.text(path) == block.replace
        raise Refusal(f"{path} is there already; say in SEARCH what shall give way.", code="already_applied" if same else "exists")
    work.put(path, block.replace)


def replaced(path: str, text: str, search: str, replace: str) -> str:
    """The text with `search`, which stands in it once, replaced: to the letter, else line by line where one place fits."""
    mine, theirs = (with_eol(part, text) for part in (search, replace))
    count = text.count(mine)
    if count == 1 and not (theirs != mine and mine in theirs and theirs in text):
        return text.replace(mine, theirs)
    if count > 1 and theirs != mine:
        lines = ", ".join(str(number) for number in _lines_of(text, mine)[:5])
        raise Refusal(
            f"The text to replace stands {count} times in {path} (lines {lines}); give more lines around it.", code="ambiguous_place"
        )
    if count or (theirs.strip() and text.count(theirs) == 1):
        at = _lines_of(text, theirs or mine)
        raise Refusal(f"{path} already holds the new text{f' at line {at[0]}' if at else ''}.", code="already_applied")
    return patched(path, text, [blocks.hunk_of(search, replace)])


def _each(parts: Sequence[Part], do: Callable[[Part], None]) -> None:
    """Does every part; those that are there already are only refused when no other is left."""
    there: list[Refusal] = []
    for part in parts:
        try:
            do(part)
        except Refusal as refusal:
            if refusal.code != "already_applied":
                raise
            there.append(refusal)
    if there and len(there) == len(parts):
        raise there[0]


def _change(work: Workspace, paths: Paths, patch: FilePatch) -> None:
    path = _one_path(paths, patch)
    content = work.text(path)
    moved = bool(patch.blob) and not work.blob(path).startswith(patch.blob)
    result = patched(path, content, patch.hunks, moved=moved) if any(hunk.changes for hunk in patch.hunks) else content
    if result == content and patch.mode in {"", work.mode(path)}:
        raise Refusal(f"The diff changes nothing in {path}.", code="already_applied")
    work.put(path, result, patch.mode)


def _one_path(paths: Paths, patch: FilePatch) -> str:
    """The file that both headers name; a name with .orig or the like is that of a copy that somebody kept."""
    if patch.old == patch.new:
        return paths.known(patch.old)
    named = [_found(paths, name) for name in (patch.old, patch.new)]
    known = {path for path in named if path}
    plain = {_SPARE.sub("", name.rpartition("/")[2]) for name in (patch.old, patch.new)}
    if len(known) != 1 or len(plain) != 1:
        if not known:
            return paths.known(patch.new)
        raise Refusal(f"The diff names {patch.old!r} and {patch.new!r} for one file; name one.", code="paths_disagree")
    return known.pop()


def _found(paths: Paths, name: str) -> str:
    try:
        return paths.known(name)
    except Refusal as refusal:
        if refusal.code != "no_such_file":
            raise
        return ""


def _create(work: Workspace, paths: Paths, patch: FilePatch) -> None:
    path = paths.fresh(patch.new, prefixed=True)
    content = created(path, patch.hunks)
    if work.holds(path):
        same = work.content(path) == content.encode("utf-8")
        raise Refusal(f"{path} exists at the base commit; send a diff of what it holds.", code="already_applied" if same else "exists")
    work.put(path, content, patch.mode)


def _delete(work: Workspace, paths: Paths, patch: FilePatch) -> None:
    path = paths.known(patch.old)
    content = work.text(path)
    if not is_exact(patch.hunks, content):
        raise Refusal(f"{path} holds other lines than the diff removes; send all of its lines, or none of this.", code="no_such_place")
    work.remove(path)


def _move(work: Workspace, paths: Paths, patch: FilePatch) -> None:
    target = paths.fresh(patch.new, prefixed=False)
    if not work.holds(target):
        source = paths.known(patch.old)
    else:
        there = not _found(paths, patch.old)
        raise Refusal(f"{target} exists already.", code="already_applied" if there and not patch.hunks else "exists")
    content = work.content(source)
    mode = patch.mode or work.mode(source)
    work.put(target, patched(source, work.text(source), patch.hunks) if patch.hunks else content, mode)
    if patch.kind == "rename":
        work.remove(source)


_DOERS: Mapping[str, Callable[[Workspace, Paths, FilePatch], None]] = {
    "change": _change,
    "create": _create,
    "delete": _delete,
    "rename": _move,
    "copy": _move,
}


def with_eol(text: str, like: str) -> str:
    """Callers write \\n; a file whose every line ends in \\r\\n keeps that."""
    if "\r\n" in like and like.count("\n") == like.count("\r\n"):
        return text.replace("\r\n", "\n").replace("\n", "\r\n")
    return text


def _lines_of(text: str, part: str) -> list[int]:
    starts: list[int] = []
    at = text.find(part)
    while at >= 0 and len(starts) < 100:
        starts.append(text.count("\n", 0, at) + 1)
        at = text.find(part, at + 1)
    return starts
