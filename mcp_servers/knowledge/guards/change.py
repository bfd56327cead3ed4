"""A changed file as the forms of rules see it, and what a form makes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

from mcp_servers.knowledge.guards.constructs import Construct, Rule, loosely, read, words
from mcp_servers.knowledge.guards.languages import GRAMMARS, Grammar, language_of
from mcp_servers.knowledge.guards.model import Scan

TRIED = frozenset({"python"})
"""Languages whose own library is at hand to be tried on; elsewhere nobody would notice that a rule is too general."""
OWN = frozenset({"self", "cls", "this", "$this", "super"})
_SEVERAL = re.compile(r"[a-z]_[a-z]|[a-z][A-Z]")
_HEAD = re.compile(r"(.*?)(?:\?->|->|::|\.)\s*(\w+)", re.S)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rule that may flag the code before and not after. `where` bounds its metavariables, `fix` says how to mend a place."""

    rule: Rule
    anchors: tuple[str, ...] = ()
    where: Mapping[str, Any] = field(default_factory=dict[str, Any])
    fix: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Change:
    """One file before and after; `removed` and `added` are the numbers of its changed lines, `gaps` where lines were only added:
    the numbers of the lines around them in the old text."""

    path: str
    before: str
    after: str
    old: tuple[Construct, ...]
    new: tuple[Construct, ...]
    removed: frozenset[int]
    added: frozenset[int]
    gaps: frozenset[int]

    @property
    def language(self) -> str:
        return language_of(self.path)

    @property
    def grammar(self) -> Grammar:
        return GRAMMARS[self.language]

    def calls(self, constructs: tuple[Construct, ...], lines: frozenset[int]) -> Iterator[Construct]:
        """The calls that have one of these lines."""
        return (one for one in constructs if one.head and touches(one, lines))


def change_of(path: str, before: str, after: str, scan: Scan) -> Change:
    matcher = SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False)
    removed: set[int] = set()
    added: set[int] = set()
    gaps: set[int] = set()
    for tag, first, last, start, end in matcher.get_opcodes():
        if tag == "equal":
            continue
        removed |= set(range(first + 1, last + 1))
        added |= set(range(start + 1, end + 1))
        gaps |= {first, first + 1} if tag == "insert" else set()
    old, new = (tuple(read(path, text, scan)) for text in (before, after))
    return Change(path, before, after, old, new, frozenset(removed), frozenset(added), frozenset(gaps))


def removed(before: str, after: str) -> frozenset[int]:
    """The numbers of the lines of the old text that are not in the new one."""
    codes = SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False).get_opcodes()
    return frozenset(line for tag, first, last, _, _ in codes if tag != "equal" for line in range(first + 1, last + 1))


def touches(one: Construct, lines: frozenset[int]) -> bool:
    return not lines.isdisjoint(range(one.first, one.last + 1))


def call_rule(change: Change, call: Construct) -> dict[str, Any]:
    """The rule for every call of the same head, with any arguments."""
    fields, _ = change.grammar.calls[call.kind]
    if not fields:
        return {"kind": call.kind, "regex": rf"^{loosely(call.head)}\s*[({{]"}
    parts = _HEAD.fullmatch(call.head) if len(fields) == 2 else None
    texts = parts.groups() if parts else (call.head.removeprefix("new").strip() if call.kind.startswith("new") else call.head,)
    heads = [{"has": {"field": name, "regex": f"^{loosely(text)}$"}} for name, text in zip(fields[-len(texts) :], texts, strict=True)]
    return {"kind": call.kind, "all": heads}


def method_rule(change: Change, call: Construct) -> dict[str, Any]:
    """The rule for every call of the same last name, whatever it is called on."""
    fields, _ = change.grammar.calls[call.kind]
    name = loosely(words(call.head)[-1])
    return {"kind": call.kind, "all": [{"has": {"field": fields[-1], "regex": rf"(?:^|\.|>|::){name}$"}}]}


def arguments_of(change: Change, call: Construct) -> dict[str, Any]:
    """The place of the arguments of a call, for `has`."""
    fields, arguments = change.grammar.calls[call.kind]
    return {"field": arguments} if fields else {"kind": arguments}


def anchors_of(text: str) -> tuple[str, ...]:
    return words(text)


def telling(text: str) -> bool:
    """Whether a text names enough to be a rule: a dotted name, or a word of four letters."""
    found = words(text)
    return len(found) > 1 or any(len(word) > 3 for word in found)


def known_by_name(change: Change, call: Construct) -> bool:
    """Whether the head of a call means the same in another file: an import or a global, or a method with a name of several words.

    What hangs on a local name (`text.split`) means whatever that holds, and a private name is one repository's own.
    """
    if is_private(call.head) or not telling(call.head):
        return False
    return bool(_SEVERAL.search(words(call.head)[-1])) or not is_local(change, call)


def is_private(head: str) -> bool:
    """Whether the last name of a head is one repository's own."""
    return (words(head)[-1:] or ("_",))[0].startswith("_")


def is_local(change: Change, one: Construct) -> bool:
    """Whether a node begins with a name that its own function gave a value: a parameter, or something assigned."""
    root = re.match(r"[$\w]+", one.head or one.text)
    if root is None or root[0] in OWN:
        return True
    around = [scope.text for scope in change.old if scope.kind in change.grammar.scopes and one.within(scope)]
    name = re.escape(root[0])
    given = rf"[(,]\s*\*{{0,2}}{name}\s*[,:=)]|(?<![\w.]){name}\s*(?:,[^=\n]*)?:?=(?!=)|\bfor\s[^\n]*\b{name}\b[^\n]*\bin\b|\bas\s+{name}\b"
    return bool(around) and re.search(given, around[-1]) is not None


def held(change: Change, one: Construct, name: str) -> list[Rule]:
    """Where the name means the same: a parameter here and there, or given by the same expression."""
    scopes: list[Rule] = [{"kind": kind} for kind in change.grammar.scopes]
    old = next((other for other in change.old if other.text == one.text), one)
    around = [scope for scope in change.old if scope.kind in change.grammar.scopes and old.within(scope)]
    if not around:
        return []
    given = re.search(rf"(?m)(?<![\w.]){re.escape(name)}\s*:?=(?!=)\s*([^\n;]+)", around[-1].text)
    if given:
        return [{"inside": {"any": scopes, "stopBy": "end", "regex": loosely(given[0])}}]
    taken = {"field": "parameters", "regex": rf"(?:^|[^\w.]){re.escape(name)}\b"}
    return [{"inside": {"any": scopes, "stopBy": "end", "has": taken}}]
