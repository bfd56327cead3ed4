"""`kintsugi logs`: digest, query and mine any log, through the same tools as everyone else."""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kintsugi.commands import grouping, judging, mining, tracing
from kintsugi.commands.asking import call, json_option, print_json, since_option, sources_argument, until_option
from kintsugi.groups import Group

_STYLES = {"FATAL": "bold red", "ERROR": "red", "WARN": "yellow"}

_text = click.option("--text", default="", help="Only records that hold this text.")
_severity = click.option(
    "--severity",
    default="",
    type=click.Choice(["", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"], case_sensitive=False),
    help="Only this and graver.",
)
_budget = click.option("--budget", default=8000, show_default=True, type=click.IntRange(500, 8000), help="Size of the answer in tokens.")


@click.group(cls=Group)
def logs() -> None:
    """Read any log: SOURCE is a file, folder, glob, archive (.gz), - for standard input, or docker:NAME; none means those of kintsugi.toml."""


judging.attach(logs)
mining.attach(logs)
tracing.attach(logs)
grouping.attach(logs)


@logs.command()
@sources_argument
@since_option
@until_option
@_text
@_severity
@_budget
@json_option
def digest(sources: tuple[str, ...], as_json: bool, **asked: Any) -> None:
    """Fold any amount of log into a page: rare errors first, every line shown or accounted for."""
    answer = call("digest_logs", sources, **asked)
    if as_json:
        print_json(answer)
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
@sources_argument
@since_option
@until_option
@_text
@_severity
@click.option("--template", default="", metavar="ID", help="Only records of this template of the digest.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 500), help="How many at most, the newest.")
@json_option
def query(sources: tuple[str, ...], as_json: bool, **asked: Any) -> None:
    """Show records in time order, the newest that fit."""
    answer = call("query_logs", sources, **asked)
    if as_json:
        print_json(answer)
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
