"""`kintsugi deployments`: tell of one, from CI or by hand, and see how they went."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import click

from kintsugi.groups import Group
from kintsugi.shipping.rounds import named
from kintsugi.tools import Tools
from kintsugi.workspace import open_deps
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import Repository
from mcp_servers.kit.project import folder_of

_json = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
_repository = click.option("--repository", default="", help="Its name; default: the one of this folder.")


@click.group(cls=Group)
def deployments() -> None:
    """Tell of deployments, and see how they went."""


@deployments.command()
@click.argument("version", default="")
@_repository
@click.option("--service", default="", help="The service that was deployed, where a repository has several.")
@click.option("--summary", default="", help="What changed; default: the subject of the newest commit.")
@click.option("--watch", "minutes", default=0, type=click.IntRange(0, 10_080), help="Watch it more closely for so many minutes.")
@_json
def notify(version: str, repository: str, service: str, summary: str, minutes: int, as_json: bool) -> None:
    """Tell that VERSION is in production now (default: the newest tag, else the commit), and hear where to look."""
    deps, folder = open_deps(), _folder()
    told, subject = (version, summary) if version and summary else _described(folder, version, summary)
    name = repository or named(folder)
    tools = Tools(deps, ["knowledge", "cases"], writes=True)
    arguments = {"repository": name, "version": told, "changes_summary": subject, "service": service, "actor": "kintsugi"}
    answer = asyncio.run(tools.call("notify_deployment", **arguments))
    if minutes:
        watched = {"service": service or name, "version": told, "watch_for": answer["watch_for"], "duration_minutes": minutes}
        answer["monitoring"] = asyncio.run(tools.call("start_enhanced_monitoring", **watched, actor="kintsugi"))
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    click.echo(f"{name} {told} is noted as {answer['deployment_id']}{'' if answer['created'] else ' (known already)'}.")
    for one in answer["focus"]:
        click.echo(f"  look at {one['what']}: {one['why']}")
    if minutes:
        click.echo(f"  watched more closely until {answer['monitoring']['until'][:16]} ({answer['monitoring']['task_id']})")


@deployments.command(name="list")
@_repository
@_json
def list_command(repository: str, as_json: bool) -> None:
    """How the deployments of a repository went, the newest first."""
    name = repository or named(_folder())
    answer = asyncio.run(Tools(open_deps(), ["knowledge"]).call("get_runtime_status", repository=name))
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    click.echo(f"{name} is {answer['status']}, {_issues(answer['open_issues'])} open")
    for one in answer["deployments"]:
        went = {True: "held", False: "failed", None: "not judged yet"}[one.get("success")]
        taken = ", rolled back" if one["rollback_performed"] else ""
        click.echo(f"  {one['deployed_at'][:16].replace('T', ' ')}  {one['version']}  {went}{taken}, {_issues(one['issues_found'])} found")


def _issues(number: int) -> str:
    return f"{number} issue{'' if number == 1 else 's'}"


def _folder() -> Path:
    return folder_of(os.environ).resolve()


def _described(folder: Path, version: str, summary: str) -> tuple[str, str]:
    """The version and its summary, from git where they were not given; raises `Refusal` where there is no repository to ask."""
    try:
        repository = Repository.at(folder)
    except Refusal:
        if version:
            return version, summary
        raise
    head = repository.head()
    tag = next((name for name, commit in reversed(repository.tags().items()) if commit == head), "")
    return version or tag or head[:12], summary or repository.log(head, limit=1)[0].subject
