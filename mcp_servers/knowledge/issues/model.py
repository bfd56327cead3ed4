"""The noun of a problem that production had, and how its record is completed and closed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from mcp_servers.knowledge.model import NO_FINGERPRINT, Fingerprint, digest

IssueType = Literal["error", "performance", "crash", "security"]
IssueStatus = Literal["open", "investigating", "fixed", "false_positive"]


@dataclass(frozen=True, slots=True)
class RuntimeIssue:
    """The knowledge-base record of one production problem; `resolution_time` is in minutes, None until it is fixed."""

    id: str
    repository: str
    detected_at: datetime
    issue_type: str
    severity: str
    service_type: str
    logs: str
    root_cause: str = ""
    fix: str = ""
    pattern: str = ""
    status: str = "open"
    github_issue: str = ""
    resolution_time: int | None = None
    fingerprint: Fingerprint = NO_FINGERPRINT
    template: str = ""


def seen_again(known: RuntimeIssue, report: RuntimeIssue) -> RuntimeIssue:
    """What we know of an issue after it was reported once more: blanks are filled, a fixed issue that comes back is open again."""
    back = known.status == "fixed" and report.status == "open"
    status = known.status if report.status == "open" and not back else report.status
    told = replace(
        known,
        root_cause=known.root_cause or report.root_cause,
        fix=known.fix or report.fix,
        pattern=known.pattern or report.pattern,
        github_issue=known.github_issue or report.github_issue,
        detected_at=report.detected_at if back else known.detected_at,
        resolution_time=None if back else known.resolution_time,
    )
    return resolved(told, report.detected_at) if status == "fixed" else replace(told, status=status)


def resolved(issue: RuntimeIssue, now: datetime, *, root_cause: str = "", fix: str = "") -> RuntimeIssue:
    """The issue as fixed; the resolution time is counted from its detection, once."""
    minutes = max(round((now - issue.detected_at).total_seconds() / 60), 0)
    known = issue.resolution_time if issue.status == "fixed" and issue.resolution_time is not None else minutes
    return replace(issue, status="fixed", resolution_time=known, root_cause=root_cause or issue.root_cause, fix=fix or issue.fix)


def issue_id(repository: str, fingerprint: Fingerprint, template: str) -> str:
    return "issue_" + digest(repository, fingerprint.coarse or fingerprint.fine or template)


def text_of(issue: RuntimeIssue) -> str:
    """What of an issue is searched by words."""
    return "\n".join((issue.logs, issue.root_cause, issue.fix, issue.pattern, issue.service_type))
