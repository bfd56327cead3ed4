"""`kintsugi patterns`: how repositories configure what they depend on, which values changed and why, and one fix for all who have one."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kintsugi.commands.asking import waiting
from kintsugi.groups import Group
from kintsugi.shipping import coordinating
from kintsugi.shipping.rounds import named
from kintsugi.tools import Tools
from kintsugi.workspace import open_deps
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import Repository
from mcp_servers.kit.project import folder_of
from mcp_servers.knowledge.patterns import Notice, PatternStore, shown
from mcp_servers.knowledge.patterns.answers import notice as answered
from mcp_servers.knowledge.patterns.scanning import Report, scan

_json = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")


@click.group(cls=Group)
def patterns() -> None:
    """Scan repositories for patterns, ask how one does, and bring one change to all who need it."""


@patterns.command(name="scan")
@click.argument("repositories", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="[REPO…]")
@click.option("--commit", default="", metavar="COMMIT", help="The values that this commit changed.")
@click.option("--range", "span", default="", metavar="A..B", help="The values that these commits changed.")
@_json
def scan_command(repositories: tuple[Path, ...], commit: str, span: str, as_json: bool) -> None:
    """Read the patterns of REPO (this one when left out): all of it at first, then what came since."""
    if commit and span:
        raise Refusal("Choose one of --commit and --range.", code="bad_usage")
    if span and ".." not in span:
        raise Refusal(f"{span!r} is no range of commits; write it like main..HEAD.", code="bad_range")
    store = PatternStore(open_deps().database)
    with waiting() as progress:
        progress.add_task("Reading commits")
        folders = repositories or (folder_of(os.environ),)
        reports = [scan(store, Repository.at(folder), named(folder.resolve()), commit=commit, span=span) for folder in folders]
    if as_json:
        click.echo(json.dumps({"repositories": [_plain(report) for report in reports]}, ensure_ascii=False))
        return
    for report in reports:
        _print(report)


@patterns.command(name="list")
@click.option("--pattern", default="", help="Only this one, with its values everywhere.")
@_json
def list_command(pattern: str, as_json: bool) -> None:
    """List the patterns that are known, and who uses them with which values."""
    rows: list[dict[str, Any]] = [
        {"pattern": use.name, "kind": use.kind, "repository": name, "parameters": dict(use.parameters), "place": f"{use.path}:{use.line}"}
        for name, use in PatternStore(open_deps().database).users(pattern)
    ]
    if as_json:
        click.echo(json.dumps({"uses": rows}, ensure_ascii=False))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("pattern", "repository", "values", "place"):
        table.add_column(column, no_wrap=column == "pattern")
    for row in sorted(rows, key=lambda row: (str(row["pattern"]), str(row["repository"]))):
        values = ", ".join(f"{key}={shown(value)}" for key, value in row["parameters"].items())
        table.add_row(*(Text(str(part)) for part in (row["pattern"], row["repository"], values, row["place"])))
    Console(soft_wrap=True).print(table if rows else "No patterns yet. `kintsugi patterns scan` in a repository records what it uses.")


@patterns.command()
@click.argument("repository", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="[REPO]")
@_json
def notices(repository: Path | None, as_json: bool) -> None:
    """Tell REPO (this one when left out) which values others changed that it still has, and why."""
    name = named((repository or folder_of(os.environ)).resolve())
    told = PatternStore(open_deps().database).notices(name)
    if as_json:
        click.echo(json.dumps({"repository": name, "notices": [answered(one) for one in told]}, ensure_ascii=False))
        return
    for one in told:
        change, at = one.change, f" on {one.change.at:%Y-%m-%d}" if one.change.at else ""
        click.echo(
            f"{change.pattern}: {change.told} in {change.repository}{at} ({change.reason}); {name} had {shown(one.has)}, {_ticket(one)}"
        )
    if not told:
        click.echo(f"Nobody changed a value that {name} has, as far as is known here.")


@patterns.command()
@click.argument("pattern")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 3650), help="How far back incidents count.")
@_json
def health(pattern: str, days: int, as_json: bool) -> int:
    """Tell how PATTERN does over all repositories. Leaves with 1 where it is not healthy."""
    answer = asyncio.run(Tools(open_deps(), ["knowledge"]).call("get_pattern_health", pattern=pattern, time_range=days))
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
    else:
        score = f", score {answer['score']}" if "score" in answer else ""
        click.echo(f"{answer['pattern']}: {answer['status']}{score}")
        click.echo(f"{answer['repos_with_issues']} of {answer['total_repositories']} repositories had issues with it in {days} days.")
        click.echo(answer["recommendation"])
    return int(answer["status"] in ("critical", "degraded"))


@patterns.command()
@click.argument("pattern")
@click.argument("value", metavar="PARAMETER=VALUE")
@click.argument("repositories", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="[REPO…]")
@click.option("--reason", required=True, help="Why: stands in every ticket.")
@_json
def coordinate(pattern: str, value: str, repositories: tuple[Path, ...], reason: str, as_json: bool) -> None:
    """Give PATTERN one value in every REPO that has another (default: all scanned here): one parent ticket, and a case, a ticket and a
    proposal for each."""
    parameter, equals, new = value.partition("=")
    if not (equals and parameter and new):
        raise Refusal(f"{value!r} is no parameter with its value; write it like pool_size=30.", code="bad_value")
    wanted = coordinating.Wanted(pattern, parameter, new, reason)
    deps = open_deps()
    folders = repositories or tuple(coordinating.users(PatternStore(deps.database), pattern))
    if not folders:
        raise Refusal(f"No repository that was scanned here uses {pattern!r}; name repositories, or scan them first.", code="no_users")
    with waiting() as progress:
        progress.add_task(f"Proposing in {len(folders)} repositories")
        done = asyncio.run(coordinating.coordinate(deps, wanted, folders))
    if as_json:
        click.echo(json.dumps(done, ensure_ascii=False))
        return
    click.echo(f"{done['parent']}  {pattern} {value}")
    for row in done["repositories"]:
        click.echo(f"  {row['repository']}: {', '.join(str(row[key]) for key in ('ticket', 'case', 'fix', 'note') if row.get(key))}")


def _ticket(notice: Notice) -> str:
    """The ticket that tells of a change, or who will open it: a change that answers no problem is told and no more."""
    return notice.ticket or ("`kintsugi watch` opens its ticket" if notice.change.cause else "no ticket: no problem was behind it")


def _plain(report: Report) -> dict[str, Any]:
    return {
        "repository": report.repository,
        "commit": report.commit,
        "commits": report.commits,
        "uses": len(report.uses),
        "patterns": sorted({use.name for use in report.uses}),
        "changes": [{"pattern": one.pattern, "change": one.told, "commit": one.commit, "reason": one.reason} for one in report.changes],
        "notify": sorted({notice.repository for notice in report.notices}),
    }


def _print(report: Report) -> None:
    click.echo(
        f"{report.repository} at {report.commit[:12]}: {len(report.uses)} uses read, {report.commits} new commit{'' if report.commits == 1 else 's'}"
    )
    for use in report.uses[:40]:
        click.echo(f"  {use.name}  {use.path}:{use.line}  {', '.join(f'{key}={shown(value)}' for key, value in use.parameters.items())}")
    for change in report.changes:
        click.echo(f"  {change.commit[:12]} changed {change.pattern}: {change.told} ({change.reason})")
    for notice in report.notices:
        click.echo(
            f"  {notice.repository} uses {notice.change.pattern} too and has {notice.change.parameter} = {shown(notice.has)}: {_ticket(notice)}"
        )
