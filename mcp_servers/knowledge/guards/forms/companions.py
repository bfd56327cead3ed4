"""A call that needs another one after it: what is opened is closed, what is locked unlocked, what may fail is looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mcp_servers.knowledge.guards.change import Candidate, Change, anchors_of, call_rule, known_by_name, touches
from mcp_servers.knowledge.guards.constructs import Construct, loosely

_NAME = re.compile(r"[$\w]+")


def candidates(change: Change) -> Iterator[Candidate]:
    """Calls whose result, or whose subject, is never given to the call that the change added in the same function."""
    known = {one.text for one in change.old if one.head}
    added = [one for one in change.calls(change.new, change.added) if one.text not in known]
    for companion in added:
        for call, name in _subjects(change, companion):
            scopes = [{"kind": kind} for kind in change.grammar.scopes]
            lacking = {"not": {"inside": {"any": scopes, "stopBy": "end", "regex": _any_of(companion, name)}}}
            rule = call_rule(change, call)
            yield Candidate({**rule, "all": [*rule.get("all", []), lacking, *_kept(change)]}, anchors_of(call.head))


def _subjects(change: Change, companion: Construct) -> Iterator[tuple[Construct, str]]:
    """The calls of the old code on whose result or subject the companion works, each with the name of that."""
    for call in (one for one in change.old if one.head and known_by_name(change, one)):
        holder = next((one for one in change.old if one.kind == change.grammar.assignment and call.within(one)), None)
        names = [holder.text.partition("=")[0].removesuffix(":").split(",")[0].strip()] if holder else []
        names += [call.head.rpartition(".")[0]] if "." in call.head else []
        for name in names:
            if name and _NAME.search(name) and re.search(rf"(?<![\w$]){re.escape(name)}(?!\w)", companion.text) and _near(change, call):
                yield call, name


def _near(change: Change, call: Construct) -> bool:
    """Whether the call is in a function (or a module) that the change touches."""
    around = [one for one in change.old if one.kind in change.grammar.scopes and call.within(one)]
    lines = change.removed | change.gaps
    return touches(around[-1], lines) if around else True


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
