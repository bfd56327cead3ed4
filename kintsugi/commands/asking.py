"""How the commands over logs ask a tool: the sources of the command line become a project, and nothing of it is kept."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mcp_servers.kit.errors import KintsugiError, Misconfigured, Refusal
from mcp_servers.kit.home import state_folder
from mcp_servers.kit.project import Project, Source, find_project

_DOCKER = "docker:"
_COMMANDS = {"digest_logs": "`kintsugi logs digest`", "query_logs(template=id)": "`kintsugi logs query --template ID`"}
_WHERE_THEY_LOOK = "list_log_sources shows where they look"
_NOTHING_WATCHED = (
    "The sources of kintsugi.toml hold no lines yet: `kintsugi doctor` names them, [sources] in kintsugi.toml says where they look."
)

sources_argument = click.argument("sources", nargs=-1, metavar="SOURCE…")
since_option = click.option("--since", default="", metavar="TIME", help="Begin of the window: 15m, 2h, 7d, or an ISO time.")
until_option = click.option("--until", default="", metavar="TIME", help="End of the window; now when left out.")
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")


def project_of(sources: Sequence[str], folder: Path) -> Project:
    """A project made of the sources named on the command line, or the one that watches this folder; raises `Misconfigured` where there is neither,
    and `Refusal` for a file that is not there."""
    if not sources:
        if found := find_project(folder):
            return found
        raise Misconfigured("No source is named and no kintsugi.toml is here; name a file, or run `kintsugi init`.", code="no_project")
    return Project(folder, folder.name, sources=tuple(_source(number, text, folder) for number, text in enumerate(sources, start=1)))


def _source(number: int, text: str, folder: Path) -> Source:
    if text.startswith(_DOCKER):
        name = text.removeprefix(_DOCKER)
        return Source(text, "docker", {"containers": [name]} if name else {})
    if text != "-" and not glob.has_magic(text) and not (folder / text).exists():
        raise Refusal(
            f"There is no file or folder {text!r} (looked in {folder}); name one that is there, a glob, - for standard input, or docker:NAME.",
            code="no_such_file",
        )
    return Source(f"{text} ({number})", "files", {"paths": [text]})


def call(tool: str, sources: Sequence[str], **asked: Any) -> dict[str, Any]:
    """The tool's answer; how much it has read stands on standard error. Nothing of it is kept, but for the ids of a project's templates."""
    import asyncio

    from kintsugi.tools import Tools
    from mcp_servers.launch import assemble

    arguments = {name: value.upper() if name == "severity" else value for name, value in asked.items()}
    with TemporaryDirectory(prefix="kintsugi-") as home, waiting() as progress:
        reading = f"Reading {', '.join(sources) or 'the sources of kintsugi.toml'}"
        task = progress.add_task(reading)
        deps = assemble(project_of(sources, Path.cwd()), home=Path(home))
        if not sources:
            deps = replace(deps, scratch=state_folder(os.environ) / "scratch")
        tools = Tools(deps, ["logs"], told=lambda words: progress.update(task, description=f"{reading}: {words}"))
        try:
            answer = asyncio.run(tools.call(tool, **arguments))
        except KintsugiError as error:
            raise type(error)(_for_people(str(error), sources), code=error.code) from error
        finally:
            deps.database.close()
    return {**answer, "hint": _for_people(answer["hint"], sources)} if "hint" in answer else answer


def _for_people(text: str, sources: Sequence[str]) -> str:
    """The sentence of a tool with commands in place of the tools that it names, and its sources as they were typed."""
    if _WHERE_THEY_LOOK in text:
        return f"No line of text is in {', '.join(sources)}; name a log that has some." if sources else _NOTHING_WATCHED
    for said, command in _COMMANDS.items():
        text = text.replace(said, command)
    return text


def waiting() -> Progress:
    """A sign of life on standard error, where a person watches it."""
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not Console(stderr=True).is_terminal)


def print_json(answer: dict[str, Any]) -> None:
    click.echo(json.dumps(answer, ensure_ascii=False))
