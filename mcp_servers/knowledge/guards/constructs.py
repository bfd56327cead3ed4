"""What a text is made of, as far as guards ask: calls with their head and arguments, reaches into values, and what surrounds them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from mcp_servers.knowledge.guards.languages import GRAMMARS, Grammar, language_of
from mcp_servers.knowledge.guards.model import Hit, Scan

Rule = dict[str, Any]
_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_CLOSING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Option:
    """A named argument. `nested` is the position of the object or array that holds it, -1 for a keyword of the call itself."""

    value: str
    nested: int = -1


@dataclass(frozen=True, slots=True)
class Construct:
    """One node: lines count from 1, `span` bytes from 0. A call has a head (what is called) and arguments."""

    kind: str
    text: str
    first: int
    last: int
    span: tuple[int, int]
    head: str = ""
    arguments: tuple[str, ...] = ()

    def within(self, other: Construct) -> bool:
        return other.span[0] <= self.span[0] and self.span[1] <= other.span[1] and self.span != other.span

    @property
    def options(self) -> dict[str, Option]:
        """Named arguments by name: keywords, and the entries of an object or array that is an argument."""
        found: dict[str, Option] = {}
        for position, argument in enumerate(self.arguments):
            if keyword := _KEYWORD.match(argument):
                found[keyword[1] or keyword[2]] = Option((keyword[3]).strip())
            elif argument[:1] in "{[" and argument[-1:] in "}]":
                entries = (entry for item in split(argument[1:-1]) if (entry := _ENTRY.match(item)))
                found |= {entry[1]: Option(entry[2].strip(), position) for entry in entries}
        return found

    @property
    def positional(self) -> tuple[str, ...]:
        return tuple(argument for argument in self.arguments if not _KEYWORD.match(argument))


_KEYWORD = re.compile(r"(?:(\w+)\s*=(?![=>])|(\w+)\s*:(?!:))(.*)", re.S)
_ENTRY = re.compile(r"['\"]?([\w-]+)['\"]?\s*(?:=>|:)(.*)", re.S)


def read(path: str, text: str, scan: Scan) -> list[Construct]:
    """The constructs of a text in the order of their places; empty for a language without a grammar here."""
    grammar = GRAMMARS.get(language_of(path))
    if grammar is None or not text.strip():
        return []
    language = language_of(path)
    rules = [{"id": name, "language": language, "rule": rule} for name, rule in _reading(grammar).items()]
    found = {(hit.span, hit.rule): _construct(hit) for hit in scan(rules, {path: text})}
    return sorted(found.values(), key=lambda one: (one.span[0], -one.span[1]))


def split(arguments: str) -> list[str]:
    """The parts of a text between commas that are not inside brackets or strings."""
    parts, depth, quote = [""], 0, ""
    for place, sign in enumerate(arguments):
        if quote:
            quote = "" if sign == quote and arguments[place - 1] != "\\" else quote
        elif sign in "\"'`":
            quote = sign
        elif sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth -= 1
        elif sign == "," and depth == 0:
            parts.append("")
            continue
        parts[-1] += sign
    return [part.strip() for part in parts if part.strip()]


def loosely(text: str) -> str:
    """A regular expression for the text, whatever blanks stand between its words."""
    return r"\s*".join(re.escape(token) for token in _TOKEN.findall(text) if not token.isspace())


def words(text: str) -> tuple[str, ...]:
    """The names in a text that tell something: anchors of a rule about it."""
    return tuple(dict.fromkeys(word for word in re.findall(r"[A-Za-z_]\w{2,}", text) if not word.isupper() or len(word) > 3))


def _reading(grammar: Grammar) -> dict[str, Rule]:
    """One rule for each kind of node, named after it."""
    calls: dict[str, Rule] = {}
    for kind, (fields, arguments) in grammar.calls.items():
        place = "field" if fields else "kind"
        calls[kind] = {"all": [{"kind": kind}, {"has": {place: arguments, "pattern": "$ARGS"}}]}
    others = {
        *grammar.uses,
        *grammar.conditions,
        *grammar.wrappers,
        *grammar.scopes,
        *grammar.said,
        grammar.assignment,
        grammar.dropped,
        grammar.default,
    }
    return {**{kind: {"kind": kind} for kind in sorted(others) if kind}, **calls}


def _construct(hit: Hit) -> Construct:
    held = (hit.values or {}).get("ARGS", "")
    head = hit.text[: len(hit.text) - len(held)].strip() if held and hit.text.endswith(held) else ""
    last = hit.line + hit.text.count("\n")
    return Construct(hit.rule, hit.text, hit.line, last, hit.span, head, tuple(split(held[1:-1])))
