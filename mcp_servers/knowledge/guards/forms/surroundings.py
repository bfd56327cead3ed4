"""A place that now stands inside something: a call, an await, a with, a try; or behind a condition that was not asked before."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mcp_servers.knowledge.guards.change import TRIED, Candidate, Change, anchors_of, call_rule, held, known_by_name, telling, touches
from mcp_servers.knowledge.guards.constructs import Construct, Rule, loosely

_FAR = 4


def candidates(change: Change) -> Iterator[Candidate]:
    """Calls outside of what now surrounds them, then uses that the added condition does not protect."""
    lines = change.removed | change.gaps
    for call in change.calls(change.old, lines):
        if known_by_name(change, call):
            yield from _wrapped(change, call)
    yield from _chained(change)
    yield from _unguarded(change)


def _wrapped(change: Change, call: Construct) -> Iterator[Candidate]:
    rule = call_rule(change, call)
    before = {(one.kind, one.head) for one in change.old if call.within(one)}
    for later in (one for one in change.new if (one.kind, one.head, one.arguments) == (call.kind, call.head, call.arguments)):
        around = [one for one in change.new if later.within(one) and (one.kind, one.head) not in before]
        for one in reversed(around):
            if (one.kind in change.grammar.wrappers and (one.kind != "try_statement" or change.language in TRIED)) or one.head:
                wrapper = call_rule(change, one) if one.head else {"kind": one.kind}
                outside: Rule = {"not": {"inside": {**wrapper, "stopBy": "end"}}}
                yield Candidate({**rule, "all": [*rule.get("all", []), outside, *_managed(one)]}, anchors_of(call.head))


def _managed(wrapper: Construct) -> list[Rule]:
    """What is opened may also be closed by hand, returned, or kept."""
    if wrapper.kind != "with_item":
        return []
    left: Rule = {"kind": "assignment", "stopBy": "end", "has": {"field": "left", "kind": "attribute"}}
    closed: Rule = {"kind": "function_definition", "stopBy": "end", "regex": r"\.(?:close|shutdown|terminate|enter_context)\("}
    away: list[Rule] = [{"kind": kind, "stopBy": "end"} for kind in ("return_statement", "yield", "argument_list", "with_statement")]
    return [{"not": {"inside": one}} for one in (left, closed, *away)]


def _chained(change: Change) -> Iterator[Candidate]:
    """`re.match(…).group()`: the result is used where it stands, and is no more."""
    later = {one.text for one in change.new}
    for use in change.old:
        if use.kind not in change.grammar.uses or not touches(use, change.removed) or use.text in later:
            continue
        inner = [one for one in change.old if one.head and one.span[0] == use.span[0] and one.within(use) and known_by_name(change, one)]
        for call in inner[:1]:
            held: Rule = {"field": change.grammar.uses[use.kind], **call_rule(change, call)}
            yield Candidate({"kind": use.kind, "has": held}, anchors_of(call.head))


def _unguarded(change: Change) -> Iterator[Candidate]:
    """Uses of what the added condition asks about, where no condition asks about it. From the call that it came from, then by its name."""
    known = {one.text for one in change.old}
    for asked in (one for one in change.new if one.kind in change.grammar.conditions and touches(one, change.added)):
        condition = asked.text.partition("\n")[0].partition("{")[0]
        for use in _uses_after(change, asked):
            name = _subject(change, use)
            if use.text not in known or not name or not re.search(rf"(?<![\w$.]){re.escape(name)}(?!\w)", condition):
                continue
            yield from _from_origin(change, use, name)
            if telling(use.text):
                rule: Rule = {"kind": use.kind, "regex": f"^{loosely(use.text)}$"}
                yield Candidate({**rule, "all": [*_unasked(change, name), *held(change, use, name)]}, anchors_of(use.text))


def _uses_after(change: Change, asked: Construct) -> list[Construct]:
    found = [
        one
        for one in change.new
        if (one.kind in change.grammar.uses or one.head)
        and (one.within(asked) or asked.last <= one.first <= asked.last + _FAR)
        and one.first >= asked.first
    ]
    return sorted(found, key=lambda one: (one.first, len(one.text)))


def _subject(change: Change, use: Construct) -> str:
    """What a use needs to be there: the value it reaches into, or what it divides by."""
    field = change.grammar.uses.get(use.kind, "")
    if field == "right":
        divided = re.search(r"[/%]\s*([\w.$>()-]+)$", use.text)
        return divided[1].removeprefix("len(").rstrip(")") if divided else ""
    return re.split(r"\.|\[|->", use.text, maxsplit=1)[0] if field else ""


def _from_origin(change: Change, use: Construct, name: str) -> Iterator[Candidate]:
    """Any name that holds what the same call gave, used in a function that never asks about it."""
    for holder in (one for one in change.old if one.kind == change.grammar.assignment):
        if change.language not in ("python", "javascript", "typescript", "tsx") or not re.match(rf"{re.escape(name)}\b\s*=", holder.text):
            continue
        call = next((one for one in change.old if one.head and one.within(holder) and holder.text.endswith(one.text)), None)
        if call is None or not known_by_name(change, call):
            continue
        target, value = ("left", "right") if change.language == "python" else ("name", "value")
        scopes: list[Rule] = [{"kind": kind} for kind in change.grammar.scopes]
        reaches: list[Rule] = [
            {"kind": kind, "has": {"field": field, "pattern": "$NAME"}} for kind, field in change.grammar.uses.items() if field != "right"
        ]
        asks: list[Rule] = [{"kind": kind, "has": {"stopBy": "end", "pattern": "$NAME"}} for kind in change.grammar.conditions]
        yield Candidate(
            {
                "kind": change.grammar.assignment,
                "all": [
                    {"has": {"field": target, "pattern": "$NAME"}},
                    {"has": {"field": value, **call_rule(change, call)}},
                    {"inside": {"any": scopes, "stopBy": "end", "has": {"stopBy": "end", "any": reaches}}},
                    {"not": {"inside": {"any": scopes, "stopBy": "end", "has": {"stopBy": "end", "any": asks}}}},
                ],
            },
            anchors_of(call.head),
        )


def _unasked(change: Change, name: str) -> list[Rule]:
    """Neither inside a condition about the name nor after one."""
    asks: list[Rule] = [{"kind": kind, "regex": rf"(?:^|[^\w.]){re.escape(name)}\b"} for kind in change.grammar.conditions]
    return [
        {"not": {"inside": {"stopBy": "end", "any": asks}}},
        {"not": {"inside": {"stopBy": "end", "follows": {"stopBy": "end", "any": asks}}}},
        {"not": {"follows": {"stopBy": "end", "any": asks}}},
    ]
