"""`kintsugi logs health | trends | correlate | verify`: the judgements over any log, as a page or as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kintsugi.commands.asking import call, json_option, print_json, sources_argument, until_option

_GOOD = {
    "good": "green",
    "healthy": "green",
    "verified": "green",
    "improved": "green",
    "worse": "red",
    "unhealthy": "red",
    "degraded": "yellow",
}
_BARS = " ▁▂▃▄▅▆▇█"

_window = click.option(
    "--since",
    metavar="TIME",
    help="Begin of the window: 15m, 2h, 7d, or an ISO time. Left out: all of the sources named, 1h of those of kintsugi.toml.",
)


def attach(group: click.Group) -> None:
    """Adds the judging commands to the group of logs."""
    for command in (health, trends, correlate, verify):
        group.add_command(command)


@click.command()
@sources_argument
@click.option("--service", default="", help="How this service is now, compared with the period before.")
@click.option("--release", default="", help="Whether this deployment is good; the newest when left out.")
@click.option("--since", default="", metavar="TIME", help="When it was deployed; with --service the begin of the window (1h).")
@json_option
def health(sources: tuple[str, ...], service: str, release: str, since: str, as_json: bool) -> None:
    """Say whether a deployment is good, or with --service how that service is now."""
    if service:
        answer = call("get_service_health", sources, service=service, **({"since": since} if since else {}))
    else:
        answer = call("check_deployment_health", sources, release=release, since=since)
    if as_json:
        print_json(answer)
        return
    console = Console()
    if service:
        _headline(console, answer["status"], f"{service}: {answer['because']}")
        _table(console, ("", "lines", "requests", "failed", "errors", "p50 ms", "p95 ms", "p99 ms"), _rows(answer))
        _errors(console, answer["top_errors"])
    else:
        _headline(console, answer["word"], f"{answer['suggestion']}. {answer['because']}")
        columns = ("service", "lines", "requests", "failed", "errors", "p50 ms", "p95 ms", "p99 ms")
        rows = [(f"{one['service'] or '-'} {side}", *_numbers(one[side])) for one in answer["services"] for side in ("before", "after")]
        _table(console, columns, rows)
        for one in answer["findings"]:
            console.print(Text(f"{'!' if one['harmful'] else '·'} {one['kind']} in {one['service'] or '-'}: {one['text']}"), soft_wrap=True)
    _remarks(answer)


@click.command()
@sources_argument
@click.option("--service", default="", help="Only errors of this service.")
@_window
@json_option
def trends(sources: tuple[str, ...], service: str, since: str | None, as_json: bool) -> None:
    """Show which way each error goes, those that rise first."""
    answer = call("get_error_trends", sources, service=service, since=_begin(sources, since))
    if as_json:
        print_json(answer)
        return
    rows = [
        (str(one["count"]), f"{one['share']:.0%}", one["direction"], _bars(one["counts"]), one.get("service", "-"), one["title"])
        for one in answer["trends"]
    ]
    _table(Console(), ("count", "share", "trend", "over time", "service", "error"), rows)
    _remarks(answer)


@click.command()
@sources_argument
@_window
@until_option
@json_option
def correlate(sources: tuple[str, ...], since: str | None, until: str, as_json: bool) -> None:
    """Say which service leads when several fail, and what they share."""
    answer = call("correlate_services", sources, since=_begin(sources, since), until=until)
    if as_json:
        print_json(answer)
        return
    console = Console()
    console.print(Text(answer["summary"]), soft_wrap=True)
    leads = [
        (one["service"] or "-", str(one["requests"]), ", ".join(one["affected"]), one["told_by"], one["error"]) for one in answer["leads"]
    ]
    _table(console, ("leads", "requests", "affected", "told by", "error"), leads)
    for one in answer["systemic"]:
        console.print(Text(f"{one['kind']} {one['dependency']}: {', '.join(one['affected'])} ({one['basis']})"), soft_wrap=True)
        for option in one["options"]:
            console.print(Text(f"  - {option}"), soft_wrap=True)
    _table(console, ("began", "service", "errors"), [(one["at"], one["service"] or "-", str(one["errors"])) for one in answer["onsets"]])
    pairs = [(one["earlier"], one["later"], f"{one['lag_seconds']:g} s", f"{one['p']:g}") for one in answer["co_occurring"]]
    _table(console, ("errs with", "then", "after", "p"), pairs)
    if pairs or len(answer["onsets"]) > 1:
        console.print(answer["note"], style="dim")
    _remarks(answer)


@click.command()
@sources_argument
@click.option("--fingerprint", required=True, help="The coarse fingerprint of the error.")
@click.option("--fixed-at", required=True, metavar="TIME", help="When the fix began to run.")
@click.option("--since", default="", metavar="TIME", help="Begin of the time before the fix; its first event of a day when left out.")
@click.option("--release", default="", help="The release with the fix; what older ones write afterwards does not count.")
@json_option
def verify(sources: tuple[str, ...], as_json: bool, **asked: Any) -> None:
    """Say whether a fix helped, as often as you like: verified, improved, not_shown_yet, worse or no_exposure."""
    answer = call("verify_fix", sources, **asked)
    if as_json:
        print_json(answer)
        return
    _headline(Console(), answer["word"], answer["explain"])
    _remarks(answer)


def _begin(sources: tuple[str, ...], since: str | None) -> str:
    return since if since is not None else "" if sources else "1h"


def _headline(console: Console, word: str, text: str) -> None:
    console.print(Text.assemble((word.replace("_", " "), _GOOD.get(word, "yellow")), f": {text}"), soft_wrap=True)


def _rows(answer: Mapping[str, Any]) -> list[tuple[str, ...]]:
    now = {**answer, **{"requests": answer.get("requests", {}).get("count", ""), "failed": answer.get("requests", {}).get("failed", "")}}
    return [("now", *_numbers(now)), ("before", *_numbers(answer["before"]))]


def _numbers(one: Mapping[str, Any]) -> tuple[str, ...]:
    latency: Mapping[str, Any] = one.get("latency_ms", {})
    counted = [str(one.get(name, "")) for name in ("lines", "requests", "failed", "errors")]
    return (*counted, *(str(latency.get(name, "")) for name in ("p50", "p95", "p99")))


def _errors(console: Console, errors: list[dict[str, Any]]) -> None:
    _table(console, ("count", "error", "fingerprint"), [(str(one["count"]), one["title"], one["coarse"]) for one in errors])


def _table(console: Console, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    if not rows:
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def _bars(counts: list[int]) -> str:
    most = max(counts, default=0) or 1
    return "".join(_BARS[-(-count * (len(_BARS) - 1) // most)] for count in counts)


def _remarks(answer: Mapping[str, Any]) -> None:
    for remark in (*answer.get("notes", ()), *([answer["hint"]] if "hint" in answer else ())):
        click.echo(remark, err=True)
    if answer.get("omitted"):
        click.echo(f"{answer['omitted']} more did not fit; narrow the window, or name a service.", err=True)
