"""git, the program: plumbing only, through one hardened runner. Never the user's worktree, index, hooks, filters or configuration."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.gitrun import DISTRUST, as_user, hardened
from mcp_servers.kit.reflocks import attempt, not_moved

ABSENT = "000000"
"""The mode of a path on the side of a difference where it does not exist."""
FILE, EXECUTABLE, LINK, GITLINK = "100644", "100755", "120000", "160000"

_BLOBS_AT_ONCE = 256
_LINES_AT_ONCE = 2_000
_COMMIT_FORMAT = "--format=%H%x01%an%x01%cI%x01%s"


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit. `at` is the committer's time, ISO-8601."""

    id: str
    author: str
    at: str
    subject: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a tree."""

    mode: str
    id: str
    path: str


@dataclass(frozen=True, slots=True)
class FileChange:
    """One path of a tree difference. A mode is `ABSENT` on the side where the path does not exist; ids are blob ids."""

    path: str
    old_mode: str
    new_mode: str
    old_id: str
    new_id: str

    @property
    def added(self) -> bool:
        return self.old_mode == ABSENT

    @property
    def deleted(self) -> bool:
        return self.new_mode == ABSENT


@dataclass(frozen=True, slots=True)
class Blob:
    """What a path shall hold in a new tree."""

    content: bytes
    mode: str = FILE


class Repository:
    """A git repository, read and written through its object store and its refs alone."""

    def __init__(self, git_dir: Path, common_dir: Path) -> None:
        self.git_dir = git_dir
        self.common_dir = common_dir

    @classmethod
    def at(cls, path: Path, *, empty: bool = False) -> Repository:
        """The repository that holds `path`; raises `Refusal` when there is none or it has no commit (but with `empty`), `Misconfigured` without git."""
        if not path.is_dir():
            raise Refusal(f"{path} is not a folder; name the folder of a git repository.", code="no_repository")
        asked = ("rev-parse", "--absolute-git-dir", "--git-common-dir")
        done = hardened(asked, cwd=path)
        found = _text(done.stdout) if done.returncode == 0 else as_user(path, *asked) if DISTRUST in _text(done.stderr) else ""
        if not found:
            raise Refusal(f"{path} is not a git repository; run `git init` there, or name another folder.", code="no_repository")
        git_dir, common = found.splitlines()
        repository = cls(Path(git_dir), (path / common).resolve())
        if not empty and not repository._git("for-each-ref", "--count=1") and repository.resolve("HEAD") is None:
            raise Refusal(f"The repository {path} has no commit yet; commit something first.", code="empty_repository")
        return repository

    # reading

    def resolve(self, name: str) -> str | None:
        """The commit that a ref, tag or id names, or None."""
        if not name or name.startswith("-"):
            return None
        done = self.run("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        return _text(done.stdout).strip() if done.returncode == 0 else None

    def head(self, ref: str = "HEAD") -> str:
        """The commit that `ref` names; raises `Refusal` when it names none."""
        commit = self.resolve(ref)
        if commit is None:
            raise Refusal(f"{ref!r} names no commit of {self.git_dir.parent}; give a branch, a tag or a commit id.", code="unknown_ref")
        return commit

    def tree(self, treeish: str) -> str:
        """The tree of a commit, or the tree itself; raises `Refusal` when it is neither."""
        done = self.run("rev-parse", "--verify", "--quiet", f"{treeish}^{{tree}}") if not treeish.startswith("-") else None
        if done is None or done.returncode:
            raise Refusal(f"{treeish!r} names no tree of {self.git_dir.parent}.", code="unknown_ref")
        return _text(done.stdout).strip()

    def identity(self, commit: str) -> str:
        """What tells this repository from others, on every clone: the id of its root commit (the least one of several)."""
        return min(self._git("rev-list", "--max-parents=0", commit).split())

    def entries(self, treeish: str, path: str = "") -> list[Entry]:
        """Every file of a tree in the order of git, or the one at `path`."""
        only = ("--", path) if path else ()
        listing = self._git("ls-tree", "-r", "-z", "--full-tree", treeish, *only)
        return [_entry(line) for line in listing.split("\0") if line]

    def files(self, treeish: str) -> list[str]:
        return [entry.path for entry in self.entries(treeish)]

    def entry(self, treeish: str, path: str) -> Entry | None:
        """The file at exactly `path`, or None."""
        if not path or path.startswith("/") or ".." in path.split("/"):
            return None
        return next((entry for entry in self.entries(treeish, path) if entry.path == path), None)

    def read(self, treeish: str, path: str) -> bytes:
        """The content of a file of a tree; raises `Refusal` when it is not there."""
        entry = self.entry(treeish, path)
        if entry is None or entry.mode == GITLINK:
            raise Refusal(f"{path!r} is not a file at {treeish[:12]}.", code="no_such_file")
        return self.blobs([entry.id])[entry.id]

    def text(self, treeish: str, path: str) -> str:
        """The content as text; bytes that are not UTF-8 are shown as escapes."""
        return self.read(treeish, path).decode("utf-8", "backslashreplace")

    def blobs(self, ids: Sequence[str]) -> dict[str, bytes]:
        """The contents of blobs, by id, in one process; raises `Refusal` for an id that is no object here."""
        output = self._bytes("cat-file", "--batch", stdin="\n".join(ids).encode() + b"\n") if ids else b""
        contents: dict[str, bytes] = {}
        at = 0
        for wanted in ids:
            end = output.index(b"\n", at)
            header = output[at:end].split()
            if len(header) != 3:
                raise Refusal(f"The object {wanted} is missing from {self.git_dir}.", code="missing_object")
            size = int(header[2])
            contents[wanted] = output[end + 1 : end + 1 + size]
            at = end + size + 2
        return contents

    def blame(self, commit: str, path: str, first: int, last: int | None = None) -> dict[int, str]:
        """The commit that last changed each line; empty when the file or the lines are not there."""
        lines = f"{max(first, 1)},{max(last or first, first, 1)}"
        done = self.run("blame", "--porcelain", "-w", "--no-textconv", f"-L{lines}", commit, "--", path)
        blamed: dict[int, str] = {}
        for line in _text(done.stdout).splitlines() if done.returncode == 0 else ():
            words = line.split(" ")
            if len(words) in (3, 4) and len(words[0]) >= 40 and not line.startswith("\t"):
                blamed[int(words[2])] = words[0]
        return blamed

    def log(
        self,
        revision: str,
        path: str = "",
        *,
        limit: int = 100,
        exclude: str = "",
        before: datetime | None = None,
        first_parent: bool = False,
    ) -> list[Commit]:
        """Commits reachable from `revision`, newest first: those that touch `path`, not in `exclude`, not after `before`."""
        words = ["log", "-z", f"--max-count={limit}", _COMMIT_FORMAT]
        words += [f"--before={before.isoformat()}"] if before else []
        words += ["--first-parent"] if first_parent else []
        words += [revision, *([f"^{exclude}"] if exclude else []), "--", *([path] if path else [])]
        return [Commit(*line.split("\x01", 3)) for line in self._git(*words).strip("\0\n").split("\0") if line]

    def commits(self, ids: Sequence[str]) -> dict[str, Commit]:
        """These commits, by id; raises `Refusal` for an id that is none."""
        lines = self._git("log", "-z", "--no-walk=unsorted", _COMMIT_FORMAT, *ids, "--").strip("\0\n").split("\0") if ids else []
        return {commit.id: commit for commit in (Commit(*line.split("\x01", 3)) for line in lines)}

    def tags(self) -> dict[str, str]:
        """Tag names and their commits, oldest tag first."""
        form = "--format=%(refname:strip=2)%00%(objectname)%00%(*objectname)"
        listing = self._git("for-each-ref", "refs/tags", "--sort=creatordate", form)
        rows = [line.split("\0") for line in listing.splitlines()]
        return {name: peeled or direct for name, direct, peeled in rows}

    def contains(self, commit: str, ancestor: str) -> bool:
        """Whether `ancestor` is `commit` or lies before it."""
        return self.run("merge-base", "--is-ancestor", ancestor, commit).returncode == 0

    def changes(self, base: str, tree: str) -> list[FileChange]:
        """What differs between two trees, renames taken apart."""
        return _changes(self._git("diff-tree", "-r", "-z", "--raw", "--no-renames", "--full-index", self.tree(base), self.tree(tree)))

    def staged(self, index: Path | None = None) -> list[FileChange]:
        """What the next commit would change in HEAD, as the index has it (or another one: git commits named paths through its own).

        The first commit of a branch changes nothing: it brings everything.
        """
        env = {"GIT_INDEX_FILE": str(index.resolve())} if index else {}
        base = self.resolve("HEAD") or self._git("hash-object", "-t", "tree", "--stdin").strip()
        return _changes(self._git("diff-index", "--cached", "-z", "--raw", "--no-renames", "--full-index", base, env=env))

    def diff(self, base: str, tree: str, *, binary: bool = False) -> str:
        """The difference as people read it, made anew from the two trees."""
        words = ["-p", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--src-prefix=a/", "--dst-prefix=b/"]
        words += ["--binary", "--full-index"] if binary else []
        return self._git("diff-tree", "-r", *words, "--diff-algorithm=histogram", self.tree(base), self.tree(tree))

    def known_lines(self, treeish: str, texts: Sequence[str]) -> set[str]:
        """Those lines of the texts, without the space around them, that are whole lines of some file of the tree."""
        asked = {line.strip() for text in texts for line in text.split("\n")} - {""}
        wanted = sorted(line for line in asked if len(line) < 1_000)[:_LINES_AT_ONCE]
        if not wanted:
            return set()
        patterns = "\n".join(line.replace("\0", "") for line in wanted)
        done = self.run("grep", "-h", "-I", "-F", "--no-textconv", "--no-color", "-f", "-", treeish, stdin=_encode(patterns))
        return {line.strip() for line in _text(done.stdout).split("\n")} & asked

    def checked_out(self, ref: str) -> bool:
        """Whether a worktree (the main one or a linked one) stands on this branch."""
        return f"branch {ref}" in self._git("worktree", "list", "--porcelain").splitlines()

    # writing: objects, and refs by compare-and-swap

    def export(self, treeish: str, folder: Path) -> None:
        """Writes the files of a tree below `folder`, byte for byte. Links that lead out of the folder, and submodules, are left out."""
        entries = [entry for entry in self.entries(treeish) if entry.mode != GITLINK]
        for start in range(0, len(entries), _BLOBS_AT_ONCE):
            group = entries[start : start + _BLOBS_AT_ONCE]
            contents = self.blobs([entry.id for entry in group])
            for entry in group:
                _write_out(folder, entry, contents[entry.id])

    def write_tree_from(self, base: str, changes: Mapping[str, Blob | None]) -> str:
        """The tree of `base` with these paths written or (None) removed; raises `Refusal` for a path that git will not hold."""
        lines: list[str] = []
        for path, blob in changes.items():
            id = self._git("hash-object", "-w", "--stdin", "--no-filters", stdin=blob.content).strip() if blob else "0" * len(base)
            lines.append(f"{blob.mode if blob else '0'} {id}\t{path}\0")
        with self._private_index(base) as index:
            done = self.run("update-index", "-z", "--index-info", stdin=_encode("".join(lines)), env=index)
            if done.returncode or done.stderr:  # a path that git will not hold is only warned about
                raise Refusal(f"git refuses this change: {_first_line(done.stderr)}.", code="path_refused")
            tree = self._git("write-tree", env=index).strip()
        lost = {change.path for change in self.changes(base, tree)} - changes.keys()
        if lost:  # a file gave way to a folder of its name, or the other way round
            raise Refusal(f"This change would remove {min(lost)}; one name cannot be a file and a folder.", code="path_refused")
        return tree

    def apply_diff(self, base: str, diff: str, *, reverse: bool = False) -> str:
        """The tree of `base` after a unified diff, applied strictly and as a whole; raises `Refusal` with git's own words."""
        words = ["apply", "--cached", "--whitespace=nowarn", "--no-ignore-whitespace", *(["--reverse"] if reverse else []), "-"]
        with self._private_index(base) as index:
            done = self.run(*words, stdin=_encode(diff), env=index)
            if done.returncode:
                raise Refusal(f"The diff does not apply: {_first_line(done.stderr)}. Nothing was changed.", code="diff_does_not_apply")
            return self._git("write-tree", env=index).strip()

    def commit_tree(self, tree: str, parents: Sequence[str], message: str, when: datetime) -> str:
        """A commit whose id depends on its arguments alone, so that making it again makes the same one."""
        stamp = f"@{int(when.timestamp())} +0000"
        people = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in _IDENTITY.items()}
        people |= {"GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp}
        before = [word for parent in parents for word in ("-p", parent)]
        return self._git("commit-tree", "--no-gpg-sign", tree, *before, stdin=_encode(message), env=people).strip()

    def update_ref(self, ref: str, new: str, old: str | None) -> None:
        """Moves a ref from `old` (None: it must not exist) to `new`; raises `Refusal` `ref_moved` when it stands elsewhere."""
        with attempt(self.common_dir, ref, new):
            done = self.run("update-ref", "--no-deref", ref, new, old or "0" * len(new))
        if done.returncode:
            raise not_moved(f"{ref} did not move", _first_line(done.stderr))

    def delete_ref(self, ref: str, old: str) -> None:
        """Removes a ref that still points at `old`; raises `Refusal` `ref_moved` otherwise."""
        with attempt(self.common_dir, ref, ""):
            done = self.run("update-ref", "--no-deref", "-d", ref, old)
        if done.returncode:
            raise not_moved(f"{ref} was not removed", _first_line(done.stderr))

    def remote(self, name: str) -> str:
        """The address of a remote as the repository's own settings give it, or an empty string."""
        done = self.run("config", "--local", "--get", f"remote.{name}.url")
        return _text(done.stdout).strip() if done.returncode == 0 else ""

    @contextmanager
    def _private_index(self, base: str) -> Generator[dict[str, str]]:
        with tempfile.TemporaryDirectory(prefix="kintsugi-index-") as folder:
            env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self._git("read-tree", self.tree(base), env=env)
            yield env

    def _git(self, *words: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        return _text(self._bytes(*words, stdin=stdin, env=env))

    def _bytes(self, *words: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        done = self.run(*words, stdin=stdin, env=env)
        if done.returncode:
            raise Refusal(f"git {words[0]} failed in {self.git_dir}: {_first_line(done.stderr)}.", code="git_failed")
        return done.stdout

    def run(
        self, *words: str, stdin: bytes = b"", env: Mapping[str, str] | None = None, timeout: float = 60.0
    ) -> subprocess.CompletedProcess[bytes]:
        """git, once, through the hardened runner; the caller looks at the exit code."""
        return hardened(words, cwd=self.git_dir, stdin=stdin, env={"GIT_DIR": str(self.git_dir), **(env or {})}, timeout=timeout)


_IDENTITY: Mapping[str, str] = {"NAME": "Kintsugi", "EMAIL": "kintsugi@localhost"}


def _entry(line: str) -> Entry:
    head, _, path = line.partition("\t")
    mode, _, id = head.split(" ")
    return Entry(mode, id, path)


def _changes(raw: str) -> list[FileChange]:
    fields = raw.split("\0")
    return [_change(head, path) for head, path in zip(fields[::2], fields[1::2], strict=False) if head]


def _change(head: str, path: str) -> FileChange:
    old_mode, new_mode, old_id, new_id, _ = head.lstrip(":").split(" ")
    return FileChange(path, old_mode, new_mode, old_id, new_id)


def _write_out(folder: Path, entry: Entry, content: bytes) -> None:
    target = folder / entry.path
    if not _inside(folder, target.parent):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if entry.mode == LINK:
        aim = Path(_text(content))
        if not aim.is_absolute() and _inside(folder, target.parent / aim):
            target.symlink_to(aim)
        return
    target.write_bytes(content)
    target.chmod(0o755 if entry.mode == EXECUTABLE else 0o644)


def _inside(folder: Path, path: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _encode(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")


def _first_line(stderr: bytes) -> str:
    lines = [line for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[0].removeprefix("fatal: ").removeprefix("error: ").rstrip(".") if lines else "no reason given"
