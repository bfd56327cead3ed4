"""A recipe is data; so are the facts of a case. Here they meet."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import yaml

from kintsugi.reasoners import syntax
from kintsugi.reasoners.places import Function, Place, Sources
from mcp_servers.kit.errors import Misconfigured
from mcp_servers.kit.stack import StackTrace


@dataclass(frozen=True, slots=True)
class Recipe:
    """A repair that needs no model: what it matches, what it changes, how the failure is shown again, and its words."""

    id: str
    title: str
    change: str
    cause: str
    reasoning: str
    risk: str
    order: int = 50
    exceptions: tuple[str, ...] = ()
    texts: tuple[re.Pattern[str], ...] = ()
    also: tuple[re.Pattern[str], ...] = ()
    caused: tuple[str, ...] = ()
    syntax: Mapping[str, Any] = field(default_factory=dict[str, Any])
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    reproduce: tuple[str, ...] = ()
    pros: tuple[str, ...] = ()
    cons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """What is known about a case: its evidence, with the frames found again in the repository (deepest first)."""

    evidence: Mapping[str, Any]
    sources: Sources
    suspects: tuple[Mapping[str, Any], ...] = ()
    case_id: str = ""

    @cached_property
    def trace(self) -> StackTrace | None:
        value = self.evidence.get("trace")
        try:
            return StackTrace.from_json(value) if value else None
        except (KeyError, TypeError, IndexError):
            return None

    @cached_property
    def exception(self) -> str:
        return self.trace.root.type if self.trace and self.trace.exceptions else ""

    @property
    def short_exception(self) -> str:
        return self.exception.rpartition(".")[2]

    @cached_property
    def message(self) -> str:
        return self.trace.root.message if self.trace and self.trace.exceptions else str(self.evidence.get("message", ""))

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """What production said about the error itself, its message first."""
        samples = [str(each.get("body", "")) for each in self.evidence.get("samples", ())]
        chain = [each.message for each in self.trace.exceptions] if self.trace else []
        mined: Mapping[str, Any] = self.evidence.get("template") or {}
        template = str(mined.get("text", ""))
        return tuple(dict.fromkeys(text for text in (self.message, *chain, *self.own, *samples, template) if text))

    @cached_property
    def company(self) -> tuple[str, ...]:
        """What the same requests said beside it."""
        return tuple(str(each[key]) for each in self.evidence.get("also", ()) for key in ("title", "template") if each.get(key))

    def said_for(self, recipe: Recipe) -> tuple[str, ...]:
        """The texts that count for a recipe: other symptoms only under exceptions that they are known to cause."""
        return (*self.texts, *(self.company if self.short_exception in ("", *recipe.caused) else ()))

    @property
    def own(self) -> tuple[str, str]:
        return str(self.evidence.get("message", "")), str(self.evidence.get("title", ""))

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """In-app frames that exist in the repository, the one nearest the throw first."""
        if not self.trace:
            return ()
        frames = [frame for each in self.trace.exceptions for frame in reversed(each.frames)]
        found = [place for frame in frames if (place := self.sources.place(frame))]
        seen: dict[tuple[str, str], Place] = {}
        for place in found:
            seen.setdefault((place.path, place.function), place)
        return tuple(seen.values())

    @property
    def thrown_in(self) -> tuple[Place, Function]:
        """The place nearest the throw and its function; raises `NotSure` where the repository has none."""
        if not self.places or self.places[0].node is None:
            raise NotSure("no frame of the trace is a function in this repository")
        return self.places[0], self.places[0].node

    @property
    def requests(self) -> Sequence[Mapping[str, Any]]:
        return self.evidence.get("request") or ()

    @property
    def concurrency(self) -> int:
        return int(self.evidence.get("concurrency") or 0)


class NotSure(Exception):
    """A recipe looked and does not know; the text says what was missing."""


@cache
def recipes() -> tuple[Recipe, ...]:
    """The shipped recipes in the order they are tried; raises `Misconfigured` for a file that is no recipe."""
    folder = files("kintsugi.reasoners") / "recipes"
    found = [parse(each.name, each.read_text("utf-8")) for each in folder.iterdir() if each.name.endswith(".yaml")]
    return tuple(sorted(found, key=lambda recipe: (recipe.order, recipe.id)))


def parse(name: str, text: str) -> Recipe:
    """A recipe of its YAML text; raises `Misconfigured` with the file's name when a part is missing or no pattern."""
    try:
        data: dict[str, Any] = yaml.safe_load(text)
        match = data.pop("match", {})
        for key in ("reproduce", "pros", "cons"):
            data[key] = tuple(data.get(key, ()))
        return Recipe(
            **data,
            exceptions=tuple(match.get("exceptions", ())),
            texts=tuple(re.compile(each, re.IGNORECASE) for each in match.get("texts", ())),
            also=tuple(re.compile(each, re.IGNORECASE) for each in match.get("also", ())),
            caused=tuple(match.get("caused", ())),
            syntax=match.get("syntax", {}),
            settings=match.get("settings", {}),
        )
    except (TypeError, AttributeError, re.error, yaml.YAMLError) as error:
        raise Misconfigured(f"The recipe {name} cannot be read: {error}.", code="bad_recipe") from error


def fits(recipe: Recipe, facts: Facts) -> bool:
    """Whether the class of error is the recipe's: exception, root message, other texts, then syntax of the frames' functions."""
    if recipe.exceptions and facts.short_exception not in recipe.exceptions:
        return False
    if recipe.texts and not any(pattern.search(facts.message) for pattern in recipe.texts):
        return False
    if recipe.also and first(recipe.also, facts.said_for(recipe)) is None:
        return False
    return not recipe.syntax or any(syntax.matches(recipe.syntax, snippet(place)) for place in facts.places)


def first(patterns: Sequence[re.Pattern[str]], texts: Sequence[str]) -> re.Match[str] | None:
    """The first match, by text before pattern: what the error itself says counts before what came with it."""
    return next((found for text in texts for pattern in patterns if (found := pattern.search(text))), None)


def snippet(place: Place) -> str:
    if place.node is None:
        return place.source.text
    last = place.node.end_lineno or place.node.lineno
    return textwrap.dedent("\n".join(place.source.lines[place.node.lineno - 1 : last]))
