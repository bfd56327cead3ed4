"""`kintsugi demo`: a broken shop, healed in front of you."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from kintsugi.demo.report import table
from kintsugi.demo.run import SECONDS, Demo, Options, down, reset
from kintsugi.groups import Group
from mcp_servers.cases.approvals import Request, short
from mcp_servers.kit.home import state_folder


def _folder() -> Path:
    return state_folder(os.environ) / "demo"


@click.group(cls=Group, invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, and nothing else there.")
@click.option("--ask", is_flag=True, help="You approve each fix; without it the demo approves in your name, and says so.")
@click.option("--keep", is_flag=True, help="Leave the shop running, with its repository and data, to look around.")
@click.option("--seconds", default=SECONDS, show_default=True, type=click.FloatRange(20, 600), help="How long it takes up new work.")
@click.option("--only", default="", help="Heal only cases whose title holds these words.")
@click.pass_context
def demo(ctx: click.Context, as_json: bool, ask: bool, keep: bool, seconds: float, only: str) -> None:
    """Start a small shop with ordinary defects, drive a steady load against it, and heal it: no key, no network, no container."""
    if ctx.invoked_subcommand is None:
        asyncio.run(_demo(Options(_folder(), only=only, keep=keep, seconds=600.0 if ask else seconds), as_json, ask))


@demo.command("down")
def demo_down() -> None:
    """End what an earlier demo left running."""
    click.echo("The shop and its load are ended." if down(_folder()) else "No demo is running.")


@demo.command("reset")
def demo_reset() -> None:
    """End what runs and remove everything the demo made."""
    reset(_folder())
    click.echo("The demo is gone; `kintsugi demo` starts afresh.")


async def _demo(options: Options, as_json: bool, ask: bool) -> None:
    console = Console(stderr=as_json, soft_wrap=True, width=None if sys.stdout.isatty() else 140)
    if not ask:
        console.print("This demo approves each fix in your name; `--ask` lets you decide. Everything stays on this machine.", style="dim")
    found = await Demo(options, console, _ask_viewer if ask else None).run()
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        _close(console, found, options.keep)


def _close(console: Console, found: dict[str, Any], keep: bool) -> None:
    console.print()
    console.print(table(found))
    consequences = 0
    for quiet in found["left_alone"]:
        if quiet["reason"].startswith("consequence of"):
            consequences += 1
        else:
            console.print(Text(f"left alone: {quiet['title']} — {quiet['reason']}", style="dim"))
    if consequences:
        console.print(Text(f"left alone: {consequences} kinds of failed request, as consequences of the cases above", style="dim"))
    before, after = found["traffic"]["before"], found["traffic"]["after"]
    console.print(
        Text(
            f"\n{found['healed']} of {len(found['cases'])} cases healed in {found['seconds']:.0f} s, {found['model_calls']} model calls. "
            f"Failed requests, same load driver: {_share(before)} before, {_share(after)} after.",
            style="bold",
        )
    )
    console.print(Text(f"The shop's repository, one branch per fix: {found['repository']}"))
    if keep:
        console.print("The shop is still running; `kintsugi demo down` ends it.")
    console.print("Next: `kintsugi init` and `kintsugi watch --once` in a repository of yours, or install the plugin (see README).")


async def _ask_viewer(request: Request) -> bool:
    answer = await asyncio.to_thread(input, f"    apply {request.fix} ({short(request.digest)})? [y/N] ")
    return answer.strip().lower() in {"y", "yes"}


def _share(figures: dict[str, int]) -> str:
    share = figures["errors"] / figures["requests"] if figures["requests"] else 0.0
    return f"{share:.1%} of {figures['requests']}"
