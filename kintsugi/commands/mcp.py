"""`kintsugi mcp`: starts the servers as `kintsugi-mcp` does, or prints what a client needs to start them."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from kintsugi.clients import snippets
from mcp_servers.kit.errors import Misconfigured
from mcp_servers.kit.project import find_project


class _ServeByDefault(click.Group):
    """`mcp logs cases --transport http` serves; only the name of a subcommand is something else."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return "serve", self.commands["serve"], args


@click.group(
    cls=_ServeByDefault,
    invoke_without_command=True,
    context_settings={"ignore_unknown_options": True},
    options_metavar="",
    subcommand_metavar="[NAMES…] [--transport stdio|http] [--port N]",
)
@click.pass_context
def mcp(ctx: click.Context) -> None:
    """Start the MCP server of the slices NAMES (all when none is named), over stdio or on loopback; or print a client's configuration."""
    if ctx.invoked_subcommand is None:
        _serve(())


@mcp.command(context_settings={"ignore_unknown_options": True}, hidden=True, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def serve(arguments: tuple[str, ...]) -> None:
    _serve(arguments)


def _serve(arguments: tuple[str, ...]) -> None:
    from mcp_servers import launch  # the protocol's package takes most of a second: only who serves pays for it

    launch.main(args=list(arguments), prog_name="kintsugi mcp", standalone_mode=False)


@mcp.command()
@click.option("--client", type=click.Choice(list(snippets.CLIENTS)), required=True, help="Whose configuration to print.")
@click.option(
    "--project",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The watched project, for clients that cannot name the open one; default: the one around this folder.",
)
def config(client: str, project: Path | None) -> None:
    """Print the entry that makes a client start Kintsugi."""
    here = Path.cwd() if project is None else project.resolve()
    found = find_project(here)
    click.echo(snippets.snippet(client, str(server_program()), found.root if found else here))
    chosen = snippets.CLIENTS[client]
    more = f" {chosen.note}" if chosen.note else ""
    click.echo(
        f"Put this into {chosen.place}.{more} To let it write, add KINTSUGI_ALLOW_WRITES to its env (docs/configuration.md).", err=True
    )


def shared_name(program: Path, environ: Mapping[str, str]) -> str:
    """How a file that others read names the program: by its name where every shell finds it, else by its path.

    An activated environment, or `uv run`, puts its own folder on PATH for one shell: a client that is started elsewhere does not have it there.
    """
    ours = program.parent if sys.prefix != sys.base_prefix else None
    places = [place for place in environ.get("PATH", "").split(os.pathsep) if place and Path(place) != ours]
    found = shutil.which(program.stem, path=os.pathsep.join(places))
    return program.stem if found and Path(found).resolve() == program.resolve() else str(program)


def server_program() -> Path:
    """The program that starts the servers, beside the interpreter that runs now; raises `Misconfigured` when it is not installed."""
    for name in ("kintsugi-mcp", "kintsugi-mcp.exe"):
        program = Path(sys.executable).parent / name
        if program.exists():
            return program
    raise Misconfigured(
        f"kintsugi-mcp is not installed beside {sys.executable}; run `uv sync` or `pip install kintsugi`.", code="not_installed"
    )
