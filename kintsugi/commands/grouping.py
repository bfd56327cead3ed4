"""`kintsugi logs group`: what a person knows better about which errors are one, kept in kintsugi.toml where git shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import click
import tomlkit
from rich.console import Console
from rich.table import Table
from rich.text import Text
from tomlkit.items import AoT

from kintsugi.commands.asking import json_option, print_json
from kintsugi.commands.tracing import checked, look
from kintsugi.groups import Group
from mcp_servers.kit.errors import Misconfigured, Refusal
from mcp_servers.kit.project import FILE_NAME, Project, find_project

_KEYS = {"merge": "from", "split": "id"}

_why = click.option("--why", required=True, help="The reason, for whoever reads it in a year.")
_in = click.option(
    "--in", "sources", multiple=True, metavar="SOURCE", help="Look for the ids in this source instead of those of kintsugi.toml."
)


def attach(logs: click.Group) -> None:
    """Adds the group of commands to `kintsugi logs`."""
    logs.add_command(group)


@click.group(cls=Group)
def group() -> None:
    """Say which errors are one and which are two. Ids are the COARSE of `kintsugi logs fingerprint`; decisions stand in kintsugi.toml."""


@group.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@_why
@_in
def merge(first: str, second: str, why: str, sources: tuple[str, ...]) -> None:
    """From now on B counts as A."""
    project = _project()
    _known(project, (first, second), sources)
    if first == second:
        raise Refusal(f"{first} cannot be merged with itself; name two ids.", code="same_id")
    _change(project, lambda table: _append(table, "merge", {"from": second, "into": first, "why": why}))
    click.echo(f"{second} counts as {first}.")


@group.command()
@click.argument("first", metavar="A")
@_why
@_in
def split(first: str, why: str, sources: tuple[str, ...]) -> None:
    """From now on the ways to A are told apart: each FINE is an error of its own."""
    project = _project()
    _known(project, (first,), sources)
    _change(project, lambda table: _append(table, "split", {"id": first, "why": why}))
    click.echo(f"The ways to {first} are told apart.")


@group.command()
@click.argument("ids", metavar="A [B]", nargs=-1, required=True)
def undo(ids: tuple[str, ...]) -> None:
    """Take back what was decided about A (with B: only their merge)."""
    project = _project()
    taken = [one for one in decisions(project) if set(ids) <= set(one["ids"])]
    if not taken:
        raise Refusal(f"Nothing was decided about {' and '.join(ids)}; `kintsugi logs group list` shows what was.", code="unknown_id")
    _change(project, lambda table: _remove(table, taken))
    click.echo(f"{len(taken)} decision{'s' if len(taken) > 1 else ''} taken back.")


@group.command("list")
@json_option
def listed(as_json: bool) -> None:
    """Show what was decided."""
    found = decisions(_project())
    if as_json:
        print_json({"decisions": [{name: one[name] for name in ("kind", "ids", "why")} for one in found]})
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("decision", "ids", "why"):
        table.add_column(name, overflow="fold")
    for one in found:
        table.add_row(one["kind"], " → ".join(one["ids"]), Text(one["why"]))
    if found:
        Console().print(table)
    else:
        click.echo("Nothing was decided; every error is grouped by its fingerprint.")


def decisions(project: Project) -> list[dict[str, Any]]:
    """Kind, ids and reason of each decision in kintsugi.toml; a merge's ids are what is merged and into what."""
    merges = [
        {"kind": "merge", "ids": [str(one["from"]), str(one["into"])], "why": str(one.get("why", ""))} for one in _tables(project, "merge")
    ]
    return merges + [{"kind": "split", "ids": [str(one["id"])], "why": str(one.get("why", ""))} for one in _tables(project, "split")]


def _project() -> Project:
    project = find_project(Path.cwd())
    if project is None:
        raise Misconfigured("There is no kintsugi.toml here to write the decision into; run `kintsugi init` first.", code="no_project")
    return project


def _tables(project: Project, kind: str) -> Sequence[dict[str, Any]]:
    return cast(Sequence[dict[str, Any]], project.grouping.get(kind, ()))


def _known(project: Project, ids: Sequence[str], sources: tuple[str, ...]) -> None:
    """Raises `Refusal` for an id that neither the logs nor an earlier decision hold, and for one that was decided about."""
    decided = {one["ids"][0]: one for one in decisions(project)}
    targets = {one for decision in decided.values() for one in decision["ids"]}
    found = look(sources, project.root)
    seen = {one.computed.coarse for one in found.traces} | {one.fingerprint.coarse for one in found.traces} | targets
    for one in ids:
        if one not in seen:
            raise Refusal(f"No error in the logs has the id {one!r}; `kintsugi logs fingerprint` lists those there are.", code="unknown_id")
    if ids[-1] in decided:
        raise Refusal(
            f"Something was decided about {ids[-1]} already; take it back with `kintsugi logs group undo {ids[-1]}`.", code="decided"
        )


def _change(project: Project, change: Callable[[Any], None]) -> None:
    """Changes the table in the file, all else in it unchanged; a result that makes no sense is not written."""
    path = project.root / FILE_NAME
    document = tomlkit.parse(path.read_text("utf-8"))
    if "grouping" not in document:
        document["grouping"] = tomlkit.table(is_super_table=True)
    change(document["grouping"])
    if not document["grouping"]:
        del document["grouping"]
    text = tomlkit.dumps(document)
    checked(Project.parse(project.root, tomlkit.parse(text).unwrap()))
    path.write_text(text, "utf-8")


def _append(table: Any, kind: str, values: dict[str, str]) -> None:
    entry = tomlkit.table()
    for name, value in values.items():
        entry.add(name, value)
    if kind not in table:
        table.add(kind, tomlkit.aot())
    table[kind].append(entry)


def _remove(table: Any, taken: Sequence[dict[str, Any]]) -> None:
    for decision in taken:
        kind = decision["kind"]
        entries = cast(AoT, table[kind])
        for number in reversed(range(len(entries))):
            if str(entries[number][_KEYS[kind]]) == decision["ids"][0]:
                del entries[number]
        if not len(entries):
            del table[kind]
