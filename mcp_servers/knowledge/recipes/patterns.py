"""A shape of code with metavariables, where it occurs in a file, and what it becomes there.

A part of a shape is a word that must stand there, or stands for one: a name or a literal (`var`), a whole operand (`operand`), or what else
the line holds (`rest`). Equal metavariables bind equal text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mcp_servers.knowledge.recipes.tokens import is_constant, tokens

MOST_STEPS = 20_000
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")
DOTS = frozenset({".", "?.", "->", "::"})

Binding = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Part:
    """One place of a shape. `text` is the word itself for the kinds of tokens, the metavariable for var, operand and rest."""

    kind: str
    text: str
    of: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """Tokens `first:last` of a file have the shape, with what its metavariables stand for."""

    first: int
    last: int
    bound: Binding


class _Spent(Exception):
    """The search took too many steps: nothing is found."""


def occurrences(parts: Sequence[Part], text: str, language: str, first: int, last: int, bound: Binding) -> list[Match]:
    """Every place among tokens `first:last` of a text that has the shape, given what is bound already; none when the search is hopeless."""
    search = _Search(parts, text, language, last)
    found: list[Match] = []
    try:
        for start in range(first, last):
            match = search.at(start, bound)
            if match is not None:
                found.append(match)
    except _Spent:
        return []
    return found


def statements(parts: Sequence[Part], text: str, language: str) -> Iterator[Match | None]:
    """For each statement of a text, in order: what of it has the shape from its beginning, or None; each with a search of its own."""
    given = tokens(text, language)
    for start, token in enumerate(given):
        if token.kind == "line":
            try:
                yield _Search(parts, text, language, len(given)).at(start, {})
            except _Spent:
                yield None


class _Search:
    """One search with its budget of steps."""

    def __init__(self, parts: Sequence[Part], text: str, language: str, last: int) -> None:
        self._parts, self._text, self._language, self._last, self._left = parts, text, language, last, MOST_STEPS
        self._given = tokens(text, language)

    def at(self, start: int, bound: Binding) -> Match | None:
        """The shape as it begins at this token, or None."""
        token, wanted = self._given[start], self._parts[0].kind
        if token.kind != wanted and wanted not in ("var", "operand"):
            return None
        depth = int(token.text) if token.kind == "line" else 0
        ended = next(self._ends(0, start, dict(bound), depth), None)
        return Match(start, *ended) if ended else None

    def _ends(self, at: int, here: int, bound: dict[str, str], depth: int) -> Iterator[tuple[int, dict[str, str]]]:
        """Each end of the shape from part `at` on, standing at token `here`, with its bindings."""
        self._left -= 1
        if self._left < 0:
            raise _Spent
        if at == len(self._parts):
            yield here, bound
            return
        part = self._parts[at]
        for end, said in self._readings(part, here, depth):
            if part.kind not in ("var", "operand", "rest"):
                yield from self._ends(at + 1, end, bound, depth)
            elif bound.get(part.text, said) == said:
                yield from self._ends(at + 1, end, {**bound, part.text: said}, depth)

    def _readings(self, part: Part, here: int, depth: int) -> Iterator[tuple[int, str]]:
        """Where the part may end if it begins here, and what it then stands for."""
        token = self._given[here] if here < self._last else None
        if part.kind == "rest":
            yield from self._rest(here, part.of)
        elif token is None:
            return
        elif part.kind == "operand":
            yield from self._operands(here)
        elif part.kind == "line":
            if token.kind == "line" and int(token.text) - depth == int(part.text):
                yield here + 1, ""
        elif part.kind == "var":
            if token.kind == part.of and not (token.kind == "name" and is_constant(token.text, self._language)):
                yield here + 1, token.text
        elif (token.kind, token.text) == (part.kind, part.text):
            yield here + 1, ""

    def _rest(self, here: int, side: str) -> Iterator[tuple[int, str]]:
        """What the line holds before the shape (with the blanks behind it), or after it."""
        for end in range(here, self._last + 1):
            over = end == self._last or self._given[end].kind == "line"
            if side == "before" and not over:
                yield end, self._text[self._given[here].start : self._given[end].start]
            elif side == "after" and over:
                yield end, self._text[self._given[here - 1].end : self._given[end - 1].end]
            if over:
                return

    def _operands(self, here: int) -> Iterator[tuple[int, str]]:
        """A name and what is asked of it: `a`, `a.b`, `a.b(c)[0]`; the longest first."""
        given = self._given
        if given[here].kind != "name" or (here and given[here - 1].text in DOTS):
            return
        ends, end = [here + 1], here + 1
        while end < self._last:
            if given[end].text in DOTS and end + 1 < self._last and given[end + 1].kind == "name":
                end += 2
            elif given[end].text in ("(", "[") and (closed := self._closed(end)):
                end = closed
            else:
                break
            ends.append(end)
        for stop in reversed(ends):
            yield stop, self._text[given[here].start : given[stop - 1].end]

    def _closed(self, here: int) -> int:
        depth = 0
        for end in range(here, self._last):
            depth += (self._given[end].text in _OPEN) - (self._given[end].text in _CLOSE)
            if depth == 0:
                return end + 1
        return 0


_HOLE = re.compile("\x00(\\w+)\x00")


def hole(name: str) -> str:
    """How a metavariable stands in a template."""
    return f"\x00{name}\x00"


def holes(template: str) -> set[str]:
    return set(_HOLE.findall(template))


def filled(template: str, bound: Binding, indent: str, unit: str) -> str:
    """The template's text with what is bound, its first line as it stands and the others under `indent`, one `unit` for each tab."""
    lines = template.split("\n")
    shifted = [lines[0], *(f"{indent}{unit * _tabs(line)}{line.lstrip(chr(9))}" if line.strip() else "" for line in lines[1:])]
    return _HOLE.sub(lambda match: bound[match[1]], "\n".join(shifted))


def _tabs(line: str) -> int:
    return len(line) - len(line.lstrip("\t"))


def indent_of(text: str, at: int) -> str:
    """The blanks at the beginning of the line that holds the character."""
    begin = text.rfind("\n", 0, at) + 1
    line = text[begin : at + 1] if not text[begin:at].strip() else text[begin:]
    return line[: len(line) - len(line.lstrip())] if line.strip() else text[begin:at]


def unit_of(text: str) -> str:
    """One step of indentation as this file has it."""
    found = re.search(r"^([ \t]+)(?![ \t*#/])\S", text, re.MULTILINE)
    if found is None:
        return "    "
    return "\t" if found[1].startswith("\t") else found[1][: 4 if len(found[1]) % 4 == 0 else 2]
