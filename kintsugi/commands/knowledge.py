"""`kintsugi knowledge`: lessons as Markdown pages in git, out and in; and the record of recipes and services."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from kintsugi.commands.knowledge_record import recipes, services
from kintsugi.groups import Group
from kintsugi.workspace import open_deps
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.gate import Write
from mcp_servers.knowledge.exchange import MOST, export_pages, import_pages

_README = "readme.md"


@click.group(cls=Group)
def knowledge() -> None:
    """Write lessons as Markdown pages, one for each, or read pages of others; list recipes and services."""


knowledge.add_command(recipes)
knowledge.add_command(services)


@knowledge.command("export")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--repository", default="", help="Only the lessons of this repository.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def export_lessons(folder: Path, repository: str, as_json: bool) -> None:
    """Write every lesson into FOLDER (docs/lessons), for review and history in git."""
    pages = export_pages(open_deps().database, repository)
    folder.mkdir(parents=True, exist_ok=True)
    written = [name for name, text in pages.items() if _write(folder / name, text)]
    if as_json:
        click.echo(json.dumps({"folder": str(folder), "lessons": len(pages), "written": written}))
    else:
        click.echo(f"{len(pages)} lessons in {folder}, {len(written)} of them new or changed.")


@knowledge.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def import_lessons(paths: Sequence[Path], as_json: bool) -> None:
    """Read the pages PATHS (files, or folders of .md files), all or none.

    Whatever a page claims, its lesson is only told: it is shown after what was verified here, and its recipe and guard stay out.
    """
    deps = open_deps()
    deps.gate.admit(Write("import_lessons", "person"))
    found = import_pages(deps.database, _pages(paths), deps.clock())
    if as_json:
        click.echo(json.dumps(asdict(found)))
    else:
        click.echo(f"{len(found.created)} lessons are new, {len(found.changed)} changed, {len(found.unchanged)} were known as they are.")


def _pages(paths: Sequence[Path]) -> Iterator[tuple[str, str]]:
    for path in paths:
        files = sorted(path.glob("*.md")) if path.is_dir() else [path]
        for file in files:
            if file.name.casefold() != _README:
                yield str(file), _read(file)


def _read(file: Path) -> str:
    try:
        with file.open(encoding="utf-8", newline="") as page:
            return page.read(MOST + 1)
    except UnicodeDecodeError as error:
        raise Refusal(
            f"{file}:1: the page is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8.", code="bad_lesson"
        ) from None


def _write(path: Path, text: str) -> bool:
    """Writes the page where it says something else than the file; whether it did."""
    if path.is_symlink():
        raise Refusal(f"{path} is a link; a lesson is written into a file of its own. Take the link away.", code="not_a_file")
    if path.is_file() and path.read_bytes() == text.encode("utf-8", "replace"):
        return False
    path.write_text(text, encoding="utf-8", errors="replace", newline="\n")
    return True
