"""A tree that is being edited: the base commit's files and what became of them. Nothing is written before the end."""

from __future__ import annotations

import hashlib
from functools import cached_property

from mcp_servers.fixes.carrying import Conflict, carried
from mcp_servers.fixes.edits.paths import Paths
from mcp_servers.fixes.policy.paths import names
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import EXECUTABLE, FILE, GITLINK, LINK, Blob, Entry, Repository

MAX_FILE = 4_000_000


class Workspace:
    """The files of one treeish with changes on top. Its tree is made once, in a private index; no worktree is looked at."""

    def __init__(self, repository: Repository, base: str) -> None:
        self._repository = repository
        self._start = base
        self._base = repository.tree(base)
        self._changed: dict[str, Blob | None] = {}

    @cached_property
    def _entries(self) -> dict[str, Entry]:
        return {entry.path: entry for entry in self._repository.entries(self._base)}

    def files(self) -> set[str]:
        there = {path for path, blob in self._changed.items() if blob is not None}
        return (self._entries.keys() - self._changed.keys()) | there

    def paths(self) -> Paths:
        return Paths(self.files())

    def holds(self, path: str) -> bool:
        return self._changed[path] is not None if path in self._changed else path in self._entries

    def mode(self, path: str) -> str:
        blob = self._changed.get(path)
        return blob.mode if blob else self._entries[path].mode

    def blob(self, path: str) -> str:
        """The id of what a path holds, empty when it holds nothing."""
        if not self.holds(path):
            return ""
        changed = self._changed.get(path)
        if changed is None:
            return self._entries[path].id
        digest = hashlib.sha1 if len(self._base) == 40 else hashlib.sha256
        return digest(b"blob %d\0" % len(changed.content) + changed.content, usedforsecurity=False).hexdigest()

    def content(self, path: str) -> bytes:
        """What a file holds; raises `Refusal` when it is none, a link, a submodule, or too large to edit."""
        if not self.holds(path):
            raise Refusal(f"{path} does not exist at the base commit; use a write edit for a new file.", code="no_such_file")
        if self.mode(path) == LINK:
            raise Refusal(f"{path} is a symbolic link; edit the file that it points to.", code="link")
        if self.mode(path) == GITLINK:
            raise Refusal(f"{path} is a submodule; a fix may not change it.", code="submodule")
        changed = self._changed.get(path)
        content = changed.content if changed else self._repository.blobs([self._entries[path].id])[self._entries[path].id]
        if len(content) > MAX_FILE:
            raise Refusal(f"{path} holds {len(content)} bytes; files over {MAX_FILE} are not edited here.", code="too_large")
        return content

    def text(self, path: str) -> str:
        """The content as text; raises `Refusal` `not_text` when it is none."""
        content = self.content(path)
        try:
            if b"\0" not in content:
                return content.decode("utf-8")
        except UnicodeDecodeError:
            pass
        raise Refusal(f"{path} is not UTF-8 text; it cannot be edited here.", code="not_text")

    def put(self, path: str, content: str | bytes, mode: str = "") -> None:
        """Writes a file; without a `mode` it keeps the one it has."""
        if mode and mode not in {FILE, EXECUTABLE}:
            code = {LINK: "link", GITLINK: "submodule"}.get(mode, "mode")
            raise Refusal(f"{path} may not get the mode {mode}; a fix writes plain files (100644, 100755).", code=code)
        data = content if isinstance(content, bytes) else content.encode("utf-8")
        self._changed[path] = Blob(data, mode or (self.mode(path) if self.holds(path) else FILE))

    def remove(self, path: str) -> None:
        self._changed[path] = None

    def history(self, commit: str) -> tuple[str, str]:
        """The id of a commit that led to the base, and its parent's; raises `Refusal` for one that did not, a merge, or the first one."""
        id = self._repository.head(commit)
        if not self._repository.contains(self._start, id):
            raise Refusal(f"{id[:12]} is not part of {self._start[:12]}, so there is nothing of it to take back.", code="not_in_base")
        if self._repository.resolve(f"{id}^2"):
            raise Refusal(f"{id[:12]} is a merge; name the commit that it brought and that shall be taken back.", code="merge_commit")
        parent = self._repository.resolve(f"{id}^")
        if parent is None:
            raise Refusal(f"{id[:12]} is the first commit; there is nothing before it to go back to.", code="first_commit")
        return id, parent

    def carry(self, base: str, changed: str) -> tuple[Conflict, ...]:
        """Brings over what leads from one commit to another, on top of what was changed here; or says what stands against it."""
        made = carried(self._repository, base, changed, self.tree())
        changes = () if made.conflicts else self._repository.changes(self._base, made.tree)
        contents = self._repository.blobs(sorted({change.new_id for change in changes if not change.deleted}))
        for change in changes:
            self._changed[change.path] = None if change.deleted else Blob(contents[change.new_id], change.new_mode)
        return made.conflicts

    def state(self) -> dict[str, Blob | None]:
        return dict(self._changed)

    def restore(self, state: dict[str, Blob | None]) -> None:
        self._changed = state

    def differs(self, state: dict[str, Blob | None]) -> bool:
        """Whether any file holds something else than in `state`."""
        other = Workspace(self._repository, self._base)
        other.__dict__["_entries"] = self._entries
        other.restore(state)
        return any(self._told(path) != other._told(path) for path in self._changed.keys() | state.keys())

    def _told(self, path: str) -> tuple[str, str]:
        return (self.mode(path), self.blob(path)) if self.holds(path) else ("", "")

    def tree(self) -> str:
        """The tree of all this; raises `Refusal` for a path that git will not hold."""
        changed = {path: blob for path, blob in self._changed.items() if blob is not None or path in self._entries}
        for path in changed.keys() - self._entries.keys():
            self._named(path)
        return self._repository.write_tree_from(self._base, changed) if changed else self._base

    def _named(self, path: str) -> None:
        """Raises `Refusal` for a new file by a name that no policy lets through, or behind a link."""
        for found in names(path):
            raise Refusal(f"{path!r}: {found.text}", code=found.code)
        parts = path.split("/")
        link = next((one for end in range(1, len(parts)) if self._is_link(one := "/".join(parts[:end]))), "")
        if link:
            raise Refusal(f"{path} leads through {link}, a symbolic link; write to the file that is meant.", code="link")

    def _is_link(self, path: str) -> bool:
        return self.holds(path) and self.mode(path) == LINK
