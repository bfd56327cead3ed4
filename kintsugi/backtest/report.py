"""A backtest as a person reads it, and as a machine does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kintsugi.backtest.model import STAGES, Answer, Report, Share, Told
from mcp_servers.kit.redaction import clean

_MARKS = {True: ("yes", "green"), False: ("no", "red"), None: ("-", "dim")}
_SHOWN, _SUBJECT, _REASONS = 60, 56, 3


def as_json(report: Report) -> dict[str, Any]:
    """The whole report, with every incident and every denominator."""
    return {
        "since": report.since.isoformat(),
        "commits": report.commits,
        "claims": report.claimed,
        "judged": len(report.told),
        "shares": [share.as_json() for share in report.shares],
        "told": [_told(one) for one in report.told],
        "notes": list(report.notes),
    }


def show(console: Console, report: Report) -> None:
    """Three tables: the incidents, what of them would have been found, with intervals, and what could not be asked, with the reason."""
    if report.told:
        for table in (_incidents(report), _shares(report), _left_out(report)):
            console.print(table, end="\n\n")
    since = f"{report.since:%Y-%m-%d}"
    shown = f" (the latest {_SHOWN} are shown, --json tells all)" if len(report.told) > _SHOWN else ""
    console.print(
        f"{report.commits} commits since {since}, {report.claimed} of them say that they mend something, {len(report.told)} that do so in what "
        f"runs were judged{shown}. Intervals are Wilson's at 95 %. Nothing was written.",
        style="dim",
    )
    for note in report.notes:
        console.print(Text(clean(note)), style="dim")


def _incidents(report: Report) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("commit", "day", "kind"):
        table.add_column(name, no_wrap=True)
    table.add_column("subject", no_wrap=True, overflow="ellipsis", max_width=_SUBJECT)
    asked = [stage for stage in STAGES if any(one.answers[stage].hit is not None for one in report.told)]
    for stage in asked:
        table.add_column(stage, no_wrap=True)
    for one in report.told[-_SHOWN:]:
        commit = one.incident.commit
        words = [_mark(one.answers[stage]) for stage in asked]
        table.add_row(commit.id[:8], f"{commit.at:%Y-%m-%d}", one.incident.kind, Text(clean(commit.subject)), *words)
    return table


def _mark(answer: Answer) -> Text:
    word, style = _MARKS[answer.hit]
    return Text(f"{word} @{answer.rank}" if answer.hit and answer.rank > 1 else word, style)


def _shares(report: Report) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("what", no_wrap=True)
    for name in ("share", "of", "95 %"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("counted", overflow="fold")
    for share in report.shares:
        if share.of:
            table.add_row(share.name, *_figures(share), Text(share.about, style="dim"))
    return table


def _left_out(report: Report) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("not asked", no_wrap=True)
    table.add_column("of", justify="right", no_wrap=True)
    table.add_column("because", overflow="fold")
    for stage in STAGES:
        for why, count in _whys(report, stage):
            table.add_row(stage, f"{count}/{len(report.told)}", Text(clean(why), style="dim"))
    return table


def _whys(report: Report, stage: str) -> Iterator[tuple[str, int]]:
    """Why a part could not be asked, and of how many incidents; the rarer reasons together."""
    whys = Counter(one.answers[stage].why for one in report.told if one.answers[stage].hit is None)
    yield from whys.most_common(_REASONS)
    if rest := whys.total() - sum(count for _, count in whys.most_common(_REASONS)):
        yield "other reasons, each told by --json", rest


def _figures(share: Share) -> tuple[str, str, str]:
    low, high = share.interval
    return f"{share.hits / share.of:.0%}", f"{share.hits}/{share.of}", f"{low:.0%} to {high:.0%}"


def _told(one: Told) -> dict[str, Any]:
    commit, incident = one.incident.commit, one.incident
    return {
        "commit": commit.id,
        "at": commit.at.isoformat(),
        "kind": incident.kind,
        "why": incident.why,
        "subject": clean(commit.subject),
        "paths": list(incident.paths),
        "culprits": dict(one.culprits),
        "guard": one.guard["id"] if one.guard else "",
        "answers": {stage: _answer(answer) for stage, answer in one.answers.items()},
    }


def _answer(answer: Answer) -> dict[str, Any]:
    told: dict[str, Any] = {"hit": answer.hit, "why": clean(answer.why), "rank": answer.rank, **clean(answer.said)}
    return {key: value for key, value in told.items() if value not in ("", 0, None) or key == "hit"}
