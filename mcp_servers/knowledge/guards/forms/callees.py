"""The wrong function was called, or the right one with too few arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mcp_servers.knowledge.guards.change import (
    Candidate,
    Change,
    anchors_of,
    arguments_of,
    call_rule,
    held,
    is_local,
    known_by_name,
    telling,
)
from mcp_servers.knowledge.guards.constructs import Construct, Rule, loosely, words

_PARTS = re.compile(r"[A-Za-z][a-z0-9]{2,}|[A-Z]{2,}")
_FULL = 2
"""A head of more names than these says enough without an argument."""


def candidates(change: Change) -> Iterator[Candidate]:
    """Calls of a function that was replaced (`yaml.load` → `yaml.safe_load`), then calls that lack a last argument (`d.get(k)` → `d.get(k, 0)`)."""
    later = list(change.calls(change.new, change.added))
    still = {one.head for one in change.new if one.head}
    for call in (one for one in change.calls(change.old, change.removed) if "(" not in one.head):
        for one in later:
            if call.kind == one.kind and call.head != one.head and call.arguments == one.arguments and telling(call.head):
                yield from _replaced(change, call, one, call.head in still)
            elif (call.kind, call.head) == (one.kind, one.head) and len(one.positional) > len(call.positional):
                yield from _too_few(change, call)


def _replaced(change: Change, call: Construct, later: Construct, still_called: bool) -> Iterator[Candidate]:
    rule = call_rule(change, call)
    name = re.compile(r"[\w.]+")
    fix = (
        {"head": later.head}
        if name.fullmatch(call.head) and name.fullmatch(later.head) and _module(call.head) == _module(later.head)
        else {}
    )
    if known_by_name(change, call) and _related(call.head, later.head) and not still_called:
        same = _module(call.head) == _module(later.head)
        where = [] if same else [*_where_nobody_may_wait(change, call), *_where_imported(change, call)]
        yield Candidate({**rule, "all": [*rule.get("all", []), *where]}, anchors_of(call.head), fix=fix)
    if call.arguments or len(words(call.head)) > _FULL:
        exact = {"has": {**arguments_of(change, call), "regex": rf"^.\s*{loosely(', '.join(call.arguments))}\s*,?\s*.$"}}
        root = re.match(r"[$\w]+", call.head)
        where = held(change, call, root[0]) if root and is_local(change, call) else []
        yield Candidate({**rule, "all": [*rule.get("all", []), exact, *where]}, anchors_of(call.text), fix=fix)


def _where_nobody_may_wait(change: Change, call: Construct) -> list[Rule]:
    """In a function that others wait for, where the call was in one: what is wrong there may be right elsewhere."""
    around = [one for one in change.old if one.kind in change.grammar.scopes and call.within(one)]
    return (
        [{"inside": {"kind": around[-1].kind, "stopBy": "end", "regex": r"^async\b"}}]
        if around and around[-1].text.startswith("async")
        else []
    )


def _where_imported(change: Change, call: Construct) -> list[Rule]:
    """In files that import the module by the same statement: another's `random` is another."""
    imported = rf"^import\s+(?:\w+,\s*)*{words(call.head)[0]}(?:[\s,]|$)"
    if change.language != "python" or not re.search(imported, change.before, re.MULTILINE):
        return []
    return [{"inside": {"kind": "module", "stopBy": "end", "has": {"kind": "import_statement", "regex": imported}}}]


def _too_few(change: Change, call: Construct) -> Iterator[Candidate]:
    if not known_by_name(change, call):
        return
    rule = call_rule(change, call)
    more = {"not": {"has": {**arguments_of(change, call), "has": {"nthChild": len(call.positional) + 1}}}}
    yield Candidate({**rule, "all": [*rule.get("all", []), more]}, anchors_of(call.head))


def _related(old: str, new: str) -> bool:
    """Whether two names share a word, as `md5`'s `hashlib` and `safe_load`'s `load` do."""
    return not {word.lower() for word in _PARTS.findall(old)}.isdisjoint(word.lower() for word in _PARTS.findall(new))


def _module(head: str) -> str:
    return head.rpartition(".")[0]
