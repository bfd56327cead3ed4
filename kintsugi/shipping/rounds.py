"""What `kintsugi watch` does each round beside healing: takes the notes of hooks, tells of tags and of changed patterns, keeps closer
watches (ahead of hours in which it tends to break, too), learns who uses what.

Nothing here may stop healing: what goes wrong is a sentence, and the next round tries again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from anyio.to_thread import run_sync

from kintsugi.hooks import spool
from kintsugi.loop import measuring
from kintsugi.shipping.periods import risky
from kintsugi.tools import Tools
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.model import State
from mcp_servers.cases.monitoring import ALERT_AT, INTERVAL, Monitoring, Task
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import KintsugiError
from mcp_servers.kit.git import Repository
from mcp_servers.kit.project import Project, find_project
from mcp_servers.knowledge.deployments import DeploymentStore
from mcp_servers.knowledge.patterns import Notice, PatternStore, shown
from mcp_servers.knowledge.patterns.scanning import scan
from mcp_servers.knowledge.services import Dependency, ServiceStore
from mcp_servers.knowledge.services.learning import learn

ACTOR = "kintsugi"
_FEW = 3
_SHORTEST, _HOUR = timedelta(minutes=1), timedelta(hours=1)
Say = Callable[[str], None]


async def chores(deps: Deps, tools: Tools, say: Say) -> None:
    """One round of everything; each part on its own."""
    project = deps.watched()
    for part in (_take_notes, _tell_tags, _tell_notices, _watch_ahead, _watch_closely, _learn_services):
        try:
            await part(deps, project, tools, say)
        except KintsugiError as error:
            say(f"{error} The next round tries again.")


def pace(deps: Deps, interval: float) -> float:
    """Seconds to the next round: sooner while a closer watch runs."""
    running = Monitoring(deps.database).running(deps.watched().name, deps.clock())
    return min(interval, INTERVAL) if running else interval


def named(folder: Path) -> str:
    """What a repository is called in the record: as its kintsugi.toml says, else as its folder."""
    project = find_project(folder)
    return project.name if project else folder.name


async def _learn_services(deps: Deps, project: Project, tools: Tools, say: Say) -> None:
    """Who uses what: by the configuration of each new commit, and by the logs once an hour."""
    store, now = ServiceStore(deps.database), deps.clock()
    await run_sync(learn, store, Repository.at(project.root), project.name, now)
    looked = store.looked(project.name)
    if not project.sources or (looked and now - looked < _HOUR):
        return
    seen: list[dict[str, Any]] = (await tools.call("correlate_services", since=(now - _HOUR).isoformat()))["dependencies"]
    found = [Dependency(one["service"], one["kind"], one["uses"], project.name, one["told"]) for one in seen]
    await run_sync(store.observe, project.name, found, now)


async def _take_notes(deps: Deps, project: Project, tools: Tools, say: Say) -> None:
    """Hooks saw commits: the patterns of their repositories are read anew."""
    store = PatternStore(deps.database)

    def take(note: spool.Note) -> None:
        if note.hook == "post-checkout":
            return
        folder = Path(note.repository)
        try:
            report = scan(store, Repository.at(folder), named(folder))
        except KintsugiError as error:
            say(f"{note.repository}: {error}")
            return
        for change in report.changes:
            say(f"{report.repository}: {change.pattern} {change.told}")

    await run_sync(spool.drain, str(deps.scratch.parent), take)


async def _tell_tags(deps: Deps, project: Project, tools: Tools, say: Say) -> None:
    """The newest tag of the branch is a deployment, once."""
    repository = Repository.at(project.root)
    head = repository.head(project.branch)
    newest = next((name for name, commit in reversed(repository.tags().items()) if repository.contains(head, commit)), "")
    known = {one.version for one in DeploymentStore(deps.database).of(project.name)}
    if newest and newest not in known:
        subject = repository.log(newest, limit=1)[0].subject
        await tools.call("notify_deployment", repository=project.name, version=newest, changes_summary=subject, actor=ACTOR)
        say(f"{project.name} {newest} is noted as deployed")


async def _tell_notices(deps: Deps, project: Project, tools: Tools, say: Say) -> None:
    """A value that was changed because of a problem is a ticket for every repository that has another one, at most once."""
    store = PatternStore(deps.database)
    for notice in store.notices(unticketed=True):
        if notice.change.cause:
            ticket = await tell(tools, notice)
            store.ticketed(notice, ticket)
            say(f"{ticket} tells {notice.repository} of {notice.change.pattern} {notice.change.told}")


async def tell(tools: Tools, notice: Notice, parent: str = "") -> str:
    """The ticket of one notice."""
    change = notice.change
    landscape = ServiceStore(tools.deps.database).landscape()
    shared = [f"{one.kind} {one.name}" for one in landscape.shared(change.repository, notice.repository)][:_FEW]
    lines = [
        f"`{change.pattern}` was changed in {change.repository}: {change.told}.",
        f"Reason: {change.reason or 'none was given'} ({change.cause or 'no case'}).",
        f"{notice.repository} has {change.parameter} = {shown(notice.has)}.",
        *([f"Both use {', '.join(shared)}."] if shared else []),
        *([f"Part of {parent}."] if parent else []),
        f"`get_pattern_health` with {change.pattern} tells how it does everywhere.",
    ]
    answer = await tools.call(
        "create_ticket",
        title=f"[Pattern] {notice.repository}: {change.pattern} was changed elsewhere ({change.told})",
        description="\n".join(lines),
        type="Task",
        priority="MEDIUM",
        labels=["pattern", "proactive"],
        fingerprint=f"{change.id}:{notice.repository}"[:120],
        actor=ACTOR,
    )
    return str(answer["id"])


async def _watch_ahead(deps: Deps, project: Project, tools: Tools, say: Say) -> None:
    """A closer watch on what tends to break in a slot of the week, from an hour before it to its end."""
    now, ledger = deps.clock(), Ledger(deps.database, deps.clock)
    cases = [case for case in ledger.cases(project.name) if case.state is not State.FALSE_POSITIVE]
    running = {task.service for task in Monitoring(deps.database).running(project.name, now)}
    for period in risky([(case.opened, case.service) for case in cases], now):
        if period.begins(now) - now > _HOUR:
            continue
        minutes = max(1, int((period.ends(now) - now).total_seconds() / 60))
        for service in [name for name in period.services if name not in running][:_FEW]:
            await tools.call("start_enhanced_monitoring", service=service, duration_minutes=minutes, actor=ACTOR)
            say(f"{service} is watched more closely: {period.told}")


async def _watch_closely(deps: Deps, project: Project, tools: Tools, say: Say) -> None:
    monitoring, now = Monitoring(deps.database), deps.clock()
    for task in monitoring.running(project.name, now):
        if now - task.started < _SHORTEST:
            continue
        health = await tools.call("get_service_health", service=task.service, since=task.started.isoformat())
        word, alerts = await _looked(tools, task, health)
        new = monitoring.told(task.id, word, alerts)
        for alert in new:
            say(f"{task.service} {task.version}: {alert}")
        if new:
            await _alarm(tools, task, [*task.alerts, *new])
        await _judge(deps, project, tools, task, word, health)


async def _looked(tools: Tools, task: Task, health: dict[str, Any]) -> tuple[str, list[str]]:
    """The word of the comparison with before, and what there is to tell."""
    since, alerts = task.started.isoformat(), list[str]()
    requests: dict[str, Any] = health.get("requests", {})
    if requests.get("failed", 0) >= _FEW and requests.get("share", 0) > ALERT_AT:
        alerts.append(f"more than {ALERT_AT:.0%} of its requests fail")
    elif health.get("status") == "unhealthy":
        alerts.append(f"it is unhealthy: {health.get('because', '')}")
    for text in task.watch_for:
        if (await tools.call("analyze_pattern_logs", pattern=text, since=since))["count"]:
            alerts.append(f"the logs say {text!r} again")
    compared = await tools.call("check_deployment_health", release=task.version, since=since)
    if compared["word"] == "worse":
        alerts.append(f"worse than before: {compared['suggestion']}")
    return str(compared["word"]), alerts


async def _alarm(tools: Tools, task: Task, alerts: list[str]) -> None:
    """One ticket for a watch, however often it is told."""
    await tools.call(
        "create_ticket",
        title=f"[Deployment] {task.service} {task.version} needs a look",
        description="\n".join(f"- {alert}" for alert in alerts)
        + "\n\n`kintsugi rollback` takes back a fix of ours; `kintsugi gate` holds the next release.",
        type="Bug",
        priority="HIGH",
        labels=["production", "deployment"],
        fingerprint=task.id,
        actor=ACTOR,
    )


async def _judge(deps: Deps, project: Project, tools: Tools, task: Task, word: str, health: dict[str, Any]) -> None:
    """What became of the deployment that is watched: its verdict, and how the patterns that it uses do now."""
    store = DeploymentStore(deps.database)
    deployed = next((one for one in store.of(project.name) if one.version == task.version), None)
    if deployed is None:
        return
    if word in ("good", "worse"):
        store.judge(deployed.id, "good" if word == "good" else "worse")
    with suppress(KintsugiError):  # figures are no reason to look away from the next one
        await measuring.keep(tools, project.name, deployed.patterns_used, health)
