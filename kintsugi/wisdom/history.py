"""What git tells of a release: its commits with their files and the issues they name, what was taken back, what was mended."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from mcp_servers.kit.git import Repository

_MOST, _BODY = 1_000, 10_000
_FORMAT = "--format=%x00%H%x00%P%x00%an%x00%cI%x00%s%x00%b%x00"
_PULL = re.compile(r"^Merge pull request #(\d+)\b|\(#(\d+)\)$|^Merged PR (\d+)\b|\(!(\d+)\)$")
_CLOSES = re.compile(
    r"(?i)\b(?:fix(?:e[sd])?|close[sd]?|resolve[sd]?|refs?|issue|ticket|related to|part of)\b:?\s+(#\d{1,9}|[A-Z][A-Z0-9]{1,9}-\d{1,9})\b"
)
_NAMED = re.compile(r"(?<![\w&/])#(\d{1,9})\b")
_KEYED = re.compile(r"\b([A-Z][A-Z0-9]{1,9}-[1-9]\d{0,8})\b")
_STANDARDS = re.compile(r"^(?:UTF|SHA|ISO|RFC|CVE|PEP|MD|AES|TLS|RSA|IEEE|ES|IPV|HTTP|ECMA|CWE|GPT|X)-")
_OURS = re.compile(r"\b(case_[0-9a-f]{8,}|fix_\d{8}_\d{6})\b")
_REVERTED = re.compile(r"This reverts commit ([0-9a-f]{7,40})")
_MENDS = re.compile(r"(?i)^(?:fix|hotfix|bugfix)(?:\([^)]*\))?!?:|^\W*(?:fix(?:e[sd]|ing)?|hotfix|bugfix|repair(?:s|ed)?)\b")
_TEST_FOLDERS = frozenset({"test", "tests", "spec", "specs", "__tests__", "testing", "e2e", "androidTest", "testdata", "fixtures"})
_TEST_NAME = re.compile(r"^(?:test_|conftest\.)|(?:[._-]test|[._-]spec|Tests?|IT|Spec)\.\w+$")
_CODE = re.compile(
    r"(?i)\.(?:py|pyx|js|jsx|mjs|cjs|ts|tsx|vue|svelte|go|rs|java|kt|kts|scala|groovy|rb|php|cs|fs|vb|c|cc|cpp|cxx|h|hh|hpp|m|mm|swift|ex|exs|erl|clj|dart|lua|pl|pm|r|jl|hs|ml|zig|sh|ps1|sql)$"
)


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit. `files` are the paths that it changed; a merge has none of its own."""

    id: str
    parents: tuple[str, ...]
    author: str
    at: str
    subject: str
    body: str
    files: tuple[str, ...] = ()

    @property
    def references(self) -> tuple[str, ...]:
        """The issues, tickets, cases and fixes that its message names: `#12`, `ABC-7`, `case_…`, `fix_…`."""
        told = f"{self.subject}\n{self.body}"
        keys = [key for key in _KEYED.findall(told) if not _STANDARDS.match(key)]
        named = [*_CLOSES.findall(told), *(f"#{number}" for number in _NAMED.findall(told)), *keys, *_OURS.findall(told)]
        return tuple(dict.fromkeys(one for one in named if not _STANDARDS.match(one)))

    @property
    def reverts(self) -> str:
        """The commit that this one takes back, as its message says; empty when it takes none back."""
        found = _REVERTED.search(self.body)
        return found[1] if found else ""

    @property
    def mends(self) -> bool:
        return bool(_MENDS.search(self.subject))

    @property
    def tested(self) -> bool:
        """Whether it changed a test along with the rest."""
        return any(is_test(path) for path in self.files)


@dataclass(frozen=True, slots=True)
class Span:
    """The release that is looked back on: what `head` has and `base` (empty: nothing) has not. `chosen` says why these."""

    base: str
    head: str
    chosen: str


@dataclass(frozen=True, slots=True)
class History:
    """The newest commits, newest first, those of the release among them, and the tags with their commits."""

    span: Span
    commits: tuple[Commit, ...]
    released: tuple[Commit, ...]
    tags: Mapping[str, str]

    def commit(self, id: str) -> Commit | None:
        return next((one for one in self.commits if one.id.startswith(id)), None) if len(id) >= 7 else None


def is_test(path: str) -> bool:
    """Whether a path is a test's by the customs of its language."""
    found = PurePosixPath(path)
    return bool(_TEST_FOLDERS & set(found.parts[:-1])) or bool(_TEST_NAME.search(found.name))


def is_code(path: str) -> bool:
    return bool(_CODE.search(path))


def history(repository: Repository, pull: int = 0) -> History:
    """The history up to HEAD, at most the newest thousand commits. The release is that of a pull request where one is named, else
    what came since the newest tag before HEAD; without a tag all of it."""
    head, tags = repository.head(), repository.tags()
    commits = tuple(_log(repository, head))
    span = _pulled(commits, pull, head) or _tagged(repository, tags, head, pull)
    words = [span.head, *([f"^{span.base}"] if span.base else [])]
    return History(span, commits, tuple(_log(repository, *words)), tags)


def _log(repository: Repository, *revisions: str) -> Iterator[Commit]:
    done = repository.run("log", "-z", "--name-only", "--no-renames", f"--max-count={_MOST}", _FORMAT, *revisions, "--")
    parts = iter(done.stdout.decode("utf-8", "replace").split("\0")[1:])
    for id in parts:
        if not id:
            return
        parents, author, at, subject, body, _ = (next(parts, "") for _ in range(6))
        files: list[str] = []
        for part in parts:
            if not part:
                break
            files.append(part.removeprefix("\n"))
        yield Commit(id, tuple(parents.split()), author, at, subject, body[:_BODY], tuple(files))


def _pulled(commits: Sequence[Commit], pull: int, head: str) -> Span | None:
    for commit in commits if pull else ():
        found = _PULL.search(commit.subject)
        if found and str(pull) in found.groups():
            base = commit.parents[0] if commit.parents else ""
            return Span(base, commit.id, f"pull request #{pull}, which came with {commit.id[:12]}")
    return None


def _tagged(repository: Repository, tags: Mapping[str, str], head: str, pull: int) -> Span:
    missing = f"no commit says that it brought pull request #{pull}; " if pull else ""
    merged = repository.run("for-each-ref", f"--merged={head}", "--sort=-creatordate", "--format=%(refname:strip=2)", "refs/tags")
    for name in merged.stdout.decode("utf-8", "replace").splitlines():
        if tags.get(name, head) != head:
            return Span(tags[name], head, f"{missing}all since the tag {name}")
    return Span("", head, f"{missing}no tag lies before HEAD, so all of the history")
