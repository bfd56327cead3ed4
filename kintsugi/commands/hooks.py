"""`kintsugi hooks`: git hooks that check what you record and tell the driver what happened; kept beside those that are there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from kintsugi.groups import Group
from kintsugi.hooks import installing
from kintsugi.hooks.__main__ import FINDINGS, main
from kintsugi.hooks.installing import HOOKS, Hook

_repo = click.option(
    "--repo", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".", help="A folder in the repository; default: here."
)
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
_WORDS = {"installed": "installed", "absent": "not installed", "other": "another program's"}


@click.group(cls=Group)
def hooks() -> None:
    """Install, list or remove Kintsugi's git hooks. Skip them once with --no-verify, or with KINTSUGI_SKIP_HOOKS=1."""


@hooks.command()
@_repo
@_json
def install(repo: Path, as_json: bool) -> None:
    """Check commits and pushes against the guards, and tell the driver of commits, merges and checkouts. Hooks that are there stay and run first."""
    _tell(installing.install(repo), as_json)


@hooks.command()
@_repo
@_json
def uninstall(repo: Path, as_json: bool) -> None:
    """Take the hooks out, and put back what was there before."""
    _tell(installing.uninstall(repo), as_json)


@hooks.command(name="list")
@_repo
@_json
def list_hooks(repo: Path, as_json: bool) -> None:
    """Say which hooks of this repository are Kintsugi's."""
    _tell(installing.listed(repo), as_json)


@hooks.command(context_settings={"ignore_unknown_options": True})
@click.argument("name", type=click.Choice(HOOKS))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(name: str, arguments: tuple[str, ...]) -> int:
    """Do what hook NAME does, for programs that manage hooks themselves: husky, pre-commit, lefthook."""
    return 1 if main([name, *arguments]) == FINDINGS else 0


def _tell(found: Sequence[Hook], as_json: bool) -> None:
    if as_json:
        entries = [
            {"name": hook.name, "state": hook.state, "runs_first": str(_kept(hook)) if hook.kept else "", "path": str(hook.path)}
            for hook in found
        ]
        click.echo(json.dumps({"hooks": entries}))
        return
    for hook in found:
        first = f", after {_kept(hook).name}" if hook.kept else ""
        click.echo(f"{hook.name:<14} {_WORDS[hook.state]}{first if hook.state == 'installed' else ''}")


def _kept(hook: Hook) -> Path:
    return hook.path.with_name(f"{hook.name}{installing.KEPT}")
