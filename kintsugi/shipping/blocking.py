"""Which cases hold a release, why, and the way out of each. Values in, values out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from mcp_servers.cases.model import Case, State
from mcp_servers.kit.stack import StackTrace, resolve_path

DONE = frozenset({State.VERIFIED, State.FALSE_POSITIVE, State.ROLLED_BACK, State.DEPLOYED})
"""Cases that hold nothing: over, taken back, or on trial in production already."""


@dataclass(frozen=True, slots=True)
class Held:
    """Something that holds a release."""

    case: str
    why: str
    way_out: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What is about to ship: its changed files (None: everything) among all, its service (empty: all), and whether it has a commit in it."""

    files: Collection[str] | None
    tree: Collection[str]
    service: str
    has: Callable[[str], bool]


def holding(cases: Iterable[Case], scope: Scope) -> list[Held]:
    """The cases that are open on what ships. One whose fix ships with it holds nothing; one whose place nobody knows could be anywhere."""
    return [
        Held(case.id, f"{case.title} ({case.state}{_where(case, scope)})", _way_out(case))
        for case in cases
        if case.state not in DONE and _touched(case, scope) and not _mended(case, scope)
    ]


def places(case: Case, tree: Collection[str]) -> set[str]:
    """The files of a tree that a case is about: where its cause is, and where nobody knows that, those that its trace runs through."""
    named = str(case.diagnosis.get("file") or "")
    if named:
        return {named}
    trace = case.evidence.get("trace")
    thrown = StackTrace.from_json(trace).exceptions if trace else ()
    printed = {frame.file for exception in thrown for frame in exception.frames if frame.in_app}
    return {path for one in printed if (path := resolve_path(one, tree))}


def counted(cases: Iterable[Case], tree: Collection[str]) -> Mapping[str, int]:
    """How many cases each file had, wrong alarms left out."""
    counts: dict[str, int] = {}
    for case in cases:
        for path in places(case, tree) if case.state is not State.FALSE_POSITIVE else ():
            counts[path] = counts.get(path, 0) + 1
    return counts


def _touched(case: Case, scope: Scope) -> bool:
    if scope.service and case.service != scope.service:
        return False
    if scope.files is None:
        return True
    found = places(case, scope.tree)
    return not found or not found.isdisjoint(scope.files)


def _mended(case: Case, scope: Scope) -> bool:
    return bool(case.state is State.APPLIED and case.fix and case.fix.commit and scope.has(case.fix.commit))


def _where(case: Case, scope: Scope) -> str:
    if scope.files is None:
        return ""
    found = sorted(places(case, scope.tree) & set(scope.files))
    return f"; {', '.join(found[:3])}" if found else "; its place is not known"


def _way_out(case: Case) -> str:
    if case.state is State.PROPOSED and case.fix:
        return f"kintsugi approve {case.fix.id}" if case.fix.certified else f"kintsugi heal {case.id}"
    if case.state is State.APPROVED and case.fix:
        return f"kintsugi fix apply {case.fix.id}"
    if case.state is State.APPLIED and case.fix:
        return f"merge {case.fix.branch or case.fix.id}: what ships does not have it yet"
    if case.state in (State.INCONCLUSIVE, State.REJECTED):
        return f"kintsugi cases {case.id}"
    return f"kintsugi heal {case.id}"
