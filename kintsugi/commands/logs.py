"""`kintsugi logs`: digest, query and mine any log, through the same tools as everyone else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from mcp_servers.kit.project import Project, Source
from mcp_servers.launch import assemble, find_project

_DOCKER = "docker:"
_STYLES = {"FATAL": "bold red", "ERROR": "red", "WARN": "yellow"}

_sources = click.argument("sources", nargs=-1, metavar="SOURCE…")
_since = click.option("--since", default="", metavar="TIME", help="Begin of the window: 15m, 2h, 7d, or an ISO time.")
_until = click.option("--until", default="", metavar="TIME", help="End of the window; now when left out.")
_text = click.option("--text", default="", help="Only records that hold this text.")
_severity = click.option(
    "--severity",
    default="",
    type=click.Choice(["", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"], case_sensitive=False),
    help="Only this and graver.",
)
_budget = click.option("--budget", default=8000, show_default=True, type=click.IntRange(500, 8000), help="Size of the answer in tokens.")
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")


@click.group()
def logs() -> None:
    """Read any log: SOURCE is a file, folder, glob, archive (.gz), - for standard input, or docker:NAME; none means those of kintsugi.toml."""


@logs.command()
@_sources
@_since
@_until
@_text
@_severity
@_budget
@_json
def digest(sources: tuple[str, ...], as_json: bool, **asked: Any) -> None:
    """Fold any amount of log into a page: rare errors first, every line shown or accounted for."""
    answer = _call("digest_logs", sources, **asked)
    if as_json:
        _print_json(answer)
        return
    console = Console()
    _print_templates(console, answer)
    accounts = answer["accounts"]
    console.print(
        f"{accounts['lines']} lines = {accounts['shown']} shown + {accounts['folded']} folded + {accounts['continuations']} continuations "
        f"+ {accounts['outside']} outside + {accounts['blank']} blank",
        style="dim",
    )
    _print_remarks(answer)


@logs.command()
@_sources
@_since
@_until
@_text
@_severity
@click.option("--template", default="", metavar="ID", help="Only records of this template of the digest.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 500), help="How many at most, the newest.")
@_json
def query(sources: tuple[str, ...], as_json: bool, **asked: Any) -> None:
    """Show records in time order, the newest that fit."""
    answer = _call("query_logs", sources, **asked)
    if as_json:
        _print_json(answer)
        return
    console = Console()
    for record in answer["records"]:
        line = Text.assemble(
            (f"{record.get('at', '-')} ", "dim"),
            (f"{record['severity']:<5} ", _STYLES.get(record["severity"], "")),
            f"{record.get('service', '-')} ",
        )
        console.print(line.append(record["body"]), soft_wrap=True)
    _print_remarks(answer)


@logs.command()
@_sources
@_since
@_until
@_text
@_severity
@_budget
@_json
def templates(sources: tuple[str, ...], as_json: bool, **asked: Any) -> None:
    """List what the messages have in common, with counts and ids."""
    answer = _call("digest_logs", sources, **asked)
    if as_json:
        _print_json({name: answer[name] for name in ("returned", "total", "omitted", "templates")})
        return
    _print_templates(Console(), answer)
    _print_remarks(answer)


def project_of(sources: Sequence[str], folder: Path) -> Project | None:
    """A project made of the sources named on the command line, or the one that watches this folder when none is named."""
    if not sources:
        return find_project(folder)
    return Project(folder, folder.name, sources=tuple(_source(number, text) for number, text in enumerate(sources, start=1)))


def _source(number: int, text: str) -> Source:
    if text.startswith(_DOCKER):
        name = text.removeprefix(_DOCKER)
        return Source(text, "docker", {"containers": [name]} if name else {})
    return Source(f"{text} ({number})", "files", {"paths": [text]})


def _call(tool: str, sources: Sequence[str], **asked: Any) -> dict[str, Any]:
    """The tool's answer, with a sign of life on standard error while it reads. Nothing of it is kept."""
    from kintsugi.tools import Tools

    arguments = {name: value.upper() if name == "severity" else value for name, value in asked.items()}
    with TemporaryDirectory(prefix="kintsugi-") as home, _progress() as progress:
        progress.add_task(f"Reading {', '.join(sources) or 'the sources of kintsugi.toml'}")
        deps = assemble(project_of(sources, Path.cwd()), home=Path(home))
        try:
            return asyncio.run(Tools(deps, ["logs"]).call(tool, **arguments))
        finally:
            deps.database.close()


def _progress() -> Progress:
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not Console(stderr=True).is_terminal)


def _print_json(answer: dict[str, Any]) -> None:
    click.echo(json.dumps(answer, ensure_ascii=False))


def _print_templates(console: Console, answer: dict[str, Any]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("count", justify="right")
    table.add_column("severity")
    table.add_column("service", overflow="fold")
    table.add_column("template", no_wrap=True)
    table.add_column("text", overflow="fold", ratio=1)
    for one in answer["templates"]:
        severity = Text(one["severity"], style=_STYLES.get(one["severity"], ""))
        table.add_row(str(one["count"]), severity, Text(one.get("service", "-")), one["template"], Text(one["text"]))
    if answer["templates"]:
        console.print(table)


def _print_remarks(answer: dict[str, Any]) -> None:
    remarks = [*answer.get("notes", ()), *([answer["hint"]] if "hint" in answer else [])]
    if answer["omitted"] and "hint" not in answer:
        remarks.append(f"{answer['omitted']} of {answer['total']} did not fit; raise --budget or narrow the window.")
    for remark in remarks:
        click.echo(remark, err=True)
