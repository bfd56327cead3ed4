"""What knowledge has to say to the figures of the loop: counts over all repositories."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from mcp_servers.kit.database import Database
from mcp_servers.knowledge.guards.store import GuardStore
from mcp_servers.knowledge.issues import IssueStore
from mcp_servers.knowledge.patterns import PatternStore


def counts(database: Database, since: datetime) -> Mapping[str, int]:
    """Uses of patterns and their issues, changes and notices since a moment, and (over all time) the findings of guards that were mended."""
    patterns = PatternStore(database)
    uses = {(repository, use.name.lower()) for repository, use in patterns.users()}
    hurt = {(issue.repository, issue.pattern.lower()) for issue in IssueStore(database).latest(since=since) if issue.pattern}
    names = {name for _, name in uses}
    changes = patterns.history(since=since)
    notices = [notice for notice in patterns.notices() if notice.change.at and notice.change.at >= since]
    return {
        "pattern_uses": len(uses),
        "pattern_uses_with_issues": len(uses & hurt),
        "patterns": len(names),
        "patterns_with_issues": len(names & {name for _, name in hurt}),
        "pattern_revisions": len(changes),
        "pattern_revisions_from_runtime": sum(bool(change.cause) for change in changes),
        "notices": len(notices),
        "coordinated_fixes": len({notice.change.id for notice in notices if notice.ticket}),
        "findings_mended": sum(tally.accepted for tally in GuardStore(database).tallies().values()),
    }
