"""The tools of deployments: one happened, and how a repository does in production."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, NotRequired

from anyio.to_thread import run_sync
from pydantic import Field
from typing_extensions import TypedDict

from mcp_servers.kit.budget import DEFAULT_BUDGET, fit
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import KintsugiError
from mcp_servers.kit.gate import Write
from mcp_servers.kit.git import Repository
from mcp_servers.knowledge import ask
from mcp_servers.knowledge.ask import text
from mcp_servers.knowledge.deployments.focus import around, focus, issues_found
from mcp_servers.knowledge.deployments.model import Deployment
from mcp_servers.knowledge.deployments.store import DeploymentStore
from mcp_servers.knowledge.issues import IssueStore, RuntimeIssue
from mcp_servers.knowledge.lessons import LessonStore
from mcp_servers.knowledge.patterns import PatternStore, slug
from mcp_servers.knowledge.patterns.answers import incident, notice
from mcp_servers.knowledge.services import Landscape, ServiceStore
from mcp_servers.knowledge.services.learning import learn

if TYPE_CHECKING:
    from mcp_servers.kit.tool import Toolbox

Version = Annotated[str, Field(min_length=1, max_length=200)]
Patterns = Annotated[list[str] | None, Field(max_length=200)]
Service = Annotated[str, Field(max_length=200)]
ROOM = DEFAULT_BUDGET - 800
WATCHED = 5
_LATELY = timedelta(days=30)
_ALIVE = frozenset({"open", "investigating"})


class DeploymentNoted(TypedDict):
    """`focus` says where to look; `baseline` what to compare with; `watch_for` are texts for start_enhanced_monitoring."""

    success: bool
    deployment_id: str
    created: bool
    deployed_at: str
    focus: list[dict[str, str]]
    watch_for: list[str]
    baseline: dict[str, Any]
    next: str


class RuntimeStatus(TypedDict):
    """The three lists of a repository: its issues, its deployments and its production metrics, the latest first; and what its services use."""

    repository: str
    status: str
    open_issues: int
    runtime_issues: list[dict[str, Any]]
    deployments: list[dict[str, Any]]
    production_metrics: list[dict[str, Any]]
    patterns: list[str]
    services: NotRequired[list[dict[str, Any]]]
    notices: NotRequired[list[dict[str, Any]]]
    omitted: int
    hint: NotRequired[str]


def register(tools: Toolbox, deps: Deps) -> None:
    """Mounts the tools of deployments."""
    store, patterns, issues = DeploymentStore(deps.database), PatternStore(deps.database), IssueStore(deps.database)
    services, lessons = ServiceStore(deps.database), LessonStore(deps.database)

    @tools.write(title="Tell of a deployment")
    async def notify_deployment(
        repository: ask.Repository,
        version: Version,
        patterns_used: Patterns = None,
        changes_summary: ask.Prose = "",
        service: Service = "",
        actor: ask.Actor = "agent",
    ) -> DeploymentNoted:
        """Records a deployment; says where to look and what to compare with."""
        await run_sync(deps.gate.admit, Write("notify_deployment", actor))
        named = text(repository)
        used = tuple(slug(one) for one in patterns_used or ()) or tuple(dict.fromkeys(use.name for _, use in patterns.users("", named)))
        told = Deployment("", named, text(version), deps.clock(), used, text(changes_summary), text(service))
        await run_sync(_learn, deps, services, named)
        return await run_sync(_noted, store, patterns, issues, services.landscape(), lessons.healed(named, WATCHED), told)

    @tools.read(title="Status in production")
    async def get_runtime_status(repository: ask.Repository) -> RuntimeStatus:
        """A repository in production: issues, deployments, metrics, changes elsewhere."""
        return await run_sync(_status, store, patterns, issues, services.landscape(), text(repository))


def _learn(deps: Deps, services: ServiceStore, repository: str) -> None:
    """Reads the configuration of the watched repository where it is the one that was deployed."""
    project = deps.present()
    if project and project.name == repository:
        with suppress(KintsugiError):  # a deployment is noted whatever its repository can tell
            learn(services, Repository.at(project.root), repository, deps.clock())


def _noted(
    store: DeploymentStore, patterns: PatternStore, issues: IssueStore, services: Landscape, healed: Sequence[str], told: Deployment
) -> DeploymentNoted:
    known = store.of(told.repository, told.service)
    made, created = store.add(told)
    before = next((one for one in known if one.id != made.id), None)
    since = before.deployed_at if before else made.deployed_at - _LATELY
    seen = issues.latest(repository=told.repository, since=made.deployed_at - _LATELY)
    changed = [change for change in patterns.history(repository=told.repository, since=since) if (change.at or since) <= made.deployed_at]
    found = focus(made.patterns_used, changed, seen, around(services, made))
    baseline: dict[str, Any] = {"since": since.isoformat(), "until": made.deployed_at.isoformat()}
    baseline |= {"version": before.version} if before else {}
    measured = [{"pattern": one.pattern, **one.figures()} for one in patterns.metrics(repository=told.repository)][:10]
    baseline |= {"metrics": measured} if measured else {}
    return DeploymentNoted(
        success=True,
        deployment_id=made.id,
        created=created,
        deployed_at=made.deployed_at.isoformat(),
        focus=[{"what": one.what, "why": one.why[:200]} for one in found],
        watch_for=list(dict.fromkeys(text[:200] for text in (*(issue.template for issue in seen), *healed) if text))[:WATCHED],
        baseline=baseline,
        next=f"start_enhanced_monitoring watches it; check_deployment_health with since {made.deployed_at.isoformat()} compares.",
    )


def _status(store: DeploymentStore, patterns: PatternStore, issues: IssueStore, landscape: Landscape, repository: str) -> RuntimeStatus:
    seen, deployed = issues.latest(repository=repository), store.of(repository)
    told = [notice(one) for one in patterns.notices(repository)]
    found, more = fit([incident(issue) for issue in seen], ROOM // 3)
    rows, rest = fit([_deployment(one, deployed, seen) for one in deployed], ROOM // 3)
    notices, unsaid = fit(told, ROOM // 6)
    services, unshown = fit([_service(landscape, one, repository) for one in landscape.of(repository)], ROOM // 6)
    measured = [
        {"pattern": one.pattern, **one.figures(), "last_updated": one.last_updated.isoformat() if one.last_updated else ""}
        for one in patterns.metrics(repository=repository)
    ]
    alive = [issue for issue in seen if issue.status in _ALIVE]
    answer = RuntimeStatus(
        repository=repository,
        status=_word(alive, deployed),
        open_issues=len(alive),
        runtime_issues=found,
        deployments=rows,
        production_metrics=measured[:10],
        patterns=list(dict.fromkeys(use.name for _, use in patterns.users("", repository)))[:50],
        omitted=more + rest + unsaid + unshown + max(len(measured) - 10, 0),
    )
    if services:
        answer["services"] = services
    if notices:
        answer["notices"] = notices
    if not (seen or deployed or measured):
        answer["hint"] = "Nothing is recorded of this repository: notify_deployment, add_runtime_issue and record_pattern do."
    return answer


def _service(landscape: Landscape, service: str, repository: str) -> dict[str, Any]:
    """What a service uses and who uses it, at most twenty of each."""
    uses = [{"kind": one.kind, "name": one.name, "told": one.told} for one in landscape.uses(service, repository)][:20]
    return {"service": service, "uses": uses, "used_by": landscape.callers(service)[:20]}


def _word(alive: list[RuntimeIssue], deployed: list[Deployment]) -> str:
    if any(issue.severity.lower() in ("critical", "high") for issue in alive) or (deployed and deployed[0].success is False):
        return "unhealthy"
    if alive:
        return "degraded"
    return "healthy" if deployed and deployed[0].success else "unknown"


def _deployment(one: Deployment, all_of_it: list[Deployment], issues: list[RuntimeIssue]) -> dict[str, Any]:
    """One row of the record: `success` is left out as long as nobody knows."""
    later = [other.deployed_at for other in all_of_it if other.deployed_at > one.deployed_at and other.service == one.service]
    told: dict[str, Any] = {
        "version": one.version,
        "deployed_at": one.deployed_at.isoformat(),
        "patterns_used": list(one.patterns_used[:20]),
        "issues_found": issues_found(one, min(later, default=None), issues),
        "rollback_performed": one.rollback_performed,
    }
    told |= {name: value for name in ("service", "changes_summary", "verdict") if (value := getattr(one, name))}
    return told | ({"success": one.success} if one.success is not None else {})
