"""A draft's edits, made exactly or refused: the result is a tree, the worktree is never looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from mcp_servers.fixes.settings import set_value
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import FILE, LINK, Blob, Repository

MAX_EDITS = 50
MAX_EDIT_BYTES = 1_000_000
_NEAREST = 3


def result_tree(repository: Repository, base: str, edits: Sequence[Mapping[str, Any]]) -> str:
    """The tree of `base` after all edits in order, all or nothing; raises `Refusal` naming the edit that cannot be made and why."""
    if not 1 <= len(edits) <= MAX_EDITS:
        raise Refusal(f"A fix holds 1 to {MAX_EDITS} edits, this one {len(edits)}.", code="edit_count")
    tree = repository.tree(base)
    for number, edit in enumerate(edits, start=1):
        try:
            changed = _made(repository, tree, edit)
        except Refusal as refusal:
            raise Refusal(f"Edit {number} of {len(edits)}: {refusal}", code=refusal.code) from refusal
        if changed == tree:
            raise Refusal(f"Edit {number} of {len(edits)} changes nothing: what it asks for is already there.", code="already_there")
        tree = changed
    return tree


def _made(repository: Repository, tree: str, edit: Mapping[str, Any]) -> str:
    kind = str(edit.get("kind", ""))
    if kind == "diff":
        return _applied(repository, tree, _words(edit, "diff"))
    if kind not in _EDITS:
        raise Refusal(f"{kind!r} is not a kind of edit; known are {', '.join([*_EDITS, 'diff'])}.", code="unknown_edit")
    path = _words(edit, "path")
    entry = repository.entry(tree, path)
    if entry is not None and entry.mode == LINK:
        raise Refusal(f"{path} is a symbolic link; edit the file that it points to.", code="link")
    before = repository.read(tree, path) if entry else None
    after = _EDITS[kind](path, before, entry.id if entry else "", edit)
    return repository.write_tree_from(tree, {path: Blob(after, entry.mode if entry else FILE)})


def _applied(repository: Repository, tree: str, diff: str) -> str:
    text = diff if diff.endswith("\n") else diff + "\n"
    try:
        return repository.apply_diff(tree, text)
    except Refusal as refusal:
        if _is_there(repository, tree, text):
            raise Refusal("The diff is already there: its result is what the files hold now.", code="already_there") from refusal
        raise


def _is_there(repository: Repository, tree: str, diff: str) -> bool:
    try:
        return repository.apply_diff(tree, diff, reverse=True) != tree
    except Refusal:
        return False


def _replaced(path: str, before: bytes | None, _id: str, edit: Mapping[str, Any]) -> bytes:
    text = _text(path, before)
    search, replace = (_with_eol(_words(edit, key, empty=key == "replace"), text) for key in ("search", "replace"))
    found = text.count(search)
    if found == 1:
        return text.replace(search, replace).encode("utf-8")
    if found > 1:
        lines = ", ".join(str(number) for number in _lines_of(text, search)[:5])
        raise Refusal(f"The text to replace stands {found} times in {path} (lines {lines}); give more lines around it.", code="not_unique")
    if replace.strip() and text.count(replace) == 1:
        raise Refusal(f"{path} already holds the new text at line {_lines_of(text, replace)[0]}.", code="already_there")
    raise Refusal(f"The text to replace is not in {path}. Nearest:\n{_nearest(text, search)}", code="not_found")


def _written(path: str, before: bytes | None, id: str, edit: Mapping[str, Any]) -> bytes:
    content, based_on = _words(edit, "content", empty=True), str(edit.get("based_on", ""))
    if before is None and based_on:
        raise Refusal(f"{path} does not exist at the base commit; leave based_on empty for a new file.", code="stale")
    if before is not None and based_on != id:
        raise Refusal(f"{path} is blob {id}, the content was based on {based_on[:12] or 'nothing'}; read it again.", code="stale")
    return (content if before is None else _with_eol(content, _text(path, before))).encode("utf-8")


def _configured(path: str, before: bytes | None, _id: str, edit: Mapping[str, Any]) -> bytes:
    if "value" not in edit:
        raise Refusal(f"The edit of {path} has no value; give the value that {edit.get('key')!r} shall have.", code="bad_edit")
    return set_value(path, _text(path, before), _words(edit, "key"), edit["value"]).encode("utf-8")


_EDITS: Mapping[str, Callable[[str, bytes | None, str, Mapping[str, Any]], bytes]] = {
    "replace": _replaced,
    "config": _configured,
    "write": _written,
}


def _text(path: str, content: bytes | None) -> str:
    if content is None:
        raise Refusal(f"{path} does not exist at the base commit; use a write edit for a new file.", code="no_such_file")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise Refusal(f"{path} is not UTF-8 text; it cannot be edited here.", code="not_text") from None


def _words(edit: Mapping[str, Any], key: str, *, empty: bool = False) -> str:
    value = edit.get(key)
    if not isinstance(value, str) or not (value or empty):
        raise Refusal(f"The edit needs the text {key!r}.", code="bad_edit")
    if len(value.encode("utf-8", "surrogatepass")) > MAX_EDIT_BYTES or "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
        raise Refusal(f"The text {key!r} of the edit is over {MAX_EDIT_BYTES} bytes or is not text.", code="bad_edit")
    return value


def _with_eol(text: str, like: str) -> str:
    """Callers write \\n; a file whose every line ends in \\r\\n keeps that."""
    if "\r\n" in like and like.count("\n") == like.count("\r\n"):
        return text.replace("\r\n", "\n").replace("\n", "\r\n")
    return text


def _lines_of(text: str, part: str) -> list[int]:
    starts: list[int] = []
    at = text.find(part)
    while at >= 0:
        starts.append(text.count("\n", 0, at) + 1)
        at = text.find(part, at + 1)
    return starts


def _nearest(text: str, search: str) -> str:
    """The lines most like the first telling line of what was looked for."""
    wanted = next((line.strip() for line in search.splitlines() if len(line.strip()) > 3), search.strip())[:200]
    lines = [(number, line) for number, line in enumerate(text.splitlines()[:20_000], start=1) if line.strip()]
    scored = sorted(lines, key=lambda item: -_likeness(wanted, item[1].strip()[:200]))[:_NEAREST]
    return "\n".join(f"  {number}: {line[:200]}" for number, line in sorted(scored)) or "  (the file is empty)"


def _likeness(a: str, b: str) -> float:
    matcher = SequenceMatcher(None, b, a, autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() > 0.4 and matcher.quick_ratio() > 0.4 else 0.0
