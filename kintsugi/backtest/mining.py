"""The changes of the past that mended something: fixes by what their messages claim and what they touch, reverts by message, trailer and content."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import PurePosixPath

from kintsugi.backtest import messages
from kintsugi.backtest.model import Claim, Incident, Past
from mcp_servers.fixes.policy import is_test
from mcp_servers.fixes.suspects.configured import is_setting
from mcp_servers.fixes.suspects.history import same_code
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import ABSENT, FileChange, Repository

_RECORD = re.compile(r"\x02(?=[0-9a-f]{40,64}\x01[0-9a-f ]*\x01\d)")
_MOST_COMMITS = 50_000
_MOST_FILES = 30
"""A change of more files than this is a release, an import or a sweep; nobody can say which line of it mended what."""
_PROSE = frozenset(
    {".md", ".rst", ".txt", ".adoc", ".svg", ".png", ".jpg", ".gif", ".ico", ".po", ".pot", ".lock", ".sum", ".map", ".snap", ".csv"}
)
_ASIDE = frozenset(
    {"doc", "docs", ".github", ".circleci", ".gitlab", "changes", "changelog.d", "newsfragments", "vendor", "node_modules", "third_party"}
)
_LOCKS = frozenset({"package-lock.json", "pnpm-lock.yaml", "composer.lock", "go.sum", "license", "notice", "authors", "codeowners"})


def history(repository: Repository, ref: str, since: datetime) -> list[Past]:
    """The commits with one parent that `ref` has since then, oldest first; merges only join what others changed."""
    form = "--format=%x02%H%x01%P%x01%cI%x01%B%x03"
    words = ("log", "-z", "--raw", "--no-abbrev", "--no-renames", "--no-merges", "--topo-order", f"--max-count={_MOST_COMMITS}")
    done = repository.run(*words, f"--since={since.isoformat()}", form, repository.head(ref), timeout=300)
    if done.returncode:
        raise Refusal(f"git could not read the history of {ref}; `git fsck` says what is wrong with the repository.", code="git_failed")
    return list(reversed(list(_pasts(done.stdout.decode("utf-8", "surrogateescape")))))


def claims(pasts: Sequence[Past]) -> list[Claim]:
    """The commits whose messages or contents say that they mend something or take a commit back, in their order."""
    by_id = {past.id: past for past in pasts}
    latest: dict[str, Past] = {}
    inverse: dict[frozenset[tuple[str, str, str]], Past] = {}
    taken_back: set[str] = set()
    found: list[Claim] = []
    for past in pasts:
        reverted = _reverted(past, by_id, latest, inverse)
        latest[past.subject] = past
        inverse[_footprint(past)] = past
        if reverted and reverted in taken_back:
            continue
        if reverted:
            taken_back.add(past.id)
        why = f"it takes {reverted[:12]} back" if reverted else messages.mends(past.message)
        if why and not messages.again(past.message) and 0 < len(past.changes) <= _MOST_FILES:
            found.append(Claim(past, why, reverted))
    return found


def mine(repository: Repository, claimed: Sequence[Claim], most: int = 0, tell: Callable[[str], None] = lambda _: None) -> list[Incident]:
    """The incidents among these commits, in their order; with `most` the latest alone, and no older one is read.

    What mended only prose, tests, form or machinery of the build is none.
    """
    found: list[Incident] = []
    for number, claim in enumerate(reversed(claimed), start=1):
        tell(f"reading what was mended, {number} of {len(claimed)}")
        if incident := _incident(repository, claim):
            found.append(incident)
        if most and len(found) == most:
            break
    return found[::-1]


def runs(path: str) -> bool:
    """Whether a file is part of what runs or configures it: no test, no prose, no lock, nothing beside the product."""
    pure = PurePosixPath(path)
    aside = {part.lower() for part in pure.parts[:-1]} & _ASIDE
    return not (aside or is_test(path) or pure.suffix.lower() in _PROSE or pure.name.lower() in _LOCKS or pure.name.startswith(".git"))


def _pasts(output: str) -> Iterator[Past]:
    for record in _RECORD.split(output)[1:]:
        head, _, raw = record.partition("\x03\0")
        id, parents, at, message = head.split("\x01", 3)
        if parents and " " not in parents:
            readable = message.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            yield Past(id, parents, datetime.fromisoformat(at), readable, tuple(_raw(raw)))


def _raw(raw: str) -> Iterator[FileChange]:
    fields = iter(raw.split("\0"))
    for field in fields:
        if (text := field.lstrip("\n")).startswith(":"):
            old_mode, new_mode, old, new, _ = text[1:].split(" ")
            yield FileChange(next(fields, ""), old_mode, new_mode, old, new)


def _incident(repository: Repository, claim: Claim) -> Incident | None:
    past, reverted = claim.commit, claim.reverted
    touched = [change for change in past.changes if runs(change.path) and _plain(change)]
    paths = _changed(repository, [change for change in touched if reverted or not change.added])
    if not paths:
        return None
    tests = tuple(change.path for change in past.changes if is_test(change.path) and not change.deleted)
    return Incident(past, "revert" if reverted else "fix", claim.why, paths, tests, reverted, messages.references(past.message))


def _plain(change: FileChange) -> bool:
    return all(mode == ABSENT or mode.startswith("100") for mode in (change.old_mode, change.new_mode))


def _changed(repository: Repository, changes: Sequence[FileChange]) -> tuple[str, ...]:
    """The files of which more than the form was changed."""
    ids = {id for change in changes for id in (change.old_id, change.new_id) if id.strip("0")}
    try:
        texts = {id: data.decode("utf-8", "replace") for id, data in repository.blobs(sorted(ids)).items()}
    except Refusal:  # a partial clone: what is not here cannot be compared
        return ()
    return tuple(
        change.path
        for change in changes
        if (is_setting(change.path) or not same_code(change.path, texts.get(change.old_id, ""), texts.get(change.new_id, "")))
        and "\0" not in texts.get(change.new_id, "")
    )


def _reverted(
    past: Past, by_id: Mapping[str, Past], latest: Mapping[str, Past], inverse: Mapping[frozenset[tuple[str, str, str]], Past]
) -> str:
    """The commit that this one takes back: named by id, by subject, or told by its content alone, which is the other's the other way round."""
    if messages.again(past.message):
        return ""
    named, subject = messages.reverts(past.message)
    if named:
        return next((id for id in by_id if id.startswith(named)), named if len(named) >= 40 else "")
    if subject and (known := latest.get(subject) or _begins(latest, subject)):
        return known.id
    back = inverse.get(frozenset((path, new, old) for path, old, new in _footprint(past))) if past.changes else None
    return back.id if back else ""


def _begins(latest: Mapping[str, Past], subject: str) -> Past | None:
    """The commit of a quoted subject that a forge gave a number afterwards."""
    return next((past for known, past in latest.items() if known.startswith(f"{subject} (")), None)


def _footprint(past: Past) -> frozenset[tuple[str, str, str]]:
    return frozenset((change.path, change.old_id, change.new_id) for change in past.changes)
