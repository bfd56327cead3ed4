"""The tools of patterns: record one, ask how it does over all repositories, tell how it does in production."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, cast

from anyio.to_thread import run_sync
from pydantic import Field

import mcp_servers.knowledge.patterns.answers as answers
from mcp_servers.kit.budget import DEFAULT_BUDGET, fit
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.gate import Write
from mcp_servers.knowledge import ask
from mcp_servers.knowledge.ask import text
from mcp_servers.knowledge.issues import IssueStore, RuntimeIssue
from mcp_servers.knowledge.patterns.changes import anti_patterns
from mcp_servers.knowledge.patterns.health import TOP, gravest, health, recommendation
from mcp_servers.knowledge.patterns.model import Change, Metrics, Use, Value
from mcp_servers.knowledge.patterns.store import PatternStore, repositories
from mcp_servers.knowledge.patterns.words import kind_of, words_of

if TYPE_CHECKING:
    from mcp_servers.kit.tool import Toolbox

Name = Annotated[str, Field(min_length=1, max_length=100)]
Parameters = Annotated[dict[str, Any], Field(max_length=50)]
Cause = Annotated[str, Field(max_length=100)]
Place = Annotated[str, Field(max_length=500)]
Share = Annotated[float | None, Field(ge=0, le=1)]
Amount = Annotated[float | None, Field(ge=0)]
ROOM = DEFAULT_BUDGET - 1_500
_SLUG = re.compile(r"[^a-z0-9.]+")


def register(tools: Toolbox, deps: Deps) -> None:
    """Mounts the tools of patterns."""
    store, issues = PatternStore(deps.database), IssueStore(deps.database)
    _register_record(tools, deps, store)
    _register_health(tools, deps, store, issues)
    _register_metrics(tools, deps, store)


def _register_record(tools: Toolbox, deps: Deps, store: PatternStore) -> None:
    @tools.write(title="Record a pattern")
    async def record_pattern(
        repository: ask.Repository,
        pattern: Name,
        parameters: Parameters,
        path: Place = "",
        reason: ask.Prose = "",
        cause: Cause = "",
        actor: ask.Actor = "agent",
    ) -> answers.PatternRecorded:
        """Records a repository's values of a pattern, and why they changed."""
        await run_sync(deps.gate.admit, Write("record_pattern", actor))
        called = slug(pattern)
        use = Use(called, kind_of(words_of(called)) or "client", _kept(parameters), text(path))
        told = Change(text(repository), called, "", "", "", use.path, "", text(reason), text(cause), deps.clock())
        changes, notices, created = await run_sync(store.told, text(repository), use, told)
        return answers.PatternRecorded(
            success=True,
            pattern=called,
            created=created,
            changes=[change.told for change in changes],
            notify=sorted({notice.repository for notice in notices}),
        )


def _register_health(tools: Toolbox, deps: Deps, store: PatternStore, issues: IssueStore) -> None:
    @tools.read(title="Health of a pattern")
    async def get_pattern_health(
        pattern: Name, time_range: Annotated[int, Field(ge=1, le=3650, description="Days.")] = 30
    ) -> answers.PatternHealth:
        """A pattern over all repositories: score, incidents, values that hurt, what to do."""
        since = deps.clock() - timedelta(days=time_range)
        return await run_sync(_health, store, issues, pattern, time_range, since)


def _register_metrics(tools: Toolbox, deps: Deps, store: PatternStore) -> None:
    @tools.write(title="Update a pattern's metrics")
    async def update_pattern_metrics(
        pattern: Name,
        repository: ask.Repository,
        error_rate: Share = None,
        latency_p50: Amount = None,
        latency_p95: Amount = None,
        latency_p99: Amount = None,
        throughput_rps: Amount = None,
        actor: ask.Actor = "agent",
    ) -> answers.MetricsUpdated:
        """error_rate 0-1, milliseconds."""
        await run_sync(deps.gate.admit, Write("update_pattern_metrics", actor))
        given = Metrics(slug(pattern), text(repository), error_rate, latency_p50, latency_p95, latency_p99, throughput_rps)
        if not given.figures():
            raise Refusal("No figure was given; give error_rate, a latency or throughput_rps.", code="no_metrics")
        now = deps.clock()
        kept = await run_sync(store.measure, given, now)
        return answers.MetricsUpdated(
            success=True, pattern=kept.pattern, repository=kept.repository, last_updated=now.isoformat(), metrics=kept.figures()
        )


def slug(name: str) -> str:
    """The name of a pattern in one style; raises `Refusal` when nothing is left of it."""
    called = _SLUG.sub("-", text(name).lower()).strip("-")[:100]
    if not called:
        raise Refusal(f"{name!r} is no name for a pattern; give words such as database-pool.", code="bad_name")
    return called


def _kept(parameters: Mapping[str, Any]) -> dict[str, Value]:
    """The parameters as they may be stored; raises `Refusal` for a value that is no number, text or truth."""
    kept: dict[str, Value] = {}
    for name, value in parameters.items():
        if not isinstance(value, bool | int | float | str):
            raise Refusal(f"The parameter {name!r} is no single value; give a number, a text, true or false.", code="bad_parameter")
        kept[text(name)[:100]] = text(value)[:200] if isinstance(value, str) else value if isinstance(value, bool) else float(value)
    return kept


def _health(store: PatternStore, issues: IssueStore, said: str, days: int, since: datetime) -> answers.PatternHealth:
    pattern = slug(said)
    users, history = store.users(pattern), store.history(pattern)
    incidents = issues.latest(pattern=pattern, since=since)
    found = health(repositories(users), incidents)
    top = cast(Sequence[RuntimeIssue], gravest(incidents)[:TOP])
    known = list(anti_patterns(history, users, [issue.logs.partition("\n")[0] for issue in top]))
    spread: dict[tuple[str, Value], set[str]] = {}
    for repository, use in users:
        for name, value in use.parameters.items():
            spread.setdefault((name, value), set()).add(repository)
    names = sorted(repositories(users) | {issue.repository for issue in incidents})
    measured = [{"repository": one.repository, **one.figures()} for one in store.metrics(pattern)]
    shown, omitted = fit([answers.change(one) for one in history], ROOM // 4)
    values, more = fit(answers.values(spread), ROOM // 4)
    answer = answers.PatternHealth(
        pattern=pattern,
        status=found.band,
        total_repositories=found.total,
        repos_with_issues=found.with_issues,
        time_range=days,
        repositories=names[:50],
        values=values,
        metrics=measured[:20],
        recent_incidents=[answers.incident(issue) for issue in top],
        history=shown,
        anti_patterns=[answers.anti_pattern(one) for one in known[:10]],
        recommendation=recommendation(found, history, known),
        omitted=omitted + more + max(len(measured) - 20, 0) + max(len(names) - 50, 0) + max(len(incidents) - TOP, 0),
    )
    if found.score is not None:
        answer["score"] = round(found.score, 3)
    return answer
