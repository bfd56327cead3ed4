"""What `kintsugi guard check` looks at: staged blobs, a range of commits, or files. Read by git's plumbing, not from the worktree."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import GITLINK, LINK, FileChange, Repository
from mcp_servers.knowledge.guards.index import Index

_LARGEST = 2_000_000
_SKIPPED = frozenset({"node_modules", "__pycache__", "venv", "site-packages"})
_NO_CODE = frozenset({LINK, GITLINK})


@dataclass(frozen=True, slots=True)
class Checked:
    """Texts by path, of those in `seen` that a guard could object to. `before` has what a change found there, for guards that ask what
    was lost; `root` names the place for the record."""

    root: str
    files: dict[str, str]
    before: dict[str, str] = field(default_factory=dict[str, str])
    seen: tuple[str, ...] = ()


def staged(index: Index) -> Checked:
    """What the next commit would bring, as `git add` left it; the first of all brings everything."""
    repository = Repository.at(Path.cwd(), empty=True)
    own = os.environ.get("GIT_INDEX_FILE")
    return _changed(repository, index, repository.staged(Path(own) if own else None))


def in_range(index: Index, given: str) -> Checked:
    """What the commits of A..B brought, taken together (of A...B: since they parted); raises `Refusal` for a range that is none."""
    repository = Repository.at(Path.cwd())
    first, dots, last = given.partition("..")
    if not dots:
        raise Refusal(f"{given!r} is no range of commits; write it like main..HEAD.", code="bad_range")
    old, new = first or "HEAD", last.lstrip(".") or "HEAD"
    if last.startswith("."):
        old = repository.run("merge-base", repository.head(old), repository.head(new)).stdout.decode().strip() or old
    return _changed(repository, index, repository.changes(old, new))


def under(index: Index, paths: Sequence[str]) -> Checked:
    """The files given, and those below the folders given, but hidden folders and installed packages; raises `Refusal` for one that is not there."""
    missing = [path for path in paths if not Path(path).exists()]
    if missing:
        raise Refusal(f"{missing[0]} is not there; name files or folders to check.", code="no_such_file")
    found = {path: text for path in _files(paths) if index.reading(path) and (text := _text(Path(path))) is not None}
    return Checked(str(Path.cwd()), {path: text for path, text in found.items() if index.could_find(path, text)}, seen=tuple(found))


def _files(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        if Path(path).is_file():
            yield path
        for place, folders, names in os.walk(path):
            folders[:] = sorted(
                name for name in folders if name not in _SKIPPED and (not name.startswith(".") or name in (".github", ".ci"))
            )
            yield from (Path(place, name).as_posix() for name in sorted(names))


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape") if path.stat().st_size <= _LARGEST else None
    except OSError:
        return None


def _changed(repository: Repository, index: Index, changes: Sequence[FileChange]) -> Checked:
    """The changed files that some guard reads. Links and submodules hold no code."""
    read = [change for change in changes if index.reading(change.path) and _NO_CODE.isdisjoint({change.new_mode, change.old_mode})]
    asked = {change.path for change in read if any(guard["kind"] == "required-test" for guard in index.reading(change.path))}
    new = [change for change in read if not change.deleted]
    old = [change for change in read if change.path in asked and not change.added]
    blobs = repository.blobs(sorted({change.new_id for change in new} | {change.old_id for change in old}))

    def text(id: str) -> str:
        return blobs[id][:_LARGEST].decode("utf-8", "surrogateescape")

    files, before = {change.path: text(change.new_id) for change in new}, {change.path: text(change.old_id) for change in old}
    return Checked(str(repository.common_dir), files, before, tuple(change.path for change in changes))
