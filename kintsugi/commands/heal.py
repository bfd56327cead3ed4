"""`kintsugi watch` and `kintsugi heal`: the unattended driver."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import click
from rich.console import Console
from rich.text import Text

from kintsugi.driver import build_loop
from kintsugi.loop import intake
from kintsugi.loop.moves import next_move
from kintsugi.loop.workflow import Loop
from kintsugi.reasoners import ladder
from kintsugi.shipping import rounds
from kintsugi.tools import Tools
from kintsugi.workspace import ledger_of, open_project
from mcp_servers.cases.approvals import short
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.model import Case, State
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import KintsugiError

_who_judges = click.option(
    "--reasoner",
    "reasoners",
    multiple=True,
    metavar="NAME",
    help="Who is asked after the free ones: anthropic, claude_code, scripted. Default: `reasoners` in kintsugi.toml.",
)


@click.command()
@click.option("--once", is_flag=True, help="Look once, heal as far as possible, and stop.")
@click.option("--interval", default=30.0, type=click.FloatRange(min=1), show_default=True, help="Seconds between two looks.")
@click.option(
    "--since", default="", help="How far back the first look goes: 15m, 24h, or an ISO time. Default: everything with --once, else 15m."
)
@_who_judges
@click.option("--json", "as_json", is_flag=True, help="One JSON object per look on standard output.")
def watch(once: bool, interval: float, since: str, reasoners: tuple[str, ...], as_json: bool) -> int:
    """Watch the logs of this project and heal what breaks. Nothing is applied without your approval."""
    deps = _judged(open_project(), reasoners)
    return asyncio.run(_watch(deps, once, interval, since or ("" if once else "15m"), as_json))


@click.command()
@click.argument("case_id", required=False)
@_who_judges
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def heal(case_id: str | None, reasoners: tuple[str, ...], as_json: bool) -> int:
    """Take CASE_ID, or all open cases, as far as they can go now."""
    deps = _judged(open_project(), reasoners)
    ids = [ledger_of(deps).case(case_id).id] if case_id else None
    return asyncio.run(_heal(deps, ids, as_json))


def _judged(deps: Deps, reasoners: tuple[str, ...]) -> Deps:
    """The project judged by these, when any are named; raises `Refusal` for one that does not exist."""
    ladder(reasoners)
    return replace(deps, project=replace(deps.watched(), reasoners=reasoners)) if reasoners else deps


async def _watch(deps: Deps, once: bool, interval: float, since: str, as_json: bool) -> int:
    tools, ledger, console = Tools(deps, writes=True), ledger_of(deps), Console(stderr=True, soft_wrap=True)
    async with build_loop(deps) as loop:
        window = since
        while True:
            seen = await _look(tools, window, console, once)
            await rounds.chores(deps, tools, lambda words: console.print(Text(words)))
            if seen is not None:
                await _advance(loop, ledger, deps, None, console)
                report(ledger, deps, seen, as_json)
            if once:
                return exit_code(loop)
            window = f"{max(15, int(interval * 3 / 60))}m"
            await asyncio.sleep(rounds.pace(deps, interval))


async def _look(tools: Tools, window: str, console: Console, once: bool) -> intake.Intake | None:
    try:
        return await intake.look(tools, window)
    except KintsugiError as error:
        if once:
            raise
        console.print(Text(f"This look found nothing out: {error} The next one tries again."))
        return None


async def _heal(deps: Deps, ids: list[str] | None, as_json: bool) -> int:
    ledger = ledger_of(deps)
    async with build_loop(deps) as loop:
        await _advance(loop, ledger, deps, ids, Console(stderr=True, soft_wrap=True))
    report(ledger, deps, intake.Intake((), (), ()), as_json)
    return exit_code(loop)


async def _advance(loop: Loop, ledger: Ledger, deps: Deps, ids: list[str] | None, console: Console) -> None:
    cases = [case for case in ledger.cases(deps.watched().name) if (case.id in ids if ids else next_move(case))]
    with console.status(f"healing {len(cases)} case(s)") if cases else console.status("nothing to do"):
        for case in cases:
            await loop.start(case.id)
        await loop.settle()
    for case, problem in loop.problems.items():
        console.print(Text(f"{case} stopped: {problem}"))


def exit_code(loop: Loop) -> int:
    """0 when every case went as far as it can; else that of the gravest problem that stopped one."""
    return max((getattr(problem, "exit_code", KintsugiError.exit_code) for problem in loop.problems.values()), default=0)


def report(ledger: Ledger, deps: Deps, seen: intake.Intake, as_json: bool) -> None:
    """Prints what stands now: one line a case, in the words of the ledger, and what was left alone."""
    cases = ledger.cases(deps.watched().name)
    if as_json:
        lines = [{"id": c.id, "title": c.title, "state": str(c.state), "cause": _cause(c), "fix": c.fix.id if c.fix else ""} for c in cases]
        click.echo(json.dumps({"cases": lines, "opened": seen.opened, "left_alone": seen.left_alone}, default=str, ensure_ascii=False))
        return
    console = Console(soft_wrap=True)
    for case in cases:
        console.print(Text(f"{case.id}  {case.state:<12}  {case.title}", style="bold"))
        console.print(Text(f"    {_cause(case)}"))
        if case.diagnosis.get("suspect_commit"):
            console.print(Text(f"    suspect commit {str(case.diagnosis['suspect_commit'])[:12]}"))
        if next_step := _next_step(case):
            console.print(Text(f"    {next_step}"))
    for quiet in seen.left_alone:
        console.print(Text(f"left alone: {quiet.get('title')} ({quiet.get('reason')})", style="dim"))
    if not cases:
        console.print("Nothing is wrong in what the logs show. `kintsugi logs digest SOURCE` shows what they hold.")


def _next_step(case: Case) -> str:
    """What a case waits for, in words and as a command where there is one."""
    if case.state is State.PROPOSED and case.fix and case.asked == case.fix.digest:
        return f"waits for you: kintsugi approve {case.fix.id}   (digest {short(case.fix.digest)})"
    if case.state is State.APPLIED and case.fix:
        return f"waits for its merge and deployment: branch {case.fix.branch or f'kintsugi/{case.fix.id}'}"
    if case.state is State.DEPLOYED:
        return f"in production: {case.verdict.get('explain') or 'it is too early to tell; ask again after some traffic'}"
    if case.state is State.INCONCLUSIVE:
        return f"a patch of yours goes on from here: kintsugi fix propose PATCH --case {case.id}"
    return ""


def _cause(case: Case) -> str:
    where = (
        f" {case.diagnosis.get('file')}:{case.diagnosis.get('line')} in {case.diagnosis.get('function')}"
        if case.diagnosis.get("file")
        else ""
    )
    cause = str(case.diagnosis.get("cause") or "")
    reason = f"not healed: {case.reason}" if case.reason and case.state in {State.INCONCLUSIVE, State.REJECTED, State.REGRESSED} else ""
    return " · ".join(part for part in (where, cause, reason) if part) or "no cause is known yet"
