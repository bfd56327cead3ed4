"""`kintsugi knowledge recipes` and `kintsugi knowledge services`: what is on record, with what it rests on."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kintsugi.shipping.rounds import named
from kintsugi.workspace import ledger_of, open_deps
from mcp_servers.cases.track import Track, records
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import Repository
from mcp_servers.kit.project import folder_of
from mcp_servers.knowledge.recipes.model import Recipe
from mcp_servers.knowledge.recipes.store import RecipeStore
from mcp_servers.knowledge.services import Dependency, Landscape, ServiceStore
from mcp_servers.knowledge.services.learning import learn

_json = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")


@click.command()
@click.argument("recipe", default="")
@_json
def recipes(recipe: str, as_json: bool) -> None:
    """List what fixes taught: how far each recipe may reach, what its replays showed, and how its fixes fared. Or show one RECIPE."""
    deps = open_deps()
    ledger = ledger_of(deps)
    track = records(ledger.events_since(0), ledger.now())
    rows = [_recipe(one, track) for one in _chosen(deps, recipe)]
    if as_json:
        click.echo(json.dumps({"recipes": rows}, ensure_ascii=False))
    elif recipe:
        _show(rows[0])
    elif rows:
        told = [(row["recipe"], row["level"], row["fix"], _reach(row), row["record"]) for row in rows]
        _list(("recipe", "level", "fix", "elsewhere", "record"), told)
    else:
        click.echo("No recipes yet. A fix that held in production teaches one.")


@click.command()
@click.argument("repositories", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="[REPO…]")
@_json
def services(repositories: Sequence[Path], as_json: bool) -> None:
    """Read the configuration of REPO (this one when left out) for its services, and list who uses what everywhere."""
    deps = open_deps()
    store = ServiceStore(deps.database)
    for folder in repositories or _here():
        learn(store, Repository.at(folder), named(folder.resolve()), deps.clock())
    landscape = store.landscape()
    if as_json:
        click.echo(json.dumps({"dependencies": [_dependency(one, landscape) for one in landscape.dependencies]}, ensure_ascii=False))
    elif landscape.dependencies:
        rows = [
            (one.repository, one.service, f"{one.kind} {one.name}", one.place or one.told, _also(one, landscape))
            for one in landscape.dependencies
        ]
        _list(("repository", "service", "uses", "told by", "used by others"), rows)
    else:
        click.echo("No service is known to use anything yet. Compose files, manifests, settings and traces tell it.")


def _chosen(deps: Deps, recipe: str) -> list[Recipe]:
    store = RecipeStore(deps.database)
    if not recipe:
        return store.every()
    found = store.get(recipe)
    if found is None:
        raise Refusal(f"There is no recipe {recipe!r}; `kintsugi knowledge recipes` lists them.", code="unknown_recipe")
    return [found]


def _recipe(recipe: Recipe, track: Track) -> dict[str, Any]:
    record = track.of(f"recipe {recipe.id}")
    return {
        "recipe": recipe.id,
        "level": recipe.active or "not used",
        "demoted": str(record.level) if record.level != "propose" else "",
        "fix": recipe.fix.partition("\n")[0],
        "exception": recipe.exception,
        "reason": recipe.reason,
        "lesson": recipe.lesson,
        "case": recipe.case,
        "repository": recipe.repository,
        "reach": [{"of": one.of, "lines": one.lines, "fits": one.fits, "places": list(one.places)} for one in recipe.reach],
        "record": record.told if record.decided else "not tried yet",
    }


def _show(row: Mapping[str, Any]) -> None:
    demoted = f", demoted to {row['demoted']}" if row["demoted"] else ""
    click.echo(f"{row['recipe']} ({row['level']}{demoted}): {row['fix']}")
    click.echo(f"  learned from {row['case']} in {row['repository']} ({row['lesson']}); its fixes: {row['record']}")
    if row["reason"]:
        click.echo(f"  not more general: {row['reason']}")
    for one in row["reach"]:
        click.echo(f"  would change {one['fits']} of {one['lines']} lines of {one['of']}, if they failed alike")
        for place in one["places"]:
            click.echo(f"    {place}")


def _reach(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{one['fits']} of {one['lines']} lines" for one in row["reach"]) or "not replayed"


def _here() -> list[Path]:
    """The repository of this folder, if it is one."""
    folder = folder_of(os.environ)
    try:
        Repository.at(folder).head()
    except Refusal:
        return []
    return [folder]


def _dependency(one: Dependency, landscape: Landscape) -> dict[str, Any]:
    return {name: getattr(one, name) for name in ("repository", "service", "kind", "name", "told", "place")} | {
        "users": landscape.users(one)
    }


def _also(one: Dependency, landscape: Landscape) -> str:
    return ", ".join(user for user in landscape.users(one) if user != one.service)


def _list(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=column == columns[0])
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console(soft_wrap=True).print(table)
