"""`kintsugi init`: looks around in a repository and writes the kintsugi.toml that describes it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import click
import tomlkit
import yaml

from mcp_servers.kit.errors import Misconfigured, Refusal
from mcp_servers.kit.gitrun import as_user
from mcp_servers.kit.project import FILE_NAME, Project, Tests

_LOG_FILE = re.compile(r"\.log(\.|$)|^nohup\.out$", re.I)
_LOG_FOLDERS = frozenset({"log", "logs"})
_NOT_OURS = frozenset({"node_modules", "site-packages", "__pycache__", "dist", "build", "tests", "test", "venv", "env"})
_COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_INTERPRETERS = (".venv/bin/python", "venv/bin/python", "env/bin/python", ".venv/Scripts/python.exe", "venv/Scripts/python.exe")
_DEPTH = 4
_MOST_FOLDERS = 5_000


@dataclass(frozen=True, slots=True)
class Found:
    """What a repository tells about itself: where it logs, which services it composes, how it is tested."""

    name: str
    branch: str
    logs: tuple[str, ...]
    services: tuple[str, ...]
    tests: Tests


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")
@click.option("--force", is_flag=True, help="Replace the kintsugi.toml that is there.")
@click.option(
    "--claude", is_flag=True, help="Also put agents, skills, hooks and the server into the project, for Claude Code without the plugin."
)
def init(folder: Path, force: bool, claude: bool) -> None:
    """Write kintsugi.toml for the repository of FOLDER (here) from what is found in it."""
    root = repository_root(folder)
    target = root / FILE_NAME
    if claude:
        for line in _claude(root):
            click.echo(line)
        if target.exists() and not force:
            return
    if target.exists() and not force:
        raise Refusal(f"{target} is there already; read it, or replace it with `kintsugi init --force`.", code="exists")
    found = look_around(root)
    text = document(found)
    Project.parse(root, tomlkit.parse(text).unwrap())
    try:
        target.write_text(text, "utf-8")
    except OSError as error:
        raise Misconfigured(f"{target} cannot be written: {error.strerror}.") from error
    for line in report(found):
        click.echo(line)


def _claude(root: Path) -> Iterator[str]:
    """Puts what Claude Code reads into the project, and says what became of each piece."""
    from kintsugi.clients.project import MANIFEST, SERVERS, install
    from kintsugi.commands.mcp import server_program, shared_name

    program = shared_name(server_program(), os.environ)
    done = install(root, program)
    for key in done["wrote"]:
        yield f"Wrote {key}"
    for key in done["kept"]:
        yield f"Kept  {key}, which was edited here"
    if done["same"]:
        yield f"{len(done['same'])} more are as they should be."
    yield f"{MANIFEST} remembers what was written; the same command again brings it up to date."
    if Path(program).is_absolute():
        yield f"{SERVERS} names a path of this machine. To share the file, put Kintsugi on your PATH (`uv tool install`) and run this again."
    yield "It only reads until KINTSUGI_ALLOW_WRITES stands in the server's env. Start `claude` here, trust the folder, choose “Use this MCP server”."


def repository_root(folder: Path) -> Path:
    """The top of the git repository around a folder; raises `Refusal` outside one and `Misconfigured` without git."""
    top = as_user(folder, "rev-parse", "--show-toplevel")
    if not top:
        raise Refusal(f"{folder.resolve()} is not in a git repository; run this inside one (or `git init` first).", code="no_repository")
    return Path(top)


def look_around(root: Path) -> Found:
    """What is found in a repository; reads names and a few small files, runs nothing of it."""
    return Found(root.name, _branch(root), tuple(_logs(root)), _services(root), _tests(root))


def document(found: Found) -> str:
    """The text of kintsugi.toml, with a comment where something could not be found."""
    text = tomlkit.document()
    text.add(
        tomlkit.comment("Describes this project to Kintsugi. It never loosens a rule: who may approve, and how, is decided elsewhere.")
    )
    text["project"] = {"name": found.name, "branch": found.branch}
    sources: dict[str, Any] = {}
    if found.logs:
        sources["files"] = {"type": "files", "paths": list(found.logs)}
    if found.services:
        sources["containers"] = {"type": "docker", "services": list(found.services)}
    if sources:
        text["sources"] = sources
    tests = {"runner": found.tests.runner, "python": found.tests.python, "paths": list(found.tests.paths)}
    text["tests"] = {key: value for key, value in tests.items() if value}
    if not sources:
        text.add(tomlkit.nl())
        for line in (
            "No log files were found. Name them here, relative to this file:",
            "[sources.files]",
            'type = "files"',
            'paths = ["logs/*.log"]',
        ):
            text.add(tomlkit.comment(line))
    return tomlkit.dumps(text)


def report(found: Found) -> Iterator[str]:
    """What was found, in lines for a person, and what to do next."""
    yield f"Wrote {FILE_NAME} for {found.name}:"
    yield f"  branch      {found.branch}"
    yield f"  logs        {', '.join(found.logs) or 'none found; name them in the file'}"
    if found.services:
        yield f"  containers  {', '.join(found.services)}"
    yield f"  tests       {', '.join(found.tests.paths) or 'no folder found'} ({found.tests.runner}{_with(found.tests.python)})"
    yield "Next: `kintsugi doctor` says what works here; `kintsugi watch --once` reads the logs and opens a case for what broke."


def _with(python: str) -> str:
    return f", {python}" if python else ", no environment of its own"


def _branch(root: Path) -> str:
    remote = as_user(root, "symbolic-ref", "--short", "refs/remotes/origin/HEAD").removeprefix("origin/")
    here = as_user(root, "symbolic-ref", "--short", "HEAD")
    known = as_user(root, "for-each-ref", "--format=%(refname:short)", "refs/heads/main", "refs/heads/master").splitlines()
    return remote or here or next(iter(known), "main")


def _logs(root: Path) -> Iterator[str]:
    for folder, files in islice(_folders(root), _MOST_FOLDERS):
        relative = folder.relative_to(root)
        if folder.name.lower() in _LOG_FOLDERS:
            yield f"{relative.as_posix()}/*"
        elif any(_LOG_FILE.search(name) for name in files):
            yield from ((relative / pattern).as_posix() for pattern in ("*.log", "*.log.*"))  # and the rotated ones
        if "nohup.out" in files:
            yield (relative / "nohup.out").as_posix()


def _folders(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """The folders that may hold the project's logs, from the top down, with the names of their files."""
    for place, folders, files in os.walk(root):
        here = Path(place)
        depth = len(here.relative_to(root).parts)
        ours = sorted(name for name in folders if not name.startswith(".") and name not in _NOT_OURS)
        folders[:] = ours if depth < _DEPTH else []
        yield here, files


def _services(root: Path) -> tuple[str, ...]:
    for name in _COMPOSE_FILES:
        try:
            data: Any = yaml.safe_load((root / name).read_text("utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            continue
        services: Any = data.get("services") if isinstance(data, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        return tuple(str(service) for service in services) if isinstance(services, dict) else ()  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return ()


def _tests(root: Path) -> Tests:
    paths = tuple(name for name in ("tests", "test") if (root / name).is_dir())
    python = next((name for name in _INTERPRETERS if (root / name).exists()), "")
    return Tests(_runner(root, paths), python, paths)


def _runner(root: Path, paths: tuple[str, ...]) -> str:
    """unittest only where its test cases are all there is: pytest runs those too, where it is installed."""
    declared = [
        root / name for name in ("pyproject.toml", "setup.cfg", "tox.ini", "pytest.ini", "requirements.txt", "requirements-dev.txt")
    ]
    written = [file for path in paths for file in sorted((root / path).rglob("*.py"))[:50]]
    texts = [file.read_text("utf-8", "replace") for file in (*declared, *written) if file.is_file()]
    if any("pytest" in text or re.search(r"^(async )?def test_", text, re.M) for text in texts):
        return "pytest"
    return "unittest" if any("unittest" in text for text in texts) else "pytest"
