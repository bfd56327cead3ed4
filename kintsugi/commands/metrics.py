"""`kintsugi metrics`: how healing does, computed from the ledger and the knowledge base. Nothing here is typed in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kintsugi.commands.asking import json_option, print_json
from kintsugi.workspace import ledger_of, open_deps
from mcp_servers.cases.measuring import measured
from mcp_servers.cases.metrics import Metric, Window
from mcp_servers.kit.errors import Refusal

_BAR, _WIDE = 20, 150
_UNITS = {"share": "ratio", "minutes": "minutes", "per 30 days": "per_30_days"}


@click.command()
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 3650), help="How far back.")
@click.option("--prometheus", is_flag=True, help="The text format that Prometheus scrapes.")
@json_option
def metrics(days: int, prometheus: bool, as_json: bool) -> None:
    """Say how quality, response and growth stand against their goals, each with what was divided by what."""
    if prometheus and as_json:
        raise Refusal("Choose one of --json and --prometheus.", code="bad_usage")
    deps = open_deps()
    window, found = measured(ledger_of(deps), deps, days)
    project = deps.project.name if deps.project else ""
    if as_json:
        print_json(_json(project, window, found))
    elif prometheus:
        click.echo("\n".join(_exposition(project, found)))
    else:
        _show(project, days, found)


def _json(project: str, window: Window, found: Sequence[Metric]) -> dict[str, Any]:
    told = [
        {
            "name": one.name,
            "group": one.group,
            "unit": one.unit,
            **({"value": round(one.value, 4), "met": one.met} if one.value is not None else {"not_enough_data": True}),
            "numerator": round(one.numerator, 4),
            "denominator": round(one.denominator, 4),
            "goal": one.goal,
            "goal_is": "at least" if one.rising else "under",
            "definition": one.definition,
        }
        for one in found
    ]
    return {"project": project, "since": window.since.isoformat(), "until": window.until.isoformat(), "metrics": told}


def _exposition(project: str, found: Iterable[Metric]) -> Iterator[str]:
    """The exposition format 0.0.4 of Prometheus; what has not enough data is NaN, which no rule mistakes for a zero."""
    label = '{project="' + project.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"}'
    for one in found:
        name = f"kintsugi_{one.name}_{_UNITS[one.unit]}"
        yield f"# HELP {name} {one.definition}"
        yield f"# TYPE {name} gauge"
        yield f"{name}{label} {'NaN' if one.value is None else repr(float(one.value))}"


def _show(project: str, days: int, found: Sequence[Metric]) -> None:
    table = Table(
        box=None, header_style="bold", pad_edge=False, title=f"{project or 'All projects'}, last {days} days", title_justify="left"
    )
    for name in ("figure", "value", "of", "goal"):
        table.add_column(name, no_wrap=True, justify="left" if name in ("figure", "goal") else "right")
    table.add_column("", no_wrap=True)
    table.add_column("counted", overflow="fold")
    for one in found:
        table.add_row(
            one.name,
            _value(one),
            _of(one),
            f"{'≥' if one.rising else '<'} {_figure(one, one.goal)}",
            _bar(one),
            Text(one.definition, "dim"),
        )
    (Console() if Console().is_terminal else Console(width=_WIDE)).print(table)


def _value(one: Metric) -> Text:
    if one.value is None:
        return Text("not enough data", "dim")
    return Text(_figure(one, one.value), "green" if one.met else "red")


def _of(one: Metric) -> str:
    return f"{one.numerator:.4g}/{one.denominator:.3g}" if one.value is not None else ""


def _figure(one: Metric, value: float) -> str:
    return f"{value:.0%}" if one.unit == "share" else f"{value:.3g} min" if one.unit == "minutes" else f"{value:.3g}"


def _bar(one: Metric) -> Text:
    """How far the value is on the way to its goal; a full bar is the goal."""
    if one.value is None:
        return Text("")
    share = (one.value / one.goal) if one.rising else one.goal / max(one.value, one.goal)
    full = round(min(share, 1.0) * _BAR)
    return Text("█" * full + "░" * (_BAR - full), "green" if one.met else "red")
