"""`kintsugi cases`: what broke, how far each case has come, what waits for you."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kintsugi.workspace import approvals_of, ledger_of, open_deps
from mcp_servers.cases.approvals import short
from mcp_servers.cases.model import Case, Event, State
from mcp_servers.cases.track import Level, records

_WIDE = 160  # a pipe has no width: lines stay whole for grep


@click.command()
@click.argument("words", nargs=-1, metavar="[list | [show] CASE]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def cases(words: tuple[str, ...], as_json: bool) -> None:
    """List the cases of this project, or show one with its history, its options and what it has cost."""
    case_id = _asked(words)
    deps = open_deps()
    ledger = ledger_of(deps)
    if case_id:
        _show(ledger.case(case_id), ledger.events(case_id), as_json)
        return
    found = ledger.cases(deps.project.name if deps.project else "")
    if as_json:
        click.echo(json.dumps({"cases": [asdict(case) for case in found]}, default=str, ensure_ascii=False))
        return
    console = Console(soft_wrap=True, width=None if sys.stdout.isatty() else _WIDE)
    if not found:
        console.print("No cases yet. `kintsugi watch --once` looks at the logs and opens one for each problem.")
        return
    console.print(_table(found))
    for record in records(ledger.events_since(0), ledger.now()).records.values():
        if record.level is not Level.PROPOSE:
            console.print(f"{record.name} is demoted to [bold]{record.level}[/]: {record.told}.")
    for request in approvals_of(deps).waiting():
        console.print(f"[bold]{request.fix}[/] waits for you: kintsugi approve {request.fix}   (digest {short(request.digest)})")


def _asked(words: tuple[str, ...]) -> str:
    """The case that the words name, empty for all; raises `UsageError` for anything else."""
    match words:
        case () | ("list",):
            return ""
        case ("show", case) | (case,) if case != "show":
            return case
        case _:
            raise click.UsageError(f"{' '.join(words)!r} names no one case; say `kintsugi cases`, or `kintsugi cases show CASE`.")


def _table(found: list[Case]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("case", "state", "seen", "service", "title", "ticket", "fix"):
        table.add_column(column, no_wrap=column != "title")
    for case in found:
        fix = case.fix.id if case.fix else ""
        table.add_row(case.id, str(case.state), str(case.occurrences), Text(case.service), Text(case.title), case.ticket, fix)
    return table


def _show(case: Case, events: Sequence[Event], as_json: bool) -> None:
    if as_json:
        told = {"case": asdict(case), "spent": costs(events), "events": [asdict(event) for event in events]}
        click.echo(json.dumps(told, default=str, ensure_ascii=False))
        return
    console = Console()
    console.print(Text(f"{case.id}  {case.title}", style="bold"))
    console.print(
        Text(
            f"{case.state} · {case.service} · {case.severity} · seen {case.occurrences} {'time' if case.occurrences == 1 else 'times'} · ticket {case.ticket or '-'}"
        )
    )
    cause = case.diagnosis.get("cause") or case.reason
    if cause:
        where = f" ({case.diagnosis.get('file')}:{case.diagnosis.get('line')})" if case.diagnosis.get("file") else ""
        console.print(Text(f"cause: {cause}{where}"))
    if case.verdict.get("explain"):
        console.print(Text(f"in production: {case.verdict['word']}. {case.verdict['explain']}"))
    if case.state is State.INCONCLUSIVE:
        console.print(Text(f"next: a patch of yours, `kintsugi fix propose PATCH --case {case.id}`"))
    console.print(Text(f"cost: {_told(case.spent)}" if case.spent.get("tokens") else "cost: no tokens, no model was asked"))
    for phase, amounts in costs(events).items():
        console.print(Text(f"  {phase:<24} {_told(amounts)}"))
    for fix in case.fixes:
        proof = "proven" if fix.certified else "refuted" if fix.certificate else "not proven yet"
        console.print(Text(f"option: {fix.id}  {fix.title}  ({proof})"))
    if len(case.fixes) > 1:
        console.print(Text(f"  kintsugi fix list {case.id} compares them"))
    for event in events:
        if event.kind != "spent":
            console.print(Text(f"  {str(event.at)[:19]}  {event.kind:<19} {event.actor}"))


def costs(events: Iterable[Event]) -> dict[str, dict[str, int]]:
    """What each phase has cost: its payer (reasoner and role) with tokens, money in millionths of a dollar, and seconds."""
    found: dict[str, Counter[str]] = {}
    for event in events:
        if event.kind == "spent":
            found.setdefault(event.actor, Counter()).update({name: int(amount) for name, amount in event.data.items()})
    return {payer: dict(amounts) for payer, amounts in found.items()}


def _told(amounts: Mapping[str, int]) -> str:
    if list(amounts) == ["sandbox_ms"]:
        return f"{amounts['sandbox_ms'] / 1000:.1f} s in the sandbox"
    cached = f" ({amounts['tokens_cached']:,} from the cache)" if amounts.get("tokens_cached") else ""
    money = f"${amounts['microdollars'] / 1_000_000:.4f}" if "microdollars" in amounts else "no prices in kintsugi.toml"
    return f"{amounts.get('tokens', 0):,} tokens{cached}, {money}, {amounts.get('seconds', 0)} s"
