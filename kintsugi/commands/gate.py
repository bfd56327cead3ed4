"""`kintsugi gate`: may this ship? Not while cases are open on it; and how risky it is, by the past of the repository."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import click

from kintsugi.shipping.around import felt_by
from kintsugi.shipping.blocking import Held, Scope, counted, holding
from kintsugi.shipping.history import history, touched
from kintsugi.shipping.periods import HOURS, risky
from kintsugi.shipping.risk import Risk, assess
from kintsugi.tools import Tools
from kintsugi.workspace import ledger_of, open_project
from mcp_servers.cases.model import Case, State
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import Repository
from mcp_servers.knowledge.services import ServiceStore


@click.command()
@click.option("--range", "span", default="", metavar="A..B", help="What ships: the difference between two commits. Default: everything.")
@click.option("--service", default="", help="Only cases of this service hold it.")
@click.option("--except", "excused", multiple=True, metavar="CASE=REASON", help="Ship in spite of this case; the reason is printed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def gate(span: str, service: str, excused: tuple[str, ...], as_json: bool) -> int:
    """Say whether what is about to ship may. Leaves with 1 while a case is open on it, with the way out."""
    excuses = dict(_excuse(one) for one in excused)
    deps = open_project()
    repository = Repository.at(deps.watched().root)
    old, new = _ends(repository, span) if span else ("", repository.head())
    files = touched(repository, old, new) if span else None
    tree = repository.files(new)
    cases = ledger_of(deps).cases(deps.watched().name)
    found = [*holding(cases, Scope(files, tree, service, lambda commit: repository.contains(new, commit))), *_worse(deps)]
    held = [one for one in found if one.case not in excuses]
    let = [one for one in found if one.case in excuses]
    past = history(repository, old) if span else []
    now = deps.clock().timestamp()
    risk = assess(past, files, now, counted(cases, tree)) if files else None
    if risk and files:
        around = felt_by(ServiceStore(deps.database), deps.watched().name, files)
        risk = replace(risk, reasons=(*around, *_hours(cases, deps.clock()), *risk.reasons))
    if as_json:
        told = {"held": [asdict(one) for one in held], "excused": {one.case: excuses[one.case] for one in let}}
        click.echo(json.dumps({"ships": not held, **told, **({"risk": asdict(risk)} if risk else {})}, ensure_ascii=False))
    else:
        _print(held, [(one, excuses[one.case]) for one in let], risk)
    return int(bool(held))


def _hours(cases: Sequence[Case], now: datetime) -> list[str]:
    """Whether now is, or soon will be, when it tends to break."""
    began = [(case.opened, case.service) for case in cases if case.state is not State.FALSE_POSITIVE]
    soon = [one for one in risky(began, now) if one.begins(now) - now <= timedelta(hours=HOURS)]
    return [f"this is close to {one.told}" if one.begins(now) > now else f"now is within {one.told}" for one in soon[:1]]


def _excuse(given: str) -> tuple[str, str]:
    case, _, reason = given.partition("=")
    if not reason.strip():
        raise Refusal(f"--except {given!r} gives no reason; write CASE=REASON.", code="no_reason")
    return case, reason.strip()


def _ends(repository: Repository, span: str) -> tuple[str, str]:
    first, dots, last = span.partition("..")
    if not dots:
        raise Refusal(f"{span!r} is no range of commits; write it like v1.4..HEAD.", code="bad_range")
    return repository.head(first or "HEAD"), repository.head(last.lstrip(".") or "HEAD")


def _worse(deps: Deps) -> list[Held]:
    """The version in production, when it is known to be worse than the one before."""
    status = asyncio.run(Tools(deps, ["knowledge"]).call("get_runtime_status", repository=deps.watched().name))
    deployed: list[dict[str, Any]] = status["deployments"]
    if not deployed or deployed[0].get("success") is not False:
        return []
    version = str(deployed[0]["version"])
    return [Held(version, f"{version}, in production now, is worse than what was before", "deploy the version before it again")]


def _print(held: list[Held], excused: list[tuple[Held, str]], risk: Risk | None) -> None:
    for one, reason in excused:
        click.echo(f"excused: {one.case} ({reason})")
    for one in held:
        click.echo(f"held by {one.case}: {one.why}")
        click.echo(f"    way out: {one.way_out}")
    if risk:
        click.echo(f"risk: {_told(risk)}")
        for reason in risk.reasons:
            click.echo(f"    {reason}")
    if held:
        click.echo(f"This may not ship yet: {len(held)} open. `--except CASE=REASON` lets it through all the same.", err=True)
    else:
        click.echo("This may ship.", err=True)


def _told(risk: Risk) -> str:
    if not risk.of:
        return risk.band
    share = f"{risk.share:.0%} of the {risk.of} past commits most like it were followed by a fix or revert of the same files in 30 days"
    return f"{risk.band}; {share} ({risk.low:.0%} to {risk.high:.0%}; of all {risk.base:.0%})"
