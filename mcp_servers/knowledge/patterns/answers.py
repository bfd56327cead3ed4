"""What the tools of patterns say, as schemas."""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict

from mcp_servers.knowledge.issues import RuntimeIssue
from mcp_servers.knowledge.patterns.model import AntiPattern, Change, Notice, Value


class PatternRecorded(TypedDict):
    """`notify` names the repositories that use the pattern with another value."""

    success: bool
    pattern: str
    created: bool
    changes: list[str]
    notify: list[str]


class PatternHealth(TypedDict):
    """`score` is 1 - repos_with_issues / total_repositories; it is left out where nobody uses the pattern."""

    pattern: str
    status: str
    score: NotRequired[float]
    total_repositories: int
    repos_with_issues: int
    time_range: int
    repositories: list[str]
    values: list[dict[str, Any]]
    metrics: list[dict[str, Any]]
    recent_incidents: list[dict[str, Any]]
    history: list[dict[str, Any]]
    anti_patterns: list[dict[str, Any]]
    recommendation: str
    omitted: int


class MetricsUpdated(TypedDict):
    success: bool
    pattern: str
    repository: str
    last_updated: str
    metrics: dict[str, float]


def incident(issue: RuntimeIssue) -> dict[str, Any]:
    told = {"issue_id": issue.id, "repository": issue.repository, "severity": issue.severity, "issue_type": issue.issue_type}
    told |= {"status": issue.status, "detected_at": issue.detected_at.isoformat(), "title": issue.logs.partition("\n")[0][:120]}
    return told | ({"root_cause": issue.root_cause[:200]} if issue.root_cause else {})


def change(one: Change) -> dict[str, Any]:
    told: dict[str, Any] = {"repository": one.repository, "change": one.told, "reason": one.reason[:200]}
    told |= {name: value for name in ("commit", "cause", "path") if (value := getattr(one, name))}
    return told | ({"at": one.at.isoformat()} if one.at else {})


def notice(one: Notice) -> dict[str, Any]:
    told = {"pattern": one.change.pattern, "has": one.has, **change(one.change)}
    told["changed_in"] = told.pop("repository")
    return told | ({"ticket": one.ticket} if one.ticket else {})


def anti_pattern(one: AntiPattern) -> dict[str, Any]:
    return {"symptom": one.symptom[:200], "detection": one.signal, "fix": one.fix[:200], "affected": list(one.affected[:20])}


def values(parameters: dict[tuple[str, Value], set[str]]) -> list[dict[str, Any]]:
    """Each parameter with its values and how many repositories have each."""
    rows = sorted(parameters.items(), key=lambda item: (item[0][0], -len(item[1]), str(item[0][1])))
    return [{"parameter": name, "value": value, "repositories": len(users)} for (name, value), users in rows]
