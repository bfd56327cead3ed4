"""`kintsugi status`: one screen on what is open, what waits for you, what was deployed and who works."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict

import click

from kintsugi.standing import Standing, here, line
from mcp_servers.kit.project import folder_of

_WIDE = 160


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.option("--line", "as_line", is_flag=True, help="One line, or nothing where nothing is open.")
def status(as_json: bool, as_line: bool) -> None:
    """Say how healing stands in this project; in all of them outside one."""
    now = here(folder_of(os.environ), os.environ)
    if as_json:
        click.echo(json.dumps({**asdict(now), "open": now.open}, ensure_ascii=False))
    elif as_line:
        told = line(now)
        click.echo(told, nl=bool(told))
    else:
        _screen(now)


def _screen(now: Standing) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(soft_wrap=True, width=None if sys.stdout.isatty() else _WIDE, highlight=False)
    paused = " is paused" + (f": {now.reason}" if now.reason else "") if now.paused else ""
    console.print(Text(now.project or "All projects", style="bold").append(paused, "red"))
    for title, rows in _sections(now):
        console.print(Text(f"\n{title}", style="bold"))
        for row in rows:
            console.print(Text(f"  {row}"))


def _sections(now: Standing) -> Iterable[tuple[str, list[str]]]:
    cases = [f"{count:>4}  {state}" for state, count in sorted(now.states.items())]
    yield "Open cases", cases or ["none; `kintsugi watch --once` looks at the logs"]
    yield "Waits for you", [f"{one.command:<32}  {one.what}{f'  {one.case}' if one.case else ''}" for one in now.waiting] or ["nothing"]
    deployed = [
        f"{one.at[:16].replace('T', ' ')}  {one.fix}  {one.verdict}{f'  in {one.release}' if one.release else ''}"
        for one in now.deployments
    ]
    yield "Deployed lately", deployed or ["nothing"]
    drivers = [" on ".join(filter(None, (one.id, ", ".join(one.cases)))) for one in now.drivers]
    yield "Drivers", drivers or ["none; `kintsugi watch` starts one"]
