"""`kintsugi wisdom`: what a run of work really did, as pages beside it. Artifacts, git and tickets are enough."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from kintsugi.commands.asking import waiting
from kintsugi.commands.init import repository_root
from kintsugi.tools import Tools
from kintsugi.wisdom.looking import LookBack, inside, look_back, run_folder
from kintsugi.wisdom.page import Page
from kintsugi.wisdom.posting import tickets
from kintsugi.wisdom.told import Told, ask
from kintsugi.wisdom.writing import write
from kintsugi.workspace import open_deps
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import KintsugiError, Refusal
from mcp_servers.kit.gate import Write
from mcp_servers.kit.git import Repository
from mcp_servers.kit.project import Project, folder_of
from mcp_servers.launch import allowed_writes, find_project

_SLICES = ("cases", "tickets", "knowledge")


@click.command()
@click.option(
    "--run", "run", type=click.Path(path_type=Path), metavar="FOLDER", help="The run's folder; else the one whose documents are newest."
)
@click.option(
    "--pr",
    "pull",
    type=click.IntRange(min=1),
    default=None,
    metavar="N",
    help="Look back on this pull request; with --post, say so under it.",
)
@click.option("--post", is_flag=True, help="Open a ticket for each test gap that never had one (KINTSUGI_ALLOW_WRITES must name tickets).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def wisdom(run: Path | None, pull: int | None, post: bool, as_json: bool) -> int:
    """Look back on a run: what was claimed, tested, broken and learned, as pages in its folder wisdom/. Leaves with 1 when there are findings."""
    if post:
        _allowed(pull)
    root = repository_root(folder_of(os.environ)).resolve()
    folder = inside(root, run) if run else run_folder(root, Repository.at(root))
    deps, silent = _store(root)
    project = (deps.project if deps else None) or Project(root, root.name)
    with waiting() as progress:
        task = progress.add_task("Reading the history and the reports")
        tools = Tools(deps, _SLICES, writes=post) if deps else None
        found = look_back(root, folder, project, lambda _: ask(tools) if tools else Told(silent=silent), os.environ, pull or 0)
        known = _tickets(tools, found, post)
        pages = found.pages(known, lambda title: progress.update(task, description=f"Writing: {title}"))
        write(folder, pages)
    said = _remarked(deps, pull, pages) if post and pull and deps else ""
    if as_json:
        _print_json(folder, found, pages, known, said)
    else:
        _print(folder, pages, said)
    return int(pages[0].standing == "findings")


def _allowed(pull: int | None) -> None:
    """Returns when whoever runs this machine lets tickets (and with a pull request, forges) be written; raises `Refusal` otherwise."""
    lacking = sorted({"tickets", *(["fixes"] if pull else [])} - allowed_writes(os.environ))
    if lacking:
        raise Refusal(
            f"--post writes, and KINTSUGI_ALLOW_WRITES does not name {' and '.join(lacking)}; set it, or leave --post away.",
            code="writes_off",
        )


def _store(root: Path) -> tuple[Deps | None, tuple[str, ...]]:
    """What the other rooms are asked through; without it the look back goes on, and says why they are silent."""
    try:
        return open_deps(find_project(root) or Project(root, root.name)), ()
    except KintsugiError as error:
        return None, (f"cases, tickets and lessons: {error}",)


def _tickets(tools: Tools | None, found: LookBack, post: bool) -> Mapping[str, str]:
    """The tickets of the gaps. A tracker that does not answer stops a post, and nothing else."""
    if tools is None:
        return {}
    try:
        return tickets(tools, found.gaps, create=post)
    except KintsugiError:
        if post:
            raise
        return {}


def _remarked(deps: Deps, pull: int, pages: Sequence[Page]) -> str:
    """The address of the pull request under which the look back is told now, or was already in these words."""
    from mcp_servers.fixes.forges import Place, chosen  # brings the HTTP client
    from mcp_servers.fixes.store import Store

    project = deps.watched()
    repository = Repository.at(project.root)
    deps.gate.admit(Write("wisdom", "kintsugi"))
    place = Place(repository, lambda: Store(deps.database), deps.scratch, deps.clock, project.forge, deps.environ)
    told = "\n".join([pages[0].summary, *(f"- {one.title}, {one.standing}: {one.summary}" for one in pages[1:])])
    return chosen(place).remark(repository.identity(repository.head()), pull, f"Kintsugi looked back. {told}")


def _print_json(folder: Path, found: LookBack, pages: Sequence[Page], known: Mapping[str, str], said: str) -> None:
    span = found.gathered.history.span
    answer = {
        "run": str(folder),
        "release": {"base": span.base, "head": span.head, "commits": len(found.gathered.history.released), "chosen": span.chosen},
        "pages": [{"file": one.file, "standing": one.standing, "summary": one.summary} for one in pages],
        "gaps": [{"title": one.title, "why": one.why, "priority": one.priority, "ticket": known.get(one.key, "")} for one in found.gaps],
        **({"remark": said} if said else {}),
    }
    click.echo(json.dumps(answer, ensure_ascii=False))


def _print(folder: Path, pages: Sequence[Page], said: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("page", "standing", "in one line"):
        table.add_column(column, overflow="fold")
    for one in pages[1:]:
        style = {"good": "green", "findings": "red"}.get(one.standing, "yellow")
        table.add_row(Text(one.file), Text(one.standing, style), Text(one.summary.replace("\\", "")))
    console = Console()
    console.print(table)
    console.print(Text(f"{pages[0].summary} Written to {folder / 'wisdom'}."), soft_wrap=True)
    if said:
        console.print(Text(f"Said under {said}."), soft_wrap=True)
