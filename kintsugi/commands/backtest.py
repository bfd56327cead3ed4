"""`kintsugi backtest`: what the loop would have made of this repository's past, before it may write anything."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from kintsugi.commands.asking import json_option, print_json, project_of, waiting
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import Repository
from mcp_servers.launch import find_project

if TYPE_CHECKING:
    from kintsugi.backtest.failing import Bench
    from kintsugi.backtest.model import Report
    from kintsugi.backtest.running import Question

_SPAN = re.compile(r"(\d{1,6})([hdwy])")
_HOURS = {"h": 1, "d": 24, "w": 168, "y": 8766}
_WIDE = 150


@click.command()
@click.option("--since", default="90d", show_default=True, metavar="TIME", help="How far back: 90d, 52w, 2y, or an ISO time.")
@click.option(
    "--repo",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path(),
    help="The repository; this folder when left out.",
)
@click.option("--ref", default="HEAD", show_default=True, help="The branch whose past is read.")
@click.option("--logs", multiple=True, metavar="SOURCE", help="Stored logs of that time: a file, folder or glob; several times.")
@click.option("--run-tests", is_flag=True, help="Run the tests of each fix before and after it, in the sandbox.")
@click.option("--limit", default=200, show_default=True, type=click.IntRange(0, 100_000), help="The latest incidents alone; 0: all.")
@click.option("--minutes", default=15.0, show_default=True, type=click.FloatRange(0, 1_440), help="How long to judge incidents.")
@click.option("--bundles", type=click.Path(path_type=Path, file_okay=False), help="Write each incident into this folder, to be replayed.")
@click.option("--replay", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Ask the bundles of a folder again.")
@json_option
def backtest(
    since: str,
    repo: Path,
    ref: str,
    logs: tuple[str, ...],
    run_tests: bool,
    limit: int,
    minutes: float,
    bundles: Path | None,
    replay: Path | None,
    as_json: bool,
) -> int:
    """Mine the fixes and reverts of a repository, and say what would have been detected, blamed, placed, proposed and prevented.

    Nothing is written into the repository or the state folder. With --replay, leaves with 1 when a bundle shows something else than it did.
    """
    if replay:
        return _replay(replay, as_json)
    from kintsugi.backtest import report
    from kintsugi.backtest.running import Question

    now = datetime.now(UTC)
    sources, bench = project_of(logs, repo) if logs else None, _bench(repo) if run_tests else None
    asked = Question(Repository.at(repo), begin(since, now), now, ref, limit, minutes * 60, sources, bench)
    found = _looked_back(asked, bundles)
    if as_json:
        print_json(report.as_json(found))
    else:
        report.show(_console(), found)
    return 0


def _looked_back(asked: Question, bundles: Path | None) -> Report:
    """What the past shows; each incident is kept as a bundle where a folder is named."""
    from kintsugi.backtest.bundles import write
    from kintsugi.backtest.running import run

    with waiting() as progress:
        task = progress.add_task("Looking back")
        found, scenes = run(asked, lambda words: progress.update(task, description=f"Looking back: {words}"))
    if bundles:
        shown = {scene.incident.commit.id: scene for scene in scenes}
        for one in found.told:
            write(one, shown[one.incident.commit.id], bundles)
        click.echo(f"{len(found.told)} bundles in {bundles}; `kintsugi backtest --replay {bundles}` asks them again.", err=True)
    return found


def begin(since: str, now: datetime) -> datetime:
    """The moment that a span or an ISO time means, aware UTC; raises `Refusal` for neither, or for a moment to come."""
    span = _SPAN.fullmatch(since.strip())
    try:
        moment = now - timedelta(hours=int(span[1]) * _HOURS[span[2]]) if span else datetime.fromisoformat(since)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Refusal(f"--since is {since!r}; give a span like 90d, 12w or 2y, or an ISO time.", code="bad_time") from None
    if moment >= now:
        raise Refusal(f"--since {since} lies ahead; a backtest looks back.", code="bad_time")
    return moment.astimezone(UTC)


def _bench(repo: Path) -> Bench:
    from kintsugi.backtest.failing import Bench
    from mcp_servers.fixes.jail import default
    from mcp_servers.kit.project import Tests

    project = find_project(repo.resolve())
    return Bench.open(default(), project.tests if project else Tests(), project.root if project else repo.resolve())


def _replay(folder: Path, as_json: bool) -> int:
    from kintsugi.backtest.bundles import replay

    found = replay(folder)
    changed = [one for one in found if one.changed]
    if as_json:
        print_json({"bundles": len(found), "changed": [{"bundle": one.name, "changed": list(one.changed)} for one in changed]})
    else:
        for one in changed:
            for words in one.changed:
                click.echo(f"{one.name}: {words}")
        click.echo(f"{len(found)} bundles, {len(changed)} of them show something else than they did.")
    return int(bool(changed))


def _console() -> Console:
    return Console() if Console().is_terminal else Console(width=_WIDE)
