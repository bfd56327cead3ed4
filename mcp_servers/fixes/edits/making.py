"""A draft's edits, made exactly or refused: lenient in what is read, exact in what becomes of it. The result is a tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mcp_servers.fixes.edits import patches
from mcp_servers.fixes.edits.reverts import taken_back
from mcp_servers.fixes.edits.workspace import Workspace
from mcp_servers.fixes.settings import set_value, unset
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import Repository

MAX_EDITS = 50
MAX_EDIT_BYTES = 1_000_000

Edit = Mapping[str, Any]


def result_tree(repository: Repository, base: str, edits: Sequence[Edit]) -> str:
    """The tree of `base` after all edits in order, all or nothing; raises `Refusal` naming the edit that cannot be made and why."""
    work = Workspace(repository, base)
    make(work, edits)
    return work.tree()


def make(work: Workspace, edits: Sequence[Edit]) -> None:
    """Makes the edits in the workspace, in order; raises `Refusal` naming the one that cannot be made, or that changes nothing."""
    if not 1 <= len(edits) <= MAX_EDITS:
        raise Refusal(f"A fix holds 1 to {MAX_EDITS} edits, this one {len(edits)}.", code="edit_count")
    for number, edit in enumerate(edits, start=1):
        before = work.state()
        try:
            _make(work, edit)
        except Refusal as refusal:
            raise Refusal(f"Edit {number} of {len(edits)}: {refusal}", code=refusal.code) from refusal
        if not work.differs(before):
            raise Refusal(f"Edit {number} of {len(edits)} changes nothing: what it asks for is already there.", code="already_applied")


def _make(work: Workspace, edit: Edit) -> None:
    kind = str(edit.get("kind", ""))
    if kind not in _MAKERS:
        raise Refusal(f"{kind!r} is not a kind of edit; known are {', '.join(_MAKERS)}.", code="unknown_edit")
    _MAKERS[kind](work, edit)


def _diff(work: Workspace, edit: Edit) -> None:
    patches.apply(work, _words(edit, "diff"), str(edit.get("path") or ""))


def _replace(work: Workspace, edit: Edit) -> None:
    path, text = _known(work, edit)
    search, by = _words(edit, "search"), _words(edit, "replace", empty=True)
    work.put(path, patches.replaced(path, text, search, by))


def _write(work: Workspace, edit: Edit) -> None:
    path, content, based_on = _words(edit, "path"), _words(edit, "content", empty=True), str(edit.get("based_on") or "")
    path = work.paths().known(path) if based_on and not work.holds(path) and _alike(work, path) else path
    if not work.holds(path):
        if based_on:
            raise Refusal(f"{path} does not exist at the base commit; leave based_on empty for a new file.", code="stale")
        return work.put(path, content)
    text = work.text(path)
    if based_on != work.blob(path):
        raise Refusal(
            f"{path} is blob {work.blob(path)}, the content was based on {based_on[:12] or 'nothing'}; read it again.", code="stale"
        )
    return work.put(path, patches.with_eol(content, text))


def _alike(work: Workspace, path: str) -> bool:
    try:
        return bool(work.paths().known(path))
    except Refusal:
        return False


def _config(work: Workspace, edit: Edit) -> None:
    if "value" not in edit:
        raise Refusal(f"The edit of {edit.get('path')} has no value; give the value that {edit.get('key')!r} shall have.", code="bad_edit")
    path, text = _known(work, edit)
    work.put(path, set_value(path, text, _words(edit, "key"), edit["value"]))


def _unset(work: Workspace, edit: Edit) -> None:
    path, text = _known(work, edit)
    work.put(path, unset(path, text, _words(edit, "key")))


def _revert(work: Workspace, edit: Edit) -> None:
    taken_back(work, _words(edit, "commit"))


_MAKERS: Mapping[str, Callable[[Workspace, Edit], None]] = {
    "replace": _replace,
    "config": _config,
    "unset": _unset,
    "write": _write,
    "diff": _diff,
    "revert": _revert,
}


def _known(work: Workspace, edit: Edit) -> tuple[str, str]:
    path = work.paths().known(_words(edit, "path"))
    return path, work.text(path)


def _words(edit: Edit, key: str, *, empty: bool = False) -> str:
    value = edit.get(key)
    if not isinstance(value, str) or not (value or empty):
        raise Refusal(f"The edit needs the text {key!r}.", code="bad_edit")
    if len(value.encode("utf-8", "surrogatepass")) > MAX_EDIT_BYTES or "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
        raise Refusal(f"The text {key!r} of the edit is over {MAX_EDIT_BYTES} bytes or is not text.", code="bad_edit")
    return value
