"""What people decide about guards: see them, read their story, accept, mute, try them, and look for siblings of their mistakes."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Mapping
from difflib import unified_diff
from pathlib import Path

import anyio
import click
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from kintsugi.commands.asking import waiting
from kintsugi.commands.guard_siblings import Sibling, siblings
from kintsugi.tools import Tools
from kintsugi.workspace import open_deps
from mcp_servers.kit.errors import Refusal
from mcp_servers.knowledge.guards import backtest
from mcp_servers.knowledge.guards.compiling import works
from mcp_servers.knowledge.guards.desk import Desk, Held
from mcp_servers.knowledge.lessons import LessonStore

_WIDE = 160


def _desk() -> Desk:
    deps = open_deps()
    return Desk(deps, LessonStore(deps.database))


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def list_guards(as_json: bool) -> None:
    """List the guards with their states and records, and write the index that hooks read anew."""
    desk = _desk()
    desk.publish()
    found = desk.held()
    if as_json:
        click.echo(json.dumps({"guards": [_plain(held) for held in found]}, ensure_ascii=False))
        return
    console = Console(soft_wrap=True, width=None if sys.stdout.isatty() else _WIDE)
    if not found:
        console.print("No guards yet. A lesson brings one when its change proves a rule.")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("guard", "state", "kind", "accepted", "overruled", "learned in", "message"):
        table.add_column(column, no_wrap=column != "message")
    for held in found:
        record = (str(held.tally.accepted), str(held.tally.overruled))
        table.add_row(held.id, held.state, held.guard["kind"], *record, Text(held.lesson.repository), Text(held.guard["message"]))
    console.print(table)


@click.command()
@click.argument("guard_id")
def explain(guard_id: str) -> None:
    """Tell where GUARD_ID comes from, what it looks for, and how it fared."""
    _explain(_desk().get(guard_id), Console())


@click.command()
@click.argument("guard_id")
@click.option("--reason", default="accepted at a terminal", help="Kept with the decision.")
def accept(guard_id: str, reason: str) -> None:
    """Let GUARD_ID block commits from now on: needs a person at a terminal."""
    _terminal("accept")
    desk = _desk()
    _explain(desk.get(guard_id), Console(stderr=True))
    if click.prompt("It will refuse commits. Type its id to accept it", err=True).strip() != guard_id:
        raise Refusal(f"That was not {guard_id}; nothing was changed.", code="not_typed")
    desk.decide(guard_id, "blocking", actor=getpass.getuser(), reason=reason)
    click.echo(f"{guard_id} blocks from now on. `kintsugi guard mute {guard_id}` takes it back.")


@click.command()
@click.argument("guard_id")
@click.option("--reason", default="", help="Why: shown to everyone who asks.")
@click.option("--undo", is_flag=True, help="Let it warn again.")
def mute(guard_id: str, reason: str, undo: bool) -> None:
    """Silence GUARD_ID everywhere, with a reason: needs a person at a terminal."""
    _terminal("mute")
    told = reason or click.prompt("Why", err=True)
    _desk().decide(guard_id, "warning" if undo else "muted", actor=getpass.getuser(), reason=told)
    click.echo(f"{guard_id} {'warns again' if undo else 'is muted'}.")


@click.command()
@click.argument("guard_ids", nargs=-1, metavar="[GUARD_ID…]")
@click.option(
    "--on", "folders", multiple=True, type=click.Path(exists=True, file_okay=False, path_type=Path), help="Back-test on this code too."
)
def test(guard_ids: tuple[str, ...], folders: tuple[Path, ...]) -> int:
    """Run the guards' own examples, and count what they would say of code in service. Leaves with 1 when one fails; it is demoted."""
    desk = _desk()
    chosen = [desk.get(id) for id in guard_ids] if guard_ids else desk.speaking()
    with waiting() as progress:
        progress.add_task("Trying the guards")
        failed = {held.id: "its own examples fail" for held in chosen if not works(held.guard)}
        for folder in folders:
            corpus = backtest.folder(folder.resolve())
            failed |= {id: said for id, said in backtest.told(corpus, [held.guard for held in chosen]).items() if said}
    for held in chosen:
        click.echo(f"{held.id}: {failed.get(held.id, 'works')}")
        if held.id in failed:
            desk.decide(held.id, "demoted", actor="guard test", reason=failed[held.id])
    return int(bool(failed))


@click.command()
@click.argument("repositories", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="REPO…")
@click.option("--dry-run", is_flag=True, help="Say what would be ticketed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def scan(repositories: tuple[Path, ...], dry_run: bool, as_json: bool) -> int:
    """Look in other repositories for what broke here, and open one ticket for each that has it. Leaves with 1 when any has."""
    deps = open_deps()
    known = {held.id: held for held in Desk(deps, LessonStore(deps.database)).speaking()}
    with waiting() as progress:
        progress.add_task(f"Reading {len(repositories)} repositories")
        found = [one for one in siblings(repositories, known) if one.findings]
    tickets: Mapping[str, str] = (
        {} if dry_run else {one.name: _ticketed(Tools(deps, ["tickets"], writes=True), one, known) for one in found}
    )
    if as_json:
        rows = [{"repository": one.name, "findings": len(one.findings), "ticket": tickets.get(one.name, "")} for one in found]
        click.echo(json.dumps({"repositories": rows, "read": len(repositories)}, ensure_ascii=False))
    else:
        for one in found:
            click.echo(f"{one.name}: {len(one.findings)} places{', ' + tickets[one.name] if one.name in tickets else ''}")
        click.echo(f"{len(found)} of {len(repositories)} repositories repeat a mistake.", err=True)
    return int(bool(found))


COMMANDS: Mapping[str, click.Command] = {
    "list": list_guards,
    "explain": explain,
    "accept": accept,
    "mute": mute,
    "test": test,
    "scan": scan,
}


def _ticketed(tools: Tools, sibling: Sibling, known: Mapping[str, Held]) -> str:
    """The id of the one ticket of a repository."""
    answer = anyio.run(
        lambda: tools.call(
            "create_ticket",
            title=f"[Proactive] {sibling.name} repeats {'a mistake' if len(sibling.findings) == 1 else 'mistakes'} that broke production elsewhere",
            description=sibling.told(known),
            type="Task",
            priority="MEDIUM",
            labels=["proactive", "best-practice"],
            fingerprint=f"guards:{sibling.identity}",
            actor="kintsugi",
        )
    )
    return str(answer["id"])


def _plain(held: Held) -> dict[str, object]:
    tally = {"accepted": held.tally.accepted, "overruled": held.tally.overruled}
    return {**held.guard, "state": held.state, "reason": held.reason, **tally, "story": held.story}


def _explain(held: Held, console: Console) -> None:
    guard, lesson = held.guard, held.lesson
    console.print(Text(f"{held.id}  {held.state}: {held.reason}", style="bold"))
    console.print(Text(str(guard["message"])))
    console.print(Text(f"learned in {lesson.repository}, {lesson.case} ({lesson.id}): {lesson.symptom}"))
    for name, said in (("cause", lesson.cause), ("fix", lesson.fix), ("evidence", lesson.evidence)):
        console.print(Text(f"{name}: {said}")) if said else None
    console.print(Text(f"accepted {held.tally.accepted} times, overruled {held.tally.overruled} times"))
    examples = guard.get("examples", {})
    if examples:
        change = unified_diff(examples["bad"].splitlines(), examples["good"].splitlines(), "flags", "does not flag", n=2, lineterm="")
        console.print(Syntax("\n".join(change), "diff", theme="ansi_dark", background_color="default"))
    looked_for = {
        name: guard[name]
        for name in ("rule", "where", "file", "key", "at_least", "at_most", "forbidden", "required", "tokens", "paths", "test")
        if guard.get(name)
    }
    console.print(Text(json.dumps(looked_for, indent=1, ensure_ascii=False), style="dim"))


def _terminal(verb: str) -> None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refusal(f"`kintsugi guard {verb}` needs a person at a real terminal; a program cannot {verb}.", code="no_terminal")
