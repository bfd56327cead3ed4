"""What the check of changes says, as schemas."""

from __future__ import annotations

from typing_extensions import TypedDict

from mcp_servers.knowledge.guards.model import Finding


class Objection(TypedDict):
    guard_id: str
    lesson_id: str
    path: str
    line: int
    text: str
    message: str


class ChangesChecked(TypedDict):
    guards: int
    returned: int
    total: int
    omitted: int
    findings: list[Objection]


def objection(finding: Finding, lesson: str) -> Objection:
    return Objection(
        guard_id=finding.guard, lesson_id=lesson, path=finding.path, line=finding.line, text=finding.text[:200], message=finding.message
    )
