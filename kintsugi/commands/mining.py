"""`kintsugi logs templates`: every template of a log of any size, and the template of every line."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from kintsugi.commands.asking import json_option, print_json, project_of, sources_argument, waiting
from mcp_servers.kit.home import state_folder
from mcp_servers.kit.redaction import clean

if TYPE_CHECKING:
    from mcp_servers.logs.bulk import Mined, Template

_LONGEST_TEXT = 2_000
_LONGEST_SAMPLE = 500
_MOST_ROWS = 500


def attach(group: click.Group) -> None:
    """Adds the command to `kintsugi logs`."""
    group.add_command(templates)


@click.command()
@sources_argument
@click.option("--content", is_flag=True, help="Each line is a message of its own, without a header: nothing is split off, nothing joined.")
@click.option(
    "--assign",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="OUT.csv",
    help="Write line,template_id,template for every line, in order; with several files a column source comes first.",
)
@json_option
def templates(sources: tuple[str, ...], content: bool, assign: Path | None, as_json: bool) -> None:
    """List all that the messages have in common, <*> for what varies, each with its count.

    Counts are lines and add up: a line that goes on with the one before it (a stack trace) counts for the template of its entry,
    an empty line for the template "(blank line)". Any amount of log is read in bounded memory. In a watched project ids last: a template
    that is merged with another or reworded keeps its own.
    """
    from mcp_servers.logs.bulk import mined

    project = project_of(sources, Path.cwd())
    lasting = None if sources else state_folder(os.environ) / "scratch" / "templates"
    with waiting() as progress:
        found = mined(project, content=content, assign=assign is not None, progress=_Bytes(progress), lasting=lasting)
    try:
        if assign is not None:
            _write_assigned(assign, found)
    finally:
        found.close()
    if as_json:
        print_json({"lines": found.lines, "templates": [_shown(template) for template in found.templates]})
    else:
        _print_all(Console(), found)
    for note in found.notes:
        click.echo(note, err=True)


class _Bytes:
    """Says on a line of standard error how much of which file was read."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("Reading")
        self._file, self._read = "", 0

    def __call__(self, file: str, came: int, size: int) -> None:
        self._read = came if file != self._file else self._read + came
        self._file = file
        of = f" of {size / 1e6:.0f}" if size else ""
        self._progress.update(self._task, description=f"Reading {file}: {self._read / 1e6:.0f}{of} MB")


def _write_assigned(path: Path, found: Mined) -> None:
    named = len(found.sources) > 1
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([*(["source"] if named else []), "line", "template_id", "template"])
        texts = {template.id: _text_of(template) for template in found.templates}
        for source, line, template in found.assigned():
            rows.writerow([*([clean(source)] if named else []), line, template.id, texts[template.id]])


def _shown(template: Template) -> dict[str, Any]:
    first, last = ((moment.isoformat() if moment else None) for moment in (template.first, template.last))
    sample = clean(template.sample[:_LONGEST_SAMPLE])
    return {"id": template.id, "template": _text_of(template), "count": template.count, "first": first, "last": last, "sample": sample}


def _text_of(template: Template) -> str:
    return clean(template.text[:_LONGEST_TEXT])


def _print_all(console: Console, found: Mined) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("count", justify="right")
    table.add_column("id", no_wrap=True)
    table.add_column("template", overflow="fold", ratio=1)
    for template in found.templates[:_MOST_ROWS]:
        table.add_row(str(template.count), template.id, Text(_text_of(template)))
    if found.templates:
        console.print(table)
    left = found.templates[_MOST_ROWS:]
    hidden = f"; {len(left)} rare ones with {sum(template.count for template in left)} lines not shown, --json has all" if left else ""
    console.print(f"{found.lines} lines, {len(found.templates)} templates{hidden}", style="dim")
