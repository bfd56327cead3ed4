"""`kintsugi logs fingerprint`: every stack trace of a log with its lines and its identity."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kintsugi.commands.asking import json_option, print_json, project_of, sources_argument, waiting
from mcp_servers.kit.project import Project, find_project
from mcp_servers.kit.redaction import clean

if TYPE_CHECKING:
    from mcp_servers.logs.survey import Survey, Traced

_LONGEST_TITLE = 160


def attach(group: click.Group) -> None:
    """Adds the command to `kintsugi logs`."""
    group.add_command(fingerprint)


@click.command()
@sources_argument
@json_option
def fingerprint(sources: tuple[str, ...], as_json: bool) -> None:
    """Find every stack trace, and say which are the same error.

    COARSE is one error: the type of its root cause and our frame nearest the throw. FINE is one way to it. Neither changes with line
    numbers, install folders, releases, values in messages or frames of libraries. Lines count from 1; in JSON the exceptions of a chain
    stand root cause first, and our frames nearest the throw first. What kintsugi.toml says about grouping is applied.
    """
    found = look(sources, Path.cwd())
    several = len(found.lines) > 1
    if as_json:
        traces = [{**({"source": clean(one.source)} if several else {}), **one.as_json()} for one in found.traces]
        print_json(
            {"order": "root first", "traces": traces, "lines": sum(found.lines.values()), **({"notes": found.notes} if found.notes else {})}
        )
        return
    _print(Console(), found, several)
    for note in found.notes:
        click.echo(note, err=True)


def look(sources: tuple[str, ...], folder: Path) -> Survey:
    """Every trace of the sources named, or of those of kintsugi.toml; its decisions about groups hold for both."""
    from mcp_servers.logs.survey import surveyed

    project = project_of(sources, folder)
    watched = find_project(folder) if sources else project
    with waiting() as progress:
        progress.add_task(f"Reading {', '.join(sources) or 'the sources of kintsugi.toml'}")
        return surveyed(project, watched.grouping if watched else {})


def checked(project: Project) -> None:
    """Raises `Misconfigured` when what the project says about grouping contradicts itself."""
    from mcp_servers.logs.survey import grouping_of

    grouping_of(project.grouping)


def _print(console: Console, found: Survey, several: bool) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("coarse", "fine", "lines", *(["source"] if several else []), "language"):
        table.add_column(name, no_wrap=True)
    table.add_column("error", overflow="fold", ratio=1)
    for one in found.traces:
        source = [Text(clean(one.source))] if several else []
        identity = one.fingerprint
        table.add_row(identity.coarse, identity.fine, f"{one.first}–{one.last}", *source, one.trace.language, Text(title(one)))
    if found.traces:
        console.print(table)
    errors = len({one.fingerprint.coarse for one in found.traces})
    console.print(f"{sum(found.lines.values())} lines, {len(found.traces)} stack traces, {errors} different errors", style="dim")


def title(one: Traced) -> str:
    """Type, place and the first line of the message of the root cause."""
    top, root = one.trace.top_in_app, one.trace.root
    place = f" in {top.function}" if top and top.function else ""
    return clean(f"{root.type}{place}: {root.message.partition(chr(10))[0]}".removesuffix(": "))[:_LONGEST_TITLE]
