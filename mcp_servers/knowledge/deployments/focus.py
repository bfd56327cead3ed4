"""Where to look after a deployment: what it changed, what hurt before, and what is open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from mcp_servers.knowledge.deployments.model import Deployment, Focus
from mcp_servers.knowledge.issues import RuntimeIssue
from mcp_servers.knowledge.patterns import Change
from mcp_servers.knowledge.services import Landscape

MOST = 10
_ALIVE = frozenset({"open", "investigating"})


def focus(
    patterns: Sequence[str], changes: Iterable[Change], issues: Sequence[RuntimeIssue], services: Iterable[Focus] = ()
) -> list[Focus]:
    """At most ten things to look at: values that changed first, then patterns that had issues, issues that are open, and what `services`
    says of those around."""
    found = [Focus(change.pattern, f"{change.told}{f': {change.reason}' if change.reason else ''}") for change in changes]
    hurt = Counter(issue.pattern for issue in issues if issue.pattern in patterns)
    found += [Focus(pattern, f"{count} issue{'' if count == 1 else 's'} with it lately") for pattern, count in hurt.most_common()]
    found += [Focus(issue.logs.partition("\n")[0][:120], f"{issue.status}, {issue.severity}") for issue in issues if issue.status in _ALIVE]
    return list(dict.fromkeys((*found, *services)))[:MOST]


def around(landscape: Landscape, deployment: Deployment) -> list[Focus]:
    """Who calls what was deployed, and who shares what it uses."""
    services = [deployment.service] if deployment.service else landscape.of(deployment.repository)
    found = [Focus(service, f"{', '.join(callers[:5])} call it") for service in services if (callers := landscape.callers(service))]
    for one in dict.fromkeys(use for service in services for use in landscape.uses(service) if use.kind != "service"):
        others = [user for user in landscape.users(one) if user not in services]
        found += [Focus(f"{one.kind} {one.name}", f"shared with {', '.join(others[:5])}")] if others else []
    return found


def issues_found(deployment: Deployment, following: datetime | None, issues: Iterable[RuntimeIssue]) -> int:
    """How many issues were detected while the deployment was the newest; a wrong report is none."""
    end = following
    return sum(
        issue.detected_at >= deployment.deployed_at and (end is None or issue.detected_at < end) and issue.status != "false_positive"
        for issue in issues
    )
