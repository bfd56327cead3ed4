"""`kintsugi guard`: what other failures taught, asked of this change before it is one. A check needs no database and no network."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

import click

from kintsugi.commands import guard_files, guard_report
from kintsugi.groups import Group
from mcp_servers.kit.errors import Misconfigured, Refusal
from mcp_servers.kit.home import state_folder
from mcp_servers.knowledge.guards import hits, index
from mcp_servers.knowledge.guards.checking import check_all, lost_tests
from mcp_servers.knowledge.guards.mending import apply
from mcp_servers.knowledge.guards.model import Finding


class _Lazy(Group):
    """Adds the commands that open the store when one of them is called, and not before a check."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if known := super().get_command(ctx, cmd_name):
            return known
        from kintsugi.commands import guard_desk

        return guard_desk.COMMANDS.get(cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return ["check", "list", "explain", "accept", "mute", "test", "scan"]


@click.group(cls=_Lazy)
def guard() -> None:
    """Check changes against what other failures taught, and decide about the guards that do."""


@guard.command()
@click.argument("paths", nargs=-1, metavar="[PATH…]")
@click.option("--staged", is_flag=True, help="What `git commit` would commit.")
@click.option("--range", "revisions", default="", metavar="A..B", help="What these commits brought, taken together.")
@click.option("--fix", is_flag=True, help="Write what a guard knows to write instead (into files named by PATH).")
@click.option("--hook", is_flag=True, help="Leave with 1 for blocking guards alone: warnings are told and let through.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.option("--sarif", is_flag=True, help="A SARIF 2.1.0 log on standard output.")
def check(paths: tuple[str, ...], staged: bool, revisions: str, fix: bool, hook: bool, as_json: bool, sarif: bool) -> int:
    """Say where files, or what is staged, or commits repeat a mistake that production has paid for. Leaves with 1 when there are findings."""
    if bool(paths) + staged + bool(revisions) > 1 or (fix and (staged or revisions)) or (as_json and sarif):
        raise Refusal("Choose one of PATH, --staged and --range; --fix goes with PATH, and --json not with --sarif.", code="bad_usage")
    state = state_folder(os.environ)
    known = _index(state)
    checked = (
        guard_files.staged(known)
        if staged
        else guard_files.in_range(known, revisions)
        if revisions
        else guard_files.under(known, paths or (".",))
    )
    guards = {str(one["id"]): one for one in known.guards}
    some = guard_report.told(_findings(known, checked), guards, checked.files)
    if fix and _mended(checked, some):
        some = guard_report.told(_findings(known, checked), guards, checked.files)
    _note(state, checked, some)
    if sarif:
        guard_report.print_sarif(some, version("kintsugi"))
    elif as_json:
        guard_report.print_json(some, len(checked.seen), len(guards))
    elif some or not hook:
        guard_report.print_plain(some, len(checked.seen), len(guards))
    return int(any(one.blocking or not (hook or one.ignored) for one in some))


def _index(state: Path) -> index.Index:
    try:
        return index.load(state)
    except ValueError as error:
        raise Misconfigured(str(error), code="bad_index") from error


def _findings(known: index.Index, checked: guard_files.Checked) -> list[Finding]:
    guards = [dict(one) for one in known.guards]
    return [*check_all(guards, checked.files), *lost_tests(guards, checked.before, checked.files)]


def _mended(checked: guard_files.Checked, some: list[guard_report.Told]) -> bool:
    """Writes the autofixes, each of which was seen to work when its guard was made; whether there were any."""
    wanted = [one.finding for one in some if one.finding.replacement is not None and not one.ignored]
    for path in dict.fromkeys(finding.path for finding in wanted):
        text = apply(checked.files[path], [finding for finding in wanted if finding.path == path])
        Path(path).write_bytes(text.encode("utf-8", "surrogateescape"))
        checked.files[path] = text
        click.echo(f"mended {path}", err=True)
    return bool(wanted)


def _note(state: Path, checked: guard_files.Checked, some: list[guard_report.Told]) -> None:
    found: dict[str, tuple[str, hits.Outcome]] = {}
    for one in some:
        place = hits.place_of(checked.root, one.finding.path, one.finding.guard, one.code)
        found[place] = (one.finding.guard, "overruled" if one.ignored else "reported")
    hits.tell(state, checked.root, checked.seen, found)
