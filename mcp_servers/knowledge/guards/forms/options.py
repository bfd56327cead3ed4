"""An option that a call lacked (a timeout, an encoding), or that had the wrong value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mcp_servers.knowledge.guards.change import Candidate, Change, anchors_of, arguments_of, call_rule, is_private
from mcp_servers.knowledge.guards.constructs import Construct, Option, Rule, loosely

_LITERAL = re.compile(r"-?\d+(?:\.\d+)?|True|False|None|true|false|null|nil|'[^'\\\n]*'|\"[^\"\\\n]*\"")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_NEUTRAL = frozenset({"True", "False", "None", "true", "false", "null", "nil"})


def candidates(change: Change) -> Iterator[Candidate]:
    """Calls that gained an option, then calls whose option changed or went."""
    later = list(change.calls(change.new, change.added | change.gaps))
    for call in (one for one in change.calls(change.old, change.removed) if not is_private(one.head)):
        same = [one for one in later if (one.kind, one.head) == (call.kind, call.head)]
        for one in same:
            for name in one.options.keys() - call.options.keys():
                yield _lacking(change, call, one, name)
        for one in same:
            for name in sorted(one.options.keys() & call.options.keys()):
                if one.options[name] != call.options[name]:
                    yield from _changed(change, call, name, call.options[name], one.options[name].value)
            for name in sorted(call.options.keys() - one.options.keys()):
                yield from _changed(change, call, name, call.options[name], "")


def _lacking(change: Change, call: Construct, later: Construct, name: str) -> Candidate:
    option = later.options[name]
    given = arguments_of(change, call)
    head = call_rule(change, call)
    all_ = [*head.pop("all", []), {"not": {"has": {**given, "has": _named(change, name, option)}}}]
    all_ += [{"not": {"has": {**given, "has": unknown}}} for unknown in _unknown(change, option)]
    fix = {"insert": later.arguments[_position(later, name)]} if option.nested < 0 and _LITERAL.fullmatch(option.value) else {}
    return Candidate({**head, "all": all_}, anchors_of(call.head), fix=fix)


def _position(call: Construct, name: str) -> int:
    return next(number for number, argument in enumerate(call.arguments) if re.match(rf"{re.escape(name)}\s*[=:]", argument))


def _named(change: Change, name: str, option: Option) -> Rule:
    """An argument of this name, wherever the language writes it."""
    match change.language:
        case "python":
            return {"kind": "keyword_argument", "has": {"field": "name", "regex": f"^{name}$"}}
        case "go":
            return {"kind": "keyed_element", "regex": rf"^{name}\s*:"}
        case "php":
            nested: Rule = {"kind": "array_element_initializer", "regex": rf"^['\"]?{name}['\"]?\s*=>", "stopBy": "end"}
            return nested if option.nested >= 0 else {"kind": "argument", "regex": rf"^{name}\s*:"}
        case _:
            pair: Rule = {"kind": "pair", "has": {"field": "key", "regex": rf"^['\"]?{re.escape(name)}['\"]?$"}}
            return {"stopBy": "end", "any": [pair, {"kind": "shorthand_property_identifier", "regex": f"^{name}$"}]}


def _unknown(change: Change, option: Option) -> list[Rule]:
    """Arguments that may hold the option where nobody can see it."""
    place = option.nested + 1
    match change.language:
        case "python":
            return [{"kind": "dictionary_splat"}]
        case "php":
            return [{"kind": "argument", "regex": r"^\$", "nthChild": place}] if place else []
        case "go":
            return []
        case _:
            return [{"kind": "spread_element", "stopBy": "end"}, {"kind": "identifier", "nthChild": max(place, 1)}]


def _changed(change: Change, call: Construct, name: str, old: Option, new: str) -> Iterator[Candidate]:
    """Calls that give an option on the wrong side of the new number, or the very value that was wrong."""
    head = call_rule(change, call)
    held = head.pop("all", [])
    given = arguments_of(change, call)

    def with_value(value: dict[str, Any]) -> Rule:
        return {**head, "all": [*held, {"has": {**given, "has": _valued(change, name, old, value)}}]}

    if _NUMBER.fullmatch(old.value) and _NUMBER.fullmatch(new):
        bound = "at_least" if float(new) > float(old.value) else "at_most"
        yield Candidate(with_value({"pattern": "$VALUE"}), (*anchors_of(call.head), name), {"VALUE": {bound: float(new)}}, {"value": new})
    elif _LITERAL.fullmatch(old.value):
        fix = {"argument": f"{name}={new}"} if change.language == "python" and _LITERAL.fullmatch(new) else {}
        yield Candidate(
            with_value({"regex": f"^{loosely(old.value)}$"}), (*anchors_of(call.head), name), fix={} if old.value not in _NEUTRAL else fix
        )


def _valued(change: Change, name: str, option: Option, value: dict[str, Any]) -> Rule:
    match change.language:
        case "python":
            kind: Rule = {"kind": "keyword_argument"}
            return {**kind, "all": [{"has": {"field": "name", "regex": f"^{name}$"}}, {"has": {"field": "value", **value}}]}
        case "go":
            return {"kind": "keyed_element", "all": [{"regex": rf"^{name}\s*:"}, {"has": {"field": "value", **value}}]}
        case "php" if option.nested >= 0:
            key: Rule = {"kind": "array_element_initializer", "stopBy": "end"}
            return {**key, "all": [{"regex": rf"^['\"]?{name}['\"]?\s*=>"}, {"has": {"nthChild": 2, **value}}]}
        case "php":
            return {"kind": "argument", "all": [{"regex": rf"^{name}\s*:"}, {"has": {"nthChild": 2, **value}}]}
        case _:
            named: Rule = {"has": {"field": "key", "regex": rf"^['\"]?{re.escape(name)}['\"]?$"}}
            return {"stopBy": "end", "kind": "pair", "all": [named, {"has": {"field": "value", **value}}]}
