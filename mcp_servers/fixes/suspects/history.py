"""What commits did to files, as the ranking needs it: recent changes through renames, the functions each one really changed, and blame that looks through form."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from itertools import pairwise

from mcp_servers.fixes.places.code import parsed
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import Repository

RECENT = 60
"""Commits of the files of a failure that are read; what is older is left to blame."""
NEAR = 1_000
"""Commits that blame walks for the callers of what threw: each walk reads the tree of every commit on its way."""
_RENAMES, _AGAIN = 3, 4


@dataclass(frozen=True, slots=True)
class Change:
    """One commit's change of one file, by its name today; a blob is '' on the side where the file is not there."""

    commit: str
    file: str
    before: str
    after: str


class History:
    """The recent past of some files at one commit. Everything is read in a few processes, whatever the length of the history."""

    def __init__(self, repository: Repository, at: str, files: Sequence[str], before: datetime | None = None) -> None:
        self._repository = repository
        self._at = at
        self.files = tuple(files)
        self._today: dict[str, list[str]] = {}
        self.changes = tuple(_changes(repository, at, files, before)) if files else ()
        wanted = sorted({blob for change in self.changes for blob in (change.before, change.after) if blob})
        self._texts = {id: content.decode("utf-8", "replace") for id, content in _blobs(repository, wanted).items()}
        self.empty = frozenset(self._formal())

    def texts(self, change: Change) -> tuple[str, str]:
        return self._texts.get(change.before, ""), self._texts.get(change.after, "")

    def changed_functions(self, change: Change) -> frozenset[str]:
        """The functions whose code a commit changed, added or removed; comments, blank lines and layout are no code."""
        one, two = (_functions(change.file, text) for text in self.texts(change))
        return frozenset(name for name in one.keys() | two.keys() if one.get(name) != two.get(name))

    def changed_beside(self, change: Change, line: int) -> bool:
        """Whether a commit left the statement at a line of today as it was and changed the one before it: a guard that went, say."""
        wanted = self._line(change.file, line)
        one, two = (_before(text, wanted) for text in self.texts(change))
        return bool(wanted and one and two) and one != two

    def _line(self, file: str, line: int) -> str:
        if file not in self._today:
            self._today[file] = self._repository.text(self._at, file).split("\n")
        lines = self._today[file]
        return lines[line - 1].strip() if 0 < line <= len(lines) else ""

    def origin(self, change: Change, name: str) -> History | None:
        """The past of the file that a function was moved from, when that is all a commit did with it."""
        one, two = (_functions(change.file, text) for text in self.texts(change))
        body = two.get(name)
        parent = self._repository.resolve(f"{change.commit}^") if body and name not in one else None
        for other in self._repository.changes(parent, change.commit) if parent else ():
            if other.path.endswith(".py") and not other.added and other.path != change.file:
                before = _functions(other.path, _text(self._repository, other.old_id))
                after = {} if other.deleted else _functions(other.path, _text(self._repository, other.new_id))
                if before.get(name) == body and name not in after:
                    return History(self._repository, f"{change.commit}^", [other.path])
        return None

    def blame(self, file: str, first: int, last: int, *, near: bool = False) -> dict[int, str]:
        """The commit behind each line, through moves, copies, white space, and commits that changed no code of the file. Lines that only such commits wrote have none.
        With `near`, nor have lines that are older than the newest thousand commits."""
        passed = set(self.empty)
        blamed: dict[int, str] = {}
        for _ in range(_AGAIN):
            blamed = self._blame(file, first, last, passed, self._horizon if near else "")
            formal = {commit for commit in set(blamed.values()) - passed if self._is_formal(commit, file)}
            if not formal:
                break
            passed |= formal
        return {line: commit for line, commit in blamed.items() if commit not in passed}

    @cached_property
    def _horizon(self) -> str:
        """The commit that lies a thousand commits back; empty where there are fewer."""
        return self._repository.run("rev-list", "--max-count=1", f"--skip={NEAR}", self._at).stdout.decode().strip()

    def _blame(self, file: str, first: int, last: int, passed: set[str], since: str) -> dict[int, str]:
        ignored = [word for commit in sorted(passed) for word in ("--ignore-rev", commit)]
        words = ["blame", "--porcelain", "-w", "-M10", "-C10", "--no-textconv", *ignored, f"-L{max(first, 1)},{max(last, first, 1)}"]
        done = self._repository.run(*words, self._at, *([f"^{since}"] if since else []), "--", file)
        blamed: dict[int, str] = {}
        older: set[str] = set()
        commit = ""
        for line in done.stdout.decode("utf-8", "replace").splitlines() if done.returncode == 0 else ():
            parts = line.split(" ")
            if len(parts) in (3, 4) and len(parts[0]) >= 40 and not line.startswith("\t"):
                commit = parts[0]
                blamed[int(parts[2])] = commit
            elif line == "boundary" and since:
                older.add(commit)
        return {line: commit for line, commit in blamed.items() if commit not in older}

    def _formal(self) -> Iterator[str]:
        """Commits that changed none of the code in any file of ours that they touched."""
        by_commit: dict[str, list[Change]] = {}
        for change in self.changes:
            by_commit.setdefault(change.commit, []).append(change)
        for commit, changes in by_commit.items():
            if all(change.before and change.after and same_code(change.file, *self.texts(change)) for change in changes):
                yield commit

    def _is_formal(self, commit: str, file: str) -> bool:
        """For a blamed commit older than the recent ones: whether its file is the same code before and after."""
        if any(change.commit == commit for change in self.changes):
            return commit in self.empty
        done = self._repository.run("cat-file", "--batch", stdin=f"{commit}^:{file}\n{commit}:{file}\n".encode())
        try:
            before, after = _batched(done.stdout)
        except ValueError:
            return False
        return same_code(file, before, after)


def same_code(file: str, before: str, after: str) -> bool:
    """Whether two texts are the same program: by syntax tree for Python, by everything but white space elsewhere."""
    if file.endswith(".py"):
        one, two = _dump(file, before), _dump(file, after)
        return bool(one) and one == two
    return before.split() == after.split()


def _changes(repository: Repository, at: str, files: Sequence[str], before: datetime | None) -> Iterator[Change]:
    names = {file: file for file in files}
    start = at
    for _ in range(_RENAMES):
        born: dict[str, str] = {}
        for commit, status, old, new, path in _raw(repository, start, sorted(names), before):
            yield Change(commit, names[path], old, new)
            if status == "A":
                born[path] = commit
        names, start = _renamed(repository, names, born)
        if not names:
            return


def _renamed(repository: Repository, names: Mapping[str, str], born: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """The former names of files that a rename brought, and the commit before the youngest of these renames."""
    former: dict[str, str] = {}
    start = ""
    for path, commit in born.items():
        listing = repository.run("diff-tree", "-r", "-M", "-z", "--diff-filter=R", "--name-status", "--no-commit-id", commit).stdout
        fields = listing.decode("utf-8", "surrogateescape").split("\0")
        for old, new in zip(fields[1::3], fields[2::3], strict=False):
            if new == path:
                former[old] = names[path]
                start = start or f"{commit}^"
    return former, start


def _raw(repository: Repository, at: str, paths: Sequence[str], before: datetime | None) -> Iterator[tuple[str, str, str, str, str]]:
    words = ["log", "-z", "--raw", "--no-abbrev", "--no-renames", f"--max-count={RECENT}", "--format=%x02%H"]
    words += [f"--before={before.isoformat()}"] if before else []
    done = repository.run(*words, at, "--", *paths)
    commit = ""
    fields = iter(done.stdout.decode("utf-8", "surrogateescape").split("\0"))
    for field in fields:
        text = field.strip("\n")
        if text.startswith("\x02"):
            commit = text[1:]
        elif text.startswith(":"):
            _, _, old, new, status = text.split(" ")
            path = next(fields, "")
            if path in paths:
                yield commit, status[:1], old.strip("0") and old, new.strip("0") and new, path


def _blobs(repository: Repository, ids: Sequence[str]) -> Mapping[str, bytes]:
    try:
        return repository.blobs(ids)
    except Refusal:
        return {}


def _before(text: str, wanted: str) -> list[str]:
    """What stands before each line of this text, blank lines and comments apart."""
    lines = [line.strip() for line in text.split("\n")]
    told = [line for line in lines if line and not line.startswith(("#", "//"))]
    return [one for one, two in pairwise(told) if two == wanted]


def _text(repository: Repository, blob: str) -> str:
    return _blobs(repository, [blob]).get(blob, b"").decode("utf-8", "replace")


def _batched(output: bytes) -> list[str]:
    """The contents of a batch of objects; raises ValueError when one is missing."""
    found: list[str] = []
    at = 0
    while at < len(output):
        end = output.index(b"\n", at)
        size = int(output[at:end].split()[2]) if output[at:end].count(b" ") == 2 else -1
        if size < 0:
            raise ValueError(output[at:end])
        found.append(output[end + 1 : end + 1 + size].decode("utf-8", "replace"))
        at = end + size + 2
    if len(found) != 2:
        raise ValueError(len(found))
    return found


@lru_cache(maxsize=512)
def _functions(file: str, text: str) -> dict[str, str]:
    module = parsed(file, text) if file.endswith(".py") else None
    return {name: ast.dump(function.node) for name, function in module.functions.items()} if module else {}


@lru_cache(maxsize=512)
def _dump(file: str, text: str) -> str:
    module = parsed(file, text)
    return ast.dump(_bare(module.tree)) if module else ""


def _bare(tree: ast.Module) -> ast.Module:
    """The tree without documentation: a changed docstring changes nothing that runs."""
    body = tree.body[1:] if tree.body and ast.get_docstring(tree, clean=False) is not None else tree.body
    return ast.Module(body, [])
