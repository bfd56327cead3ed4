"""A call that needs another one after it: what is opened is closed, what is locked unlocked, what may fail is looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mcp_servers.knowledge.guards.change import Candidate, Change, anchors_of, call_rule, known_by_name, touches
from mcp_servers.knowledge.guards.constructs import Construct, loosely

_NAME = re.compile(r"[$\w]+")
_FAR = 20
_MOST = 600
_COMPANIONS = 12


def candidates(change: Change) -> Iterator[Candidate]:
    """Calls whose result, or whose subject, is never given to the call that the change added in the same function."""
    known = {one.text for one in change.old if one.head}
    added = [one for one in change.calls(change.new, change.added) if one.text not in known]
    near = _near(change)
    for companion in added[:_COMPANIONS]:
        for call, name in _subjects(change, companion, near):
            scopes = [{"kind": kind} for kind in change.grammar.scopes]
            lacking = {"not": {"inside": {"any": scopes, "stopBy": "end", "regex": _any_of(companion, name)}}}
            rule = call_rule(change, call)
            yield Candidate({**rule, "all": [*rule.get("all", []), lacking, *_kept(change)]}, anchors_of(call.head))


def _subjects(change: Change, companion: Construct, near: Sequence[Construct]) -> Iterator[tuple[Construct, str]]:
    """The calls near the change on whose result or subject the companion works, each with the name of that."""
    subject = re.compile(r"(?<![\w$])" + r"(?!\w)|(?<![\w$])".join(map(re.escape, _names(near, change))) + r"(?!\w)")
    said = set(subject.findall(companion.text))
    for call in (one for one in near if one.head and said):
        holder = next((one for one in near if one.kind == change.grammar.assignment and call.within(one)), None)
        for name in {_target(holder) if holder else "", call.head.rpartition(".")[0]} & said - {""}:
            if known_by_name(change, call):
                yield call, name


def _names(near: Sequence[Construct], change: Change) -> list[str]:
    """What calls near the change are called on, or give their results to; the longest first."""
    targets = {_target(one) for one in near if one.kind == change.grammar.assignment}
    named = {one.head.rpartition(".")[0] for one in near if one.head} | targets
    return sorted((name for name in named if _NAME.search(name)), key=len, reverse=True) or ["\0"]


def _target(assignment: Construct) -> str:
    return assignment.text.partition("=")[0].removesuffix(":").split(",")[0].strip()


def _near(change: Change) -> list[Construct]:
    """What stands in the functions that the change touches, or a few lines from it where it is in none."""
    lines = change.removed | change.gaps
    scopes = [one for one in change.old if one.kind in change.grammar.scopes and touches(one, lines)]
    inner = [one for one in scopes if not any(other.within(one) for other in scopes)]
    around = frozenset(place for line in lines for place in range(line - _FAR, line + _FAR))
    return [one for one in change.old if any(one.within(scope) for scope in inner) or (not inner and touches(one, around))][:_MOST]


def _any_of(companion: Construct, name: str) -> str:
    """The companion's head, whatever the name of its subject, with the constants among its arguments."""
    head = re.sub(rf"(?<![\w$]){re.escape(name)}(?!\w)", "\0", companion.head)
    constants = [argument for argument in companion.arguments if re.fullmatch(r"[A-Z][A-Z0-9_]{3,}", argument)]
    tail = "".join(rf"[^)]*\b{constant}\b" for constant in constants)
    return r"[\w$.>-]+".join(loosely(part) for part in head.split("\0")) + r"\s*\(" + tail


def _kept(change: Change) -> list[dict[str, object]]:
    """Not where the result leaves the function, or is managed by a block of its own: somebody else closes it there."""
    kinds = ["return_statement", *(["with_item", "yield"] if change.language == "python" else [])]
    kept: list[dict[str, object]] = [{"not": {"inside": {"kind": kind, "stopBy": "end"}}} for kind in kinds]
    if change.language == "python":
        held = {"kind": "assignment", "stopBy": "end", "has": {"field": "left", "kind": "attribute"}}
        kept.append({"not": {"inside": held}})
    return kept
