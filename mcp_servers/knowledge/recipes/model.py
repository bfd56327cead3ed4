"""The nouns of learned recipes: the case that taught one, the forms it has from literal to general, and what it proposes elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any

from mcp_servers.knowledge.recipes.patterns import Part

PREFIX = "recipe_"
"""How the ids of learned recipes begin; shipped ones are named in words."""


class Level(StrEnum):
    """How far a form reaches: the same words, other names of variables, the same shape, the same expression anywhere in a statement."""

    SAME = "same"
    RENAMED = "renamed"
    SHAPE = "shape"
    EXPRESSION = "expression"


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Code of this shape becomes the template. `frame` counts frames of ours from the throw; -1: outside of the trace, where it is the only one.

    `covers`: the line that the frame names is part of the shape. `fresh` names come with the fix and must be free where it goes.
    """

    path: str
    frame: int
    covers: bool
    parts: tuple[Part, ...]
    template: str
    fresh: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Import:
    """A file of the change gains this line among its imports; `where` is sorted, last or first."""

    path: str
    line: str
    where: str


@dataclass(frozen=True, slots=True)
class Setting:
    """A value of a configuration file changes; `rule` is at_least, at_most, set or missing, and decides where it is wrong as it was."""

    path: str
    key: str
    old: Any
    new: Any
    rule: str


@dataclass(frozen=True, slots=True)
class Form:
    """One generality of a recipe. `message` has holes where it names what the code names; `own` is what was bound in its own case."""

    level: Level
    message: str
    rewrites: tuple[Rewrite, ...] = ()
    imports: tuple[Import, ...] = ()
    settings: tuple[Setting, ...] = ()
    own: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Reach:
    """Of so many lines of code that never failed the form would change some if they failed alike; `of` names the code."""

    of: str
    lines: int
    fits: int
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Story:
    """One case as it was: its failure (trace and message as evidence tells them), the changed files before and after, and the certified test."""

    evidence: Mapping[str, Any]
    before: Mapping[str, str]
    after: Mapping[str, str]
    test_path: str = ""
    test: str = ""


NO_STORY = Story({}, {}, {})


@dataclass(frozen=True, slots=True)
class Recipe:
    """What one verified fix taught. `forms` run from general to literal; `active` is the level that its replays allow, or empty with `reason`.

    `reach` is what the replay of the active form on code in service showed.
    """

    id: str
    lesson: str
    case: str
    repository: str
    fix: str
    cause: str
    exception: str = ""
    forms: tuple[Form, ...] = ()
    story: Story = NO_STORY
    active: str = ""
    reason: str = ""
    reach: tuple[Reach, ...] = ()

    @property
    def usable(self) -> tuple[Form, ...]:
        """The forms that may be used, the most literal first: it is the surest where it fits."""
        levels = [form.level for form in self.forms]
        return tuple(reversed(self.forms[levels.index(Level(self.active)) :])) if self.active else ()

    def as_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """The inverse of `as_json`."""
        data = json.loads(text)
        data["forms"] = tuple(_form(form) for form in data["forms"])
        data["story"] = Story(**data["story"])
        data["reach"] = tuple(Reach(one["of"], one["lines"], one["fits"], tuple(one["places"])) for one in data.get("reach", ()))
        return cls(**data)


@dataclass(frozen=True, slots=True)
class Healed:
    """What a form makes of a failing tree: changed files, what was bound, and the frames of ours that it stands on, nearest first."""

    form: Form
    files: Mapping[str, str]
    settings: tuple[tuple[str, str, Any], ...]
    bound: Mapping[str, str]
    path: str
    line: int
    function: str


def recipe_id(lesson: str) -> str:
    return PREFIX + sha256(lesson.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _form(data: dict[str, Any]) -> Form:
    return Form(
        Level(data["level"]),
        data["message"],
        tuple(_rewrite(one) for one in data["rewrites"]),
        tuple(Import(**one) for one in data["imports"]),
        tuple(Setting(**one) for one in data["settings"]),
        data["own"],
    )


def _rewrite(data: dict[str, Any]) -> Rewrite:
    parts = tuple(Part(**part) for part in data["parts"])
    return Rewrite(data["path"], data["frame"], data["covers"], parts, data["template"], tuple(data["fresh"]))
