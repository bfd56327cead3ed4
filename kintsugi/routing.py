"""Who takes which sort of problem: the shipped table, and what `[routing]` in kintsugi.toml says instead."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from kintsugi import roles
from mcp_servers.kit.errors import Misconfigured
from mcp_servers.kit.project import FILE_NAME, Project

OTHERWISE = "code_defects"
"""The category of an error that is of no sort we know."""


@dataclass(frozen=True, slots=True)
class Category:
    """A sort of problem: what it is about, the error types of anomalies that belong to it, and the roles that take it, in order."""

    name: str
    about: str
    error_types: tuple[str, ...]
    roles: tuple[str, ...]


def categories(project: Project | None = None) -> Mapping[str, Category]:
    """Every category by name, with the roles that this project wants.

    Raises `Misconfigured` for a category that we do not know, and for a role that is neither ours nor under the project's .claude/agents.
    """
    shipped = {name: _category(name, value) for name, value in _table()["categories"].items()}
    if project is None:
        return shipped
    for name, wanted in project.routing.items():
        if name not in shipped:
            raise Misconfigured(
                f"[routing] in {FILE_NAME} has the unknown category {name!r}; it knows {', '.join(shipped)}.", code="unknown_key"
            )
        old = shipped[name]
        shipped[name] = Category(name, old.about, old.error_types, tuple(_existing(one, name, project) for one in _names(name, wanted)))
    return shipped


def category_of(error_type: str, project: Project | None = None) -> Category:
    """The category that the error type of an anomaly belongs to; raises as `categories`."""
    known = categories(project)
    return next((category for category in known.values() if error_type in category.error_types), known[OTHERWISE])


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))


def _category(name: str, value: Mapping[str, Any]) -> Category:
    return Category(name, value["about"], tuple(value["error_types"]), tuple(value["roles"]))


def _names(category: str, value: Any) -> list[str]:
    names = cast(list[Any], [value] if isinstance(value, str) else value if isinstance(value, list) else [])
    if not names or not all(isinstance(name, str) for name in names):
        raise Misconfigured(f'[routing] {category} in {FILE_NAME} must name roles, for example: {category} = ["diagnoser", "fixer"].')
    return names


def _existing(name: str, category: str, project: Project) -> str:
    """The project's own specialist of this name, our role, or ours that stands in for it."""
    own = _specialists(project.root)
    if name in own or name in roles.roles():
        return name
    if name in _table()["stands_in"]:
        return _table()["stands_in"][name]
    known = ", ".join((*roles.roles(), *own))
    raise Misconfigured(
        f"[routing] {category} in {FILE_NAME} names {name!r}, and there is no such role: put .claude/agents/{name[:60]}.md there, or take one of {known}.",
        code="unknown_role",
    )


def _specialists(root: Path) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in (root / ".claude" / "agents").glob("*.md")))
