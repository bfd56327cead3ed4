"""The mistake is how something was said, not of whom: the same expression with the names of its function left open, text put together
where an argument stands, a value that all calls share, a result that nobody takes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mcp_servers.knowledge.guards.change import (
    OWN,
    TRIED,
    Candidate,
    Change,
    anchors_of,
    arguments_of,
    call_rule,
    is_local,
    is_private,
    known_by_name,
    method_rule,
    touches,
)
from mcp_servers.knowledge.guards.constructs import Construct, loosely, words

_LONGEST = 240
_MOST = 16
_SEVERAL = re.compile(r"[a-z]_[a-z]|[a-z][A-Z]")
_TOKEN = re.compile(
    r"(?P<text>(?<![\w$])[A-Za-z]{0,2}(?:\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`))|(?P<number>(?<![\w.$])\d+(?:\.\d+)?(?![\w.]))"
    r"|(?P<path>(?<![\w.$>])\$?[A-Za-z_]\w*(?:(?:\.|\?\.|->)\w+)*)(?P<call>\s*\()?"
)
_STEP = re.compile(r"\?\.|\.|->")
_TARGET = re.compile(r"\s*(?:[-+*/|&.%]|\|\||&&|\?\?)?=(?![=>])")


def candidates(change: Change) -> Iterator[Candidate]:
    """What may be said elsewhere of other things, the more telling first."""
    later = {one.text for one in change.new}
    gone = [one for one in change.old if touches(one, change.removed) and one.text not in later and len(one.text) <= _LONGEST]
    for call in (one for one in gone if one.head and words(one.head)):
        yield from _shaped(change, call)
    yield from _dropped(change, later)
    for one in gone:
        if one.kind == change.grammar.default:
            yield from _begun(change, one)
    opened = [
        found
        for one in sorted(gone, key=lambda one: len(one.text))
        if one.head or one.kind in change.grammar.said
        for found in _opened(change, one)
    ]
    yield from opened[:_MOST]


def _shaped(change: Change, call: Construct) -> Iterator[Candidate]:
    """A call with text that is put together from values, or with a function that nobody waits for."""
    fields, _ = change.grammar.calls[call.kind]
    if not fields or is_private(call.head):
        return
    head = method_rule(change, call) if _local(change, call) else call_rule(change, call)
    for written, shape in change.grammar.shapes:
        for number, argument in enumerate(call.arguments, start=1):
            if re.match(written, argument):
                given = {"has": {**arguments_of(change, call), "has": {"nthChild": number, **shape}}}
                yield Candidate({**head, "all": [*head.get("all", []), given]}, words(call.head)[-1:])


def _dropped(change: Change, later: set[str]) -> Iterator[Candidate]:
    """A statement that is nothing but a call whose result is now taken."""
    for one in change.old:
        if one.kind == change.grammar.dropped and touches(one, change.removed):
            call = next((call for call in change.old if call.head and call.span == one.span and call.text in later), None)
            if call and known_by_name(change, call):
                yield Candidate({"kind": one.kind, "has": call_rule(change, call)}, anchors_of(call.head))


def _begun(change: Change, one: Construct) -> Iterator[Candidate]:
    """A parameter that begins with one value for all calls, which the function changes."""
    name, _, value = (part.strip() for part in one.text.partition("="))
    scope = next((scope for scope in reversed(change.old) if scope.kind in change.grammar.scopes and one.within(scope)), None)
    for call in change.old:
        head, _, method = call.head.rpartition(".")
        if scope and call.within(scope) and head == name:
            used = {"stopBy": "end", "pattern": f"$NAME.{method}($$$ARGS)"}
            parts = [{"has": {"field": "name", "pattern": "$NAME"}}, {"has": {"field": "value", "regex": f"^{loosely(value)}$"}}]
            yield Candidate({"kind": one.kind, "all": [*parts, {"inside": {"kind": scope.kind, "stopBy": "end", "has": used}}]}, (method,))


def _opened(change: Change, one: Construct) -> Iterator[Candidate]:
    """The expression with its literals and what hangs on names of its own function left open; what is called, set or asked of them stays."""
    kept: list[str] = []
    numbers = iter(range(1, 100))

    def place(found: re.Match[str]) -> str:
        if found["text"] is not None or found["number"] is not None:
            plain = found["text"] is None or found["text"][0] in "\"'"
            return f"$L{next(numbers)}" if plain else found[0]
        return _path(change, one, found, kept, numbers)

    pattern = _TOKEN.sub(place, one.text)
    if pattern != one.text and _tells(kept, change.language):
        yield Candidate({"pattern": pattern}, anchors_of(" ".join(kept)))


def _path(change: Change, one: Construct, found: re.Match[str], kept: list[str], numbers: Iterator[int]) -> str:
    """A dotted name: whole where it means the same elsewhere; else its last name alone where that is called or set, else left open."""
    steps = _STEP.split(found["path"])
    if steps[0] in OWN or not _local(change, one, found["path"]):
        kept += steps
        return found[0]
    called, rest = found["call"] or "", one.text[found.end() :]
    if len(steps) > 1 and (called or (found.start() == 0 and _TARGET.match(rest))):
        kept.append(steps[-1])
        sign = _STEP.findall(found["path"])[-1]
        return f"$V{next(numbers)}{sign}{steps[-1]}{called}"
    return found[0] if called else f"$V{next(numbers)}"


def _local(change: Change, one: Construct, path: str = "") -> bool:
    """Whether a name is given a value in the function around, its parameters included, however the language writes their types."""
    root = re.match(r"\$?\w+", path or one.head)
    scopes = [scope for scope in change.old if scope.kind in change.grammar.scopes and one.within(scope)]
    if root is None or not scopes:
        return False
    head = re.split(r"\{|=>|:\s*\n", scopes[-1].text)[0]
    taken = re.search(rf"[(,][^()]*?(?<![\w.$]){re.escape(root[0])}(?![\w.(])", head) is not None
    return taken or is_local(change, Construct("", root[0], one.first, one.last, one.span))


def _tells(kept: list[str], language: str) -> bool:
    """Whether what stays says enough: two names, or one of several words where a library can speak against it."""
    telling = {word for word in kept if len(word) > 3}
    return len(telling) > 1 or (language in TRIED and any(_SEVERAL.search(word) for word in telling))
