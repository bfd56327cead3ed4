"""Reads the patterns of a repository from its commits: what it uses at its head, and which values each commit changed and why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mcp_servers.kit.git import Commit, FileChange, Repository
from mcp_servers.kit.redaction import clean
from mcp_servers.knowledge.patterns.changes import changes
from mcp_servers.knowledge.patterns.extraction import extract, ships
from mcp_servers.knowledge.patterns.model import Change, Notice, Scanned, Use
from mcp_servers.knowledge.patterns.store import PatternStore

MOST_COMMITS, MOST_FILES = 200, 5_000
_CASE = re.compile(r"\b(case_[0-9a-f]{8,}|fix_\d{8}_\d{6}\w*|KIN-\d+)\b")
_MENDS = re.compile(r"(?i)^(?:(?:hot)?fix(?:es|ed)?\b|revert\b|bug\b)|\b(?:hotfix|bugfix|incident|outage|regression)\b")


@dataclass(frozen=True, slots=True)
class Report:
    """What a scan found: uses at the head, the changes of the commits it read, whom they concern, and how many commits that were."""

    repository: str
    commit: str
    commits: int
    uses: list[Use]
    changes: list[Change]
    notices: list[Notice]


def scan(store: PatternStore, repository: Repository, name: str, *, commit: str = "", span: str = "", keep: bool = True) -> Report:
    """Scans one commit, a range A..B, or what came since the last scan (everything at first). With `keep`, the store learns of it.

    Raises `Refusal` for a commit that is none.
    """
    head, last = repository.head(), store.known(name)[1]
    whole = not last or repository.resolve(last) is None
    read = _commits(repository, head, "" if whole else last, commit, span)
    found, touched = _changes(repository, name, read)
    entries = [entry for entry in repository.entries(head) if entry.mode.startswith("100") and ships(entry.path)]
    wanted = [entry for entry in entries if whole or entry.path in touched][:MOST_FILES]
    blobs = repository.blobs([entry.id for entry in wanted])
    here = extract({entry.path: _text(blobs[entry.id]) for entry in wanted})
    uses: dict[str, list[Use]] = {
        path: here.get(path, []) for path in ({entry.path for entry in wanted} | (set[str]() if whole else touched))
    }
    notices = store.record(name, Scanned(uses, found), whole=whole) if keep else []
    if keep and (whole or not (commit or span)):
        store.know(name, str(repository.git_dir.parent), head)
    return Report(name, head, len(read), [use for some in here.values() for use in some], found, notices)


def _commits(repository: Repository, head: str, last: str, commit: str, span: str) -> list[Commit]:
    """The commits to read, oldest first; none where nothing is known of the repository yet."""
    if commit:
        return [repository.commits([(id := repository.head(commit))])[id]]
    if span:
        first, _, end = span.partition("..")
        old, new = repository.head(first or "HEAD"), repository.head(end.lstrip(".") or "HEAD")
        return repository.log(new, exclude=old, limit=MOST_COMMITS)[::-1]
    return repository.log(head, exclude=last, limit=MOST_COMMITS)[::-1] if last else []


def _changes(repository: Repository, name: str, commits: Sequence[Commit]) -> tuple[list[Change], set[str]]:
    """The changed values of these commits, and every path they touched that ships."""
    differences = {commit.id: list(_differences(repository, commit.id)) for commit in commits}
    ids = {id for some in differences.values() for one in some for id in (one.old_id, one.new_id)}
    blobs = repository.blobs(sorted(ids))
    files = {
        f"{commit}/{side}/{one.path}": _text(blobs[id])
        for commit, some in differences.items()
        for one in some
        for side, id in (("before", one.old_id), ("after", one.new_id))
    }
    uses, bodies = extract(files), _messages(repository, [commit.id for commit in commits])
    found: list[Change] = []
    for commit in commits:
        told = _told(name, commit, bodies.get(commit.id, ""))
        for one in differences[commit.id]:
            before, after = (uses.get(f"{commit.id}/{side}/{one.path}", []) for side in ("before", "after"))
            found += [replace(change, path=one.path) for change in changes(before, after, told)]
    touched = {change.path for commit in commits for change in repository.changes(_parent(repository, commit.id), commit.id)}
    return found, {path for path in touched if ships(path)}


def _differences(repository: Repository, commit: str) -> Iterator[FileChange]:
    """The files that a commit changed and that were there before."""
    for one in repository.changes(_parent(repository, commit), commit):
        if not (one.added or one.deleted) and one.new_mode.startswith("100") and ships(one.path):
            yield one


def _parent(repository: Repository, commit: str) -> str:
    return repository.resolve(f"{commit}^") or repository.tree(commit)


def _messages(repository: Repository, ids: Sequence[str]) -> Mapping[str, str]:
    if not ids:
        return {}
    told = repository.run("log", "-z", "--no-walk=unsorted", "--format=%H%n%B", *ids, "--").stdout.decode("utf-8", "replace")
    return {text.partition("\n")[0]: text.partition("\n")[2] for text in told.split("\0") if text}


def _told(name: str, commit: Commit, message: str) -> Change:
    """What all changes of a commit share: its subject is the reason; a case, fix or ticket that its message names is the cause."""
    named = _CASE.search(message)
    cause = named[1] if named else f"commit {commit.id[:12]}" if _MENDS.search(commit.subject) else ""
    return Change(
        name, "", "", "", "", commit=commit.id, reason=str(clean(commit.subject))[:300], cause=cause, at=datetime.fromisoformat(commit.at)
    )


def _text(blob: bytes) -> str:
    return blob.decode("utf-8", "replace")
