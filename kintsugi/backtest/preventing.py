"""What guards would have stopped: each fix compiled when it was made, and from then on every commit checked with the guards that there were.

Time runs one way here: a guard never sees a commit older than the fix that taught it, and no fix teaches what stopped its own mistake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from kintsugi.backtest.mining import runs
from kintsugi.backtest.model import Answer, Past, Told
from kintsugi.backtest.scene import LONGEST, Scene
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import Repository
from mcp_servers.knowledge.guards import backtest, compiling
from mcp_servers.knowledge.guards.checking import check_all
from mcp_servers.knowledge.guards.model import Guard

_AT_ONCE = 600
_MOST_FILES = 40


@dataclass(frozen=True, slots=True)
class Taught:
    """A guard with the commit and the moment from which it could have spoken."""

    guard: Guard
    commit: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Alarm:
    """A commit that brought what a guard of an earlier fix objects to."""

    commit: str
    guard: str
    path: str


@dataclass(frozen=True, slots=True)
class _Change:
    past: Past
    path: str
    before: str
    after: str


def compiled(scene: Scene) -> Guard | None:
    """The guard that the fix would have taught, tried on the repository as it was then; None when its change proves none."""
    if not scene.before:
        return None
    corpora = [partial(backtest.history, scene.repository, scene.base, tuple(scene.before)), backtest.standard_library]
    message = f"{scene.incident.commit.id[:12]} mended this once: {scene.incident.commit.subject}"[:200]
    try:
        return compiling.compile(scene.before, scene.after, message, backtest=backtest.backtested(corpora))
    except Refusal:
        return None


def alarms(repository: Repository, pasts: Sequence[Past], taught: Sequence[Taught]) -> list[Alarm]:
    """Which commits the guards of earlier fixes object to, by what they brought and did not find there."""
    guards = {one.guard["id"]: one for one in sorted(taught, key=lambda one: one.since, reverse=True)}
    changes = [change for past in pasts for change in _changes(past, guards)]
    found: list[Alarm] = []
    for start in range(0, len(changes), _AT_ONCE):
        found += _of_changes(repository, changes[start : start + _AT_ONCE], guards)
    return list(dict.fromkeys(found))


def prevented(told: Told, first: datetime | None, pasts: Mapping[str, Past], raised: Sequence[Alarm]) -> Answer:
    """Whether a guard of an earlier fix speaks of a commit that brought this incident, in a file that had to be mended."""
    if not told.culprits:
        return Answer(None, "no commit is known to have brought it")
    made = [pasts[id] for id in told.culprits if id in pasts]
    if not made:
        return Answer(None, "it was brought before the window")
    if first is None or all(past.at <= first for past in made):
        return Answer(None, "no fix was there to learn from when it was brought")
    ids = {past.id for past in made}
    spoke = next((one for one in raised if one.commit in ids and one.path in told.incident.paths), None)
    return Answer(spoke is not None, f"{spoke.guard} speaks" if spoke else "no guard speaks", 1 if spoke else 0)


def _changes(past: Past, guards: Mapping[str, Taught]) -> list[_Change]:
    if len(past.changes) > _MOST_FILES or not any(one.since < past.at for one in guards.values()):
        return []
    wanted = [change for change in past.changes if not change.deleted and runs(change.path) and change.new_mode.startswith("100")]
    return [_Change(past, change.path, change.old_id if change.old_id.strip("0") else "", change.new_id) for change in wanted]


def _of_changes(repository: Repository, changes: Sequence[_Change], guards: Mapping[str, Taught]) -> list[Alarm]:
    """One run over all texts; a finding that the file had before the commit is not the commit's."""
    try:
        blobs = repository.blobs(sorted({id for change in changes for id in (change.before, change.after) if id}))
    except Refusal:  # a partial clone
        return []
    named = {f"{id}/{change.path}": id for change in changes for id in (change.before, change.after) if id}
    texts = {name: blobs[id].decode("utf-8", "replace") for name, id in named.items() if len(blobs[id]) <= LONGEST}
    counts: dict[tuple[str, str], int] = {}
    for finding in check_all([one.guard for one in guards.values()], texts):
        counts[finding.path, finding.guard] = counts.get((finding.path, finding.guard), 0) + 1
    found: list[Alarm] = []
    for change in changes:
        for id, one in guards.items():
            now, then = (counts.get((f"{blob}/{change.path}", id), 0) for blob in (change.after, change.before))
            if now > then and one.since < change.past.at and one.commit != change.past.id:
                found.append(Alarm(change.past.id, id, change.path))
    return found
