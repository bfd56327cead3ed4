"""Carrying a change over to another commit: each file by a three-way merge of its contents. No merge driver, worktree or index takes part."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mcp_servers.kit.git import Blob, FileChange, Repository

_MOST_LINES = 12
_ERROR = 128


@dataclass(frozen=True, slots=True)
class Conflict:
    """One file where both sides changed the same: `hunks` show the present lines and those that were to come, with git's marks."""

    path: str
    why: str
    hunks: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.why}" + (f"\n{self.hunks}" if self.hunks else "")


@dataclass(frozen=True, slots=True)
class Carried:
    """The tree that came of it, or what stands against it."""

    tree: str
    conflicts: tuple[Conflict, ...] = ()


def carried(repository: Repository, base: str, changed: str, onto: str) -> Carried:
    """The tree of `onto` with what leads from `base` to `changed`; with conflicts the tree is empty and nothing was written but objects."""
    theirs = {change.path: change for change in repository.changes(base, changed)}
    ours = {change.path: change for change in repository.changes(base, onto)}
    wanted: dict[str, Blob | None] = {}
    conflicts: list[Conflict] = []
    for path, change in theirs.items():
        here = ours.get(path)
        if here is not None and (here.new_mode, here.new_id) == (change.new_mode, change.new_id):
            continue
        made = _taken(repository, change) if here is None else _merged(repository, change, here)
        if isinstance(made, Conflict):
            conflicts.append(made)
        else:
            wanted[path] = made
    if conflicts:
        return Carried("", tuple(conflicts))
    return Carried(repository.write_tree_from(onto, wanted) if wanted else repository.tree(onto))


def told(conflicts: tuple[Conflict, ...]) -> str:
    """The conflicts as people read them."""
    return "\n".join(str(one) for one in conflicts[:10])


def _taken(repository: Repository, change: FileChange) -> Blob | None:
    return None if change.deleted else Blob(repository.blobs([change.new_id])[change.new_id], change.new_mode)


def _merged(repository: Repository, change: FileChange, here: FileChange) -> Blob | Conflict:
    if here.deleted or change.deleted:
        return Conflict(change.path, "changed on one side and removed on the other")
    if change.added:
        return Conflict(change.path, "is there already, with other content")
    if change.old_mode != change.new_mode and here.old_mode != here.new_mode:
        return Conflict(change.path, "has another mode on each side")
    mode = change.new_mode if change.old_mode != change.new_mode else here.new_mode
    texts = repository.blobs([here.new_id, change.old_id, change.new_id])
    return _woven(repository, change.path, mode, {"now": texts[here.new_id], "before": texts[change.old_id], "then": texts[change.new_id]})


def _woven(repository: Repository, path: str, mode: str, sides: Mapping[str, bytes]) -> Blob | Conflict:
    with tempfile.TemporaryDirectory(prefix="kintsugi-merge-") as name:
        files = [Path(name) / side for side in sides]
        for file, content in zip(files, sides.values(), strict=True):
            file.write_bytes(content)
        labels = [word for side in ("as it is now", "", "as it would be") for word in ("-L", side)]
        done = repository.run("merge-file", "-p", "-q", *labels, *(str(file) for file in files))
    if done.returncode == 0:
        return Blob(done.stdout, mode)
    if done.returncode >= _ERROR:
        return Conflict(path, "is binary and changed on both sides")
    return Conflict(path, f"{done.returncode} place{'s' if done.returncode > 1 else ''} changed on both sides", _hunks(done.stdout))


def _hunks(merged: bytes) -> str:
    """The marked places, each line numbered as in the merged text, and not all of a long one."""
    shown: list[str] = []
    inside = False
    for number, line in enumerate(merged.decode("utf-8", "backslashreplace").splitlines(), start=1):
        inside = inside or line.startswith("<<<<<<< ")
        if inside:
            shown.append(f"  {number:>4}  {line[:160]}")
        if line.startswith(">>>>>>> "):
            inside = False
    more = [f"        … {len(shown) - _MOST_LINES} lines more"] if len(shown) > _MOST_LINES else []
    return "\n".join(shown[:_MOST_LINES] + more)
