"""`kintsugi doctor`: what was found on this machine and in this project, and what each missing piece would add."""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, NoReturn

import click

from kintsugi.routing import categories
from mcp_servers.kit.database import Database
from mcp_servers.kit.errors import KintsugiError
from mcp_servers.kit.git import Repository
from mcp_servers.kit.home import state_folder
from mcp_servers.kit.project import Project, Source, find_project

VARIABLES: Mapping[str, str] = {
    "KINTSUGI_HOME": "keeps state in a folder of your choice instead of the user's data folder",
    "KINTSUGI_DATABASE_URL": "shares cases and lessons with a team, on PostgreSQL",
    "KINTSUGI_PROJECT": "names the watched repository for clients that start servers elsewhere",
    "KINTSUGI_POLICY": "says who may approve and what a fix may change, from a file outside the repository",
    "KINTSUGI_ALLOW_WRITES": "lets the MCP servers write: slices, comma-separated, or all",
    "KINTSUGI_TOOL_SECONDS": "sets how long a tool may take before it says that it is still at work (20)",
    "LOGS_ENDPOINT": "adds a log source to those of kintsugi.toml: files (a pattern too), or docker:NAME",
    "GITHUB_TOKEN": "publishes fixes as pull requests on GitHub, where kintsugi.toml says so",
    "GITHUB_API_URL": "uses a GitHub of your own, such as https://github.example.com/api/v3",
    "GITHUB_REPOSITORY": "names the repository, owner/name, where neither kintsugi.toml nor the remote does",
    "ANTHROPIC_API_KEY": "lets the reasoner anthropic ask a model about what no recipe knows",
    "ANTHROPIC_BASE_URL": "asks another endpoint that speaks the Messages API",
    "KINTSUGI_MODEL": "names the model to ask, instead of the one in kintsugi.toml",
    "KINTSUGI_CLAUDE": "names the program that the reasoner claude_code runs",
    "DOCKER_HOST": "reads containers of another Docker engine",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked for. `missing` stops the loop; `absent` only means that something more would be possible."""

    name: str
    status: Literal["found", "absent", "missing"]
    text: str
    advice: str = ""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Say what was found here, and what each missing piece would add. Exit code 3 when something needed is missing."""
    findings = examine(Path.cwd(), os.environ)
    healthy = all(finding.status != "missing" for finding in findings)
    if as_json:
        click.echo(json.dumps({"healthy": healthy, "findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        _print(findings, healthy)
    ctx.exit(0 if healthy else 3)


def examine(folder: Path, environ: Mapping[str, str]) -> list[Finding]:
    """Everything looked for, in the order in which the loop needs it. Nothing is changed."""
    project, described = _project(folder, environ)
    wants_docker = project is not None and any(source.type == "docker" for source in project.sources)
    variables = [_variable(name, adds, environ) for name, adds in VARIABLES.items()]
    forge = [_forge(project, environ)] if project is not None else []
    routes = [_routing(project)] if project is not None and project.routing else []
    return [_python(), _git(), _jail(), _docker(environ, needed=wants_docker), _database(environ), described, *forge, *routes, *variables]


_SIGNS = {"found": ("✓", "green"), "absent": ("·", "bright_black"), "missing": ("✗", "red")}


def _print(findings: list[Finding], healthy: bool) -> None:
    for finding in findings:
        sign, color = _SIGNS[finding.status]
        click.echo(f"{click.style(sign, fg=color)} {finding.name:<24}{finding.text}")
        if finding.advice:
            click.echo(f"  {'':<24}{finding.advice}")
    click.echo("\nEverything that is needed is here." if healthy else "\nWhat is marked ✗ is needed before anything can be healed.")


def _python() -> Finding:
    return Finding("python", "found", platform.python_version())


def _git() -> Finding:
    answer = _output("git", "--version")
    return Finding("git", "found", answer.removeprefix("git version ")) if answer else _missing("git", "apt-get install git")


def _missing(name: str, command: str) -> Finding:
    return Finding(name, "missing", "not installed", f"install it: {command}")


def _jail() -> Finding:
    if not shutil.which("bwrap"):
        return Finding(
            "jail", "missing", "bubblewrap is not installed", "install it: apt-get install bubblewrap; without it no fix can be tried out"
        )
    if _output("bwrap", "--ro-bind", "/", "/", "--unshare-net", "echo", "ok") != "ok":
        return Finding(
            "jail",
            "missing",
            "bubblewrap cannot make namespaces here",
            "allow user namespaces on this machine (sysctl kernel.unprivileged_userns_clone=1)",
        )
    return Finding("jail", "found", _output("bwrap", "--version"))


def _docker(environ: Mapping[str, str], *, needed: bool) -> Finding:
    host = environ.get("DOCKER_HOST", "")
    if host and not host.startswith("unix://"):
        return Finding("docker", "found", f"engine at {host} (not asked)")
    path = host.removeprefix("unix://") or "/var/run/docker.sock"
    if _engine_answers(path):
        return Finding("docker", "found", f"engine answers at {path}")
    if needed:
        return Finding(
            "docker", "missing", f"no engine answers at {path}", "kintsugi.toml reads containers: start Docker, or take that source out"
        )
    return Finding("docker", "absent", f"no engine answers at {path}", 'with it: logs of containers (type = "docker")')


def _engine_answers(path: str) -> bool:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(3)
            connection.connect(path)
            connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            return b" 200 " in connection.recv(64)
    except OSError:
        return False


def _database(environ: Mapping[str, str]) -> Finding:
    url = environ.get("KINTSUGI_DATABASE_URL", "")
    file = state_folder(environ) / "kintsugi.sqlite"
    if not url and not file.exists():
        return _database_to_be(file)
    try:
        database = Database.open(url or f"sqlite:///{file}")
        with database.reading():
            return Finding("database", "found", database.name)
    except KintsugiError as error:
        return Finding("database", "missing", "cannot be used", str(error))


def _database_to_be(file: Path) -> Finding:
    folder = next(parent for parent in file.parents if parent.exists())
    if os.access(folder, os.W_OK):
        return Finding("database", "found", f"{file} (made at the first use)")
    return Finding("database", "missing", f"{folder} cannot be written", "set KINTSUGI_HOME to a folder of yours")


def _project(folder: Path, environ: Mapping[str, str]) -> tuple[Project | None, Finding]:
    try:
        project = find_project(Path(environ.get("KINTSUGI_PROJECT") or folder))
    except KintsugiError as error:
        return None, Finding("project", "missing", "kintsugi.toml cannot be used", str(error))
    if project is None:
        return None, Finding(
            "project",
            "absent",
            "no kintsugi.toml here or above",
            "write one with `kintsugi init`; with it: this repository is watched and healed",
        )
    project = project.widened(environ)
    sources = ", ".join(f"{source.name} ({source.type})" for source in project.sources)
    advice = "" if sources else "no [sources] yet: name the log files in kintsugi.toml"
    return project, Finding("project", "found", f"{project.name} on {project.branch}; logs: {sources or 'none'}", advice)


def _forge(project: Project, environ: Mapping[str, str]) -> Finding:
    """Asks the forge, when one is named; the local one needs no answer."""
    if project.forge.get("type", "local") == "local":
        return Finding("forge", "found", "local: pull requests are kept here", 'with [forge] type = "github": on GitHub')
    from mcp_servers.fixes.forges import Place, chosen  # brings the HTTP client
    from mcp_servers.launch import utc_now

    def no_store() -> NoReturn:
        raise AssertionError("looking needs no state")

    try:
        place = Place(Repository.at(project.root), no_store, project.root, utc_now, project.forge, environ)
        reach = chosen(place).reach()
    except KintsugiError as error:
        return Finding("forge", "missing", f"{project.forge['type']} cannot be used", str(error))
    return Finding("forge", "found" if reach.usable else "missing", reach.text, reach.advice)


def _routing(project: Project) -> Finding:
    """Whether every role that the project names is there."""
    try:
        known = categories(project)
    except KintsugiError as error:
        return Finding("routing", "missing", "[routing] leads nowhere", str(error))
    return Finding("routing", "found", "; ".join(f"{name}: {', '.join(known[name].roles)}" for name in project.routing))


def _variable(name: str, adds: str, environ: Mapping[str, str]) -> Finding:
    if name == "LOGS_ENDPOINT" and "://" in environ.get(name, "") and Source.at(environ[name]) is None:
        return Finding(name, "absent", f"set, but nothing here reads {environ[name].partition('://')[0]} addresses yet", f"with it: {adds}")
    if environ.get(name):
        return Finding(name, "found", "set" if any(word in name for word in ("URL", "TOKEN", "KEY")) else environ[name])
    return Finding(name, "absent", "not set", f"with it: {adds}")


def _output(*command: str) -> str:
    try:
        answer = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
