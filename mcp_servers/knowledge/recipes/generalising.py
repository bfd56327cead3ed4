"""From one fix to forms of it: what before and after say alike becomes metavariables, what the fix brought stays as it is. No model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mcp_servers.kit.configuration import format_of
from mcp_servers.knowledge.recipes.configured import settings_between
from mcp_servers.knowledge.recipes.extents import extent
from mcp_servers.knowledge.recipes.failures import Failed, message_shape, value_of
from mcp_servers.knowledge.recipes.hunks import Hunk, hunks, wider
from mcp_servers.knowledge.recipes.importing import with_import
from mcp_servers.knowledge.recipes.model import Form, Import, Level, Rewrite, Setting, Story
from mcp_servers.knowledge.recipes.patterns import unit_of
from mcp_servers.knowledge.recipes.roles import names_in, role
from mcp_servers.knowledge.recipes.shaping import Word, parts_of, template, with_operands, with_rests
from mcp_servers.knowledge.recipes.tokens import Token, language_of, tokens

MOST_ABOVE, MOST_HUNKS = 6, 8
_ROLES = {
    Level.SAME: frozenset[str](),
    Level.RENAMED: frozenset({"variable"}),
    Level.SHAPE: frozenset({"variable", "field", "own"}),
    Level.EXPRESSION: frozenset({"variable", "field", "own"}),
}
_QUOTED = re.compile(r"['\"`]([^'\"`]+)['\"`]")

Names = dict[tuple[str, str], str]
"""Metavariables by what they stand for: (kind of token, text)."""


def forms(story: Story, failure: Failed) -> list[Form]:
    """The forms that this change has, from general to literal; none for a change that is not made of statements and settings."""
    if set(story.before) != set(story.after):
        return []
    changed = {path: text for path, text in story.before.items() if text != story.after[path]}
    settings: list[Setting] = []
    found: list[Hunk] = []
    imports: list[Import] = []
    for path, before in changed.items():
        if format_of(path):
            told = settings_between(path, before, story.after[path])
            if told is None:
                return []
            settings += told
        elif language_of(path):
            ours, lines = hunks(path, before, story.after[path])
            found += ours
            imports += [
                Import(path, line.strip(), where)
                for line in lines
                for where in [_where(before, story.after[path], line, language_of(path))]
            ]
        else:
            return []
    if len(found) > MOST_HUNKS or not (found or settings or imports):
        return []
    levels = tuple(reversed(Level)) if found else (Level.SHAPE, Level.SAME)
    made = [_form(level, found, tuple(imports), tuple(settings), failure) for level in levels]
    return [form for form in made if form is not None]


def _form(level: Level, found: list[Hunk], imports: tuple[Import, ...], settings: tuple[Setting, ...], failure: Failed) -> Form | None:
    names: Names = {}
    rewrites: list[Rewrite] = []
    for hunk in _in_order(found, failure):
        made = _rewrite(hunk, level, failure, names)
        if made is None:
            return None
        rewrites.append(made)
    if level not in (Level.SAME, Level.RENAMED) and any(one.frame < 0 for one in rewrites[:1]):
        return None  # what the trace does not lead to is only changed where it says the same
    said = {value_of(text): name for (_, text), name in names.items()}
    constant = frozenset(value_of(part.text) for one in rewrites for part in one.parts if part.kind in ("name", "string"))
    constant |= {word for one in imports for word in re.findall(r"\w+", one.line)}
    functions = frozenset(site.function for site in failure.sites) if level is not Level.SAME else frozenset[str]()
    return Form(level, message_shape(failure.message, said, constant, functions), tuple(rewrites), imports, settings)


def _in_order(found: list[Hunk], failure: Failed) -> list[Hunk]:
    """The hunk at the throw first: the others follow what is bound there."""

    def key(hunk: Hunk) -> tuple[bool, int, bool]:
        frame, covers, _ = _place(hunk, failure)
        return frame < 0, frame, not covers

    return sorted(found, key=key)


def _rewrite(hunk: Hunk, level: Level, failure: Failed, names: Names) -> Rewrite | None:
    """The hunk as a rewrite of this generality; None where it cannot be said without names of its own place."""
    frame, covers, function = _place(hunk, failure)
    for _ in range(MOST_ABOVE):
        sides = _Sides.of(hunk, level, failure.message, names)
        if not sides.old:
            return None
        if not sides.unbound(names, names_in(function, hunk.language)):
            return sides.rewrite(names, frame, covers)
        above = wider(hunk)
        if above is None:
            return None
        hunk = above
    return None


def _place(hunk: Hunk, failure: Failed) -> tuple[int, bool, str]:
    """Which frame of ours stands in the function that the hunk changes, whether its line is in the hunk, and the function's text."""
    start = sum(len(line) + 1 for line in hunk.before.split("\n")[: hunk.first])
    for number, site in enumerate(failure.sites):
        found = extent(hunk.before, site) if site.path == hunk.path else None
        if found and found.start <= start < found.end:
            return number, hunk.first < found.line <= hunk.last, hunk.before[found.start : found.end]
    return -1, False, hunk.before


@dataclass(frozen=True)
class _Sides:
    """Both sides of a hunk as tokens with what each may stand for: (kind, text), or None for a word that stays."""

    hunk: Hunk
    level: Level
    old: list[tuple[Token, tuple[str, str] | None]]
    new: list[tuple[Token, tuple[str, str] | None]]
    telling: frozenset[str]

    @classmethod
    def of(cls, hunk: Hunk, level: Level, message: str, names: Names) -> _Sides:
        old = _given(hunk.before, hunk.language, hunk.first, hunk.last)
        new = _given(hunk.after, hunk.language, hunk.now, hunk.until)
        quoted = frozenset(_QUOTED.findall(message))
        copied = {(t.kind, t.text) for t, _ in old} & {(t.kind, t.text) for t, _ in new}
        literals = {key for key in copied if key[0] in ("string", "number")}
        literals |= {("string", t.text) for t, _ in old if t.kind == "string" and value_of(t.text) in quoted}

        meant = _brings_values(old, new)
        free = (
            frozenset[tuple[str, str]](literals) if level in (Level.SHAPE, Level.EXPRESSION) and not meant else frozenset[tuple[str, str]]()
        )
        roles = _ROLES[level] - {"field"} if meant else _ROLES[level]

        def key(token: Token, is_a: str) -> tuple[str, str] | None:
            said = (token.kind, token.text)
            return said if said in free or (token.kind == "name" and is_a in roles) else None

        keyed = [[(token, key(token, is_a)) for token, is_a in side] for side in (old, new)]
        return cls(hunk, level, keyed[0], keyed[1], quoted)

    def held(self, names: Mapping[tuple[str, str], str]) -> set[tuple[str, str]]:
        return {key for _, key in self.old if key} | set(names)

    def unbound(self, names: Mapping[tuple[str, str], str], function: frozenset[str]) -> bool:
        """Whether the fix uses a name of its function that the shape does not hold."""
        used = {key for _, key in self.new if key} - self.held(names)
        return any(kind == "name" and text in function for kind, text in used)

    def answers(self) -> bool:
        """Whether the fix brings a `return` with a value: what a function answers is its own matter."""
        now, was = ([token.text for token, _ in side].count("return") for side in (self.new, self.old))
        return now > was

    def rewrite(self, names: Names, frame: int, covers: bool) -> Rewrite | None:
        held = self.held(names)
        for key in sorted(held - set(names)):
            names[key] = f"v{len(names)}"
        old, new = (self._words(side, names, held) for side in (self.old, self.new))
        if self.level is Level.EXPRESSION:
            if self.answers():
                return None
            rested = with_rests(*with_operands(old, new), self.telling)
            if rested is None:
                return None
            old, new = rested
        brought = {text for _, key in self.new if key and key not in held for text in [key[1]]}
        return Rewrite(
            self.hunk.path, frame, covers, parts_of(old), template(new, self.hunk.after, unit_of(self.hunk.after)), tuple(sorted(brought))
        )

    def _words(self, side: list[tuple[Token, tuple[str, str] | None]], names: Names, held: set[tuple[str, str]]) -> list[Word]:
        depth = int(side[0][0].text) if side and side[0][0].kind == "line" else 0
        return [Word.of(token, names[key] if key and key in held else "", depth) for token, key in side]


def _brings_values(old: list[tuple[Token, str]], new: list[tuple[Token, str]]) -> bool:
    """Whether the fix brings a value that belongs to what it is about, as `"plain"` belongs to a colour: not to any field or key of that shape.

    Empty values, 0, 1 and options of a call (`timeout=5`) belong to no field.
    """
    known = {token.text for token, _ in old}
    before = [token.text for token, _ in new]
    brought = [(at, token) for at, (token, _) in enumerate(new) if token.kind in ("string", "number") and token.text not in known]
    return any(value_of(token.text) not in ("", "0", "1", "0.0", "1.0") and before[at - 1] != "=" for at, token in brought)


def _given(text: str, language: str, first: int, last: int) -> list[tuple[Token, str]]:
    """The tokens of these lines of a file, each with its role."""
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    every = tokens(text, language)
    inside = [number for number, token in enumerate(every) if starts[first] <= token.start < starts[last]]
    return [(every[number], role(every, number, text, language) if every[number].kind == "name" else "") for number in inside]


def _where(before: str, after: str, line: str, language: str) -> str:
    """How the fix placed its import: the rule that puts it into the same line."""
    at = after.split("\n").index(line)
    for where in ("sorted", "last", "first"):
        placed = with_import(before, Import("", line, where), language).split("\n")
        if at < len(placed) and placed[at] == line:
            return where
    return "sorted"
