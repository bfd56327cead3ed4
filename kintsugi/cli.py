"""`kintsugi`: a table of commands, each imported when it is used; errors become one line and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NoReturn

import click

from kintsugi.groups import Group

COMMANDS: Mapping[str, tuple[str, str]] = {
    "demo": ("demo:demo", "Heal a broken shop in front of you: no key, no network, under a minute."),
    "init": ("init:init", "Write kintsugi.toml from what is found in this repository."),
    "watch": ("heal:watch", "Watch the project's logs and heal what breaks, until stopped (or --once)."),
    "heal": ("heal:heal", "Take one case, or all open ones, as far as they can go now."),
    "cases": ("cases:cases", "List cases, or show one."),
    "fix": ("fix:fix", "Take a patch from a traceback to an applied fix and back: propose, certify, approve, apply, rollback, show."),
    "approve": ("decide:approve", "Approve a certified fix: needs a terminal and the digest, typed by you."),
    "reject": ("decide:reject", "Reject a fix, with a reason."),
    "revoke": ("decide:revoke", "Take back an approval that nobody used yet."),
    "rollback": ("decide:rollback", "Undo an applied fix."),
    "close": ("decide:close", "Close a case as a false positive: its error opens no case again."),
    "pause": ("decide:pause", "Stop every write of every driver."),
    "resume": ("decide:resume", "Let healing go on."),
    "logs": ("logs:logs", "Digest, query or mine any log: files, folders, standard input, containers."),
    "guard": ("guard:guard", "Check changes against what other failures taught; decide about the guards that do."),
    "gate": ("gate:gate", "Leave with 1 while cases are open on what is about to ship; say how risky it is."),
    "patterns": ("patterns:patterns", "How repositories configure what they depend on; one change for all who need it."),
    "deployments": ("deployments:deployments", "Tell of a deployment, and see how they went."),
    "knowledge": ("knowledge:knowledge", "Lessons as Markdown pages in git, out and in; recipes and services on record."),
    "wisdom": ("wisdom:wisdom", "Look back on a run of work: what was claimed, tested, broken and learned, as pages beside it."),
    "backtest": ("backtest:backtest", "Say what would have been found, mended and prevented in this repository's past; writes nothing."),
    "metrics": ("metrics:metrics", "Compute how healing does from the ledger: quality, response, growth."),
    "mcp": ("mcp:mcp", "Start the MCP servers, or print a client's configuration."),
    "status": ("status:status", "One screen: what is open, what waits for you, what was deployed, which drivers are alive."),
    "hooks": ("hooks:hooks", "Install, list or remove git hooks: guards on what you record, notes for the driver."),
    "doctor": ("doctor:doctor", "Say what was found here and what each missing piece would add."),
}


class Lazy(Group):
    """A group whose commands are imported when they are called, so that help and completion stay fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(f"kintsugi.commands.{module}"), attribute)
        return command

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with _reader_may_leave():  # help is told here
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with _reader_may_leave():
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.command(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kintsugi", prog_name="kintsugi")
def cli() -> None:
    """Software that repairs itself in production and gets better each time it breaks."""


def main() -> None:
    """Runs the command line. Exit codes: 0 done, 1 findings, 2 usage or refused, 3 environment, 130 interrupted."""
    from mcp_servers.kit.errors import KintsugiError

    try:
        code = cli(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Abort:
        _interrupted()
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except KintsugiError as error:
        click.echo(f"kintsugi: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _interrupted()
    except Exception as error:  # the last door: a person never reads a traceback, whoever mends it finds one
        click.echo(f"kintsugi: {_unforeseen(error)}", err=True)
        sys.exit(3)


@contextmanager
def _reader_may_leave() -> Generator[None]:
    """Ends with 0 when whoever reads standard output goes first; click and rich would leave with 1."""
    try:
        yield
        return
    except BrokenPipeError:
        pass
    except SystemExit as left:
        if not isinstance(left.__context__, BrokenPipeError):
            raise
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise click.exceptions.Exit(0)


def _interrupted() -> NoReturn:
    click.echo("Interrupted. What was done is on record; the same command goes on from there.", err=True)
    sys.exit(130)


def _unforeseen(error: Exception) -> str:
    """The sentence for an error that nobody translated; its traceback goes into a file where there is room for one."""
    if isinstance(error, FileNotFoundError) and not error.filename and not _current_folder():
        return "The current folder is gone; go into one that is there, and give the same command again."
    if isinstance(error, OSError) and error.strerror:
        place = f" ({error.filename})" if error.filename else ""
        return f"{error.strerror}{place}. What was done is on record; mend that and give the same command again."
    import tempfile
    import traceback

    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="kintsugi-fault-", suffix=".txt", delete=False) as file:
            traceback.print_exception(error, file=file)
        details = f"the details are in {file.name}"
    except OSError:
        details = "there was no room to write down the details"
    words = " ".join(str(error).split())[:300]
    return f"This should not have happened ({type(error).__name__}: {words}). What was done is on record; {details}: please report them."


def _current_folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109
    except FileNotFoundError:
        return ""
