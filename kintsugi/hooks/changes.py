"""What git is about to record or to send, as far as a hook has to know it: paths and blobs, by plumbing, in the environment that git gave us."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_SECONDS = 30
_MOST_FILES = 2_000
_ABSENT = "000000"


@dataclass(frozen=True)
class Change:
    """One path that differs; `blob` is its content now, empty for a path that is deleted or no file."""

    path: str
    blob: str


@dataclass(frozen=True)
class Range:
    """What is pushed: the commits or trees to compare."""

    base: str
    head: str

    def __str__(self) -> str:
        return f"{self.base}..{self.head}"


def staged() -> list[Change]:
    """What the commit would change."""
    return _changes("--cached")


def between(span: Range) -> list[Change]:
    """What differs between the ends of the range."""
    return _changes(span.base, span.head)


def pushed(lines: Sequence[str], remote: str) -> Iterator[Range]:
    """The ranges of what `pre-push` announces on its standard input: `<local ref> <local id> <remote ref> <remote id>`."""
    for words in (line.split() for line in lines):
        if len(words) != 4 or not words[1].strip("0"):
            continue
        head, known = words[1], words[3]
        base = known if known.strip("0") and _git("cat-file", "-t", known) else _first_unknown(head, remote)
        if base:
            yield Range(base, head)


def texts(blobs: Sequence[str]) -> dict[str, str]:
    """The contents of blobs by id, in one call of git."""
    answer = _git("cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in blobs).encode())
    found: dict[str, str] = {}
    at = 0
    while at < len(answer):
        end = answer.index(b"\n", at)
        blob, _, size = answer[at:end].decode().partition(" blob ")
        length = int(size) if size else -1
        if length >= 0:
            found[blob] = answer[end + 1 : end + 1 + length].decode("utf-8", "replace")
        at = end + 2 + length
    return found


def where() -> tuple[str, str, str]:
    """The top folder, the commit and the branch that is checked out; empty texts where there is none."""
    lines = _git("rev-parse", "--show-toplevel", "HEAD", "--symbolic-full-name", "HEAD").decode("utf-8", "replace").splitlines()
    top, commit, branch = (*lines, "", "", "")[:3]
    return top, commit, branch.removeprefix("refs/heads/")


def _changes(*what: str) -> list[Change]:
    """Raises `OverflowError` for more files than a hook looks into."""
    fields = (
        _git("diff", "--raw", "-z", "--no-renames", "--no-abbrev", "--no-ext-diff", *what, "--")
        .decode("utf-8", "surrogateescape")
        .split("\0")
    )
    if len(fields) > 2 * _MOST_FILES:
        raise OverflowError
    heads = ((head.split(), path) for head, path in zip(fields[::2], fields[1::2], strict=False))
    return [Change(path, head[3] if head[1] not in {_ABSENT, "160000"} else "") for head, path in heads]


def _first_unknown(head: str, remote: str) -> str:
    """The parent of the oldest commit that the remote does not have: the empty tree for a root, nothing where it has them all."""
    commits = _git("rev-list", "--topo-order", "--reverse", head, "--not", f"--remotes={remote}").decode().split()
    if not commits:
        return ""
    parents = _git("rev-list", "--parents", "-n1", commits[0]).decode().split()[1:]
    return parents[0] if parents else _git("hash-object", "-t", "tree", "--stdin").decode().strip()


def _git(*words: str, stdin: bytes = b"") -> bytes:
    done = subprocess.run(["git", *words], input=stdin, capture_output=True, timeout=_SECONDS, check=False)
    return done.stdout if done.returncode == 0 else b""
