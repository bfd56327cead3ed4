"""What the tools of issues say, as schemas."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict

from mcp_servers.knowledge.issues.model import RuntimeIssue
from mcp_servers.knowledge.recall import Match


class IssueRecorded(TypedDict):
    success: bool
    issue_id: str
    created: bool
    status: str


class KnownIssue(TypedDict):
    id: str
    title: str
    standing: str
    likeness: float
    why: str
    repository: str
    detected_at: str
    issue_type: str
    severity: str
    service_type: str
    logs: str
    status: str
    root_cause: NotRequired[str]
    fix: NotRequired[str]
    pattern: NotRequired[str]
    github_issue: NotRequired[str]
    resolution_time: NotRequired[int]


class KnownIssues(TypedDict):
    returned: int
    total: int
    omitted: int
    issues: list[KnownIssue]
    note: NotRequired[str]


def known_issue(match: Match[RuntimeIssue]) -> KnownIssue:
    issue = match.known
    answer = KnownIssue(
        id=issue.id,
        title=issue.logs.partition("\n")[0][:120],
        standing=match.standing,
        likeness=match.likeness,
        why=match.reason,
        repository=issue.repository,
        detected_at=issue.detected_at.isoformat(),
        issue_type=issue.issue_type,
        severity=issue.severity,
        service_type=issue.service_type,
        logs=issue.logs,
        status=issue.status,
    )
    for key in ("root_cause", "fix", "pattern", "github_issue"):
        if value := getattr(issue, key):
            answer[key] = value
    if issue.resolution_time is not None:
        answer["resolution_time"] = issue.resolution_time
    return answer
