"""What the knowledge tools say, as schemas."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict

from mcp_servers.knowledge.guards.model import Finding
from mcp_servers.knowledge.model import Lesson, RuntimeIssue
from mcp_servers.knowledge.recall import Match


class IssueRecorded(TypedDict):
    success: bool
    issue_id: str
    created: bool
    status: str


class KnownIssue(TypedDict):
    id: str
    title: str
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


class LessonFound(TypedDict):
    id: str
    likeness: float
    why: str
    trust: float
    held: int
    failed: int
    provenance: str
    repository: str
    case: str
    learned_at: str
    symptom: str
    cause: str
    fix: str
    evidence: NotRequired[str]
    recipe: NotRequired[str]
    guard_id: NotRequired[str]
    guard: NotRequired[str]


class LessonsFound(TypedDict):
    returned: int
    total: int
    omitted: int
    lessons: list[LessonFound]
    note: NotRequired[str]


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


class LessonRecorded(TypedDict):
    lesson_id: str
    created: bool
    trust: float
    guard_id: NotRequired[str]
    guard: NotRequired[str]
    guard_note: NotRequired[str]


def known_issue(match: Match[RuntimeIssue]) -> KnownIssue:
    issue = match.known
    answer = KnownIssue(
        id=issue.id,
        title=issue.logs.partition("\n")[0][:120],
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


def lesson_found(match: Match[Lesson], trust: float) -> LessonFound:
    lesson = match.known
    answer = LessonFound(
        id=lesson.id,
        likeness=match.likeness,
        why=match.reason,
        trust=trust,
        held=lesson.held,
        failed=lesson.failed,
        provenance=lesson.provenance,
        repository=lesson.repository,
        case=lesson.case,
        learned_at=lesson.learned_at.isoformat(),
        symptom=lesson.symptom,
        cause=lesson.cause,
        fix=lesson.fix,
    )
    for key in ("evidence", "recipe", "guard_id", "guard"):
        if value := getattr(lesson, key):
            answer[key] = value
    return answer


def objection(finding: Finding, lesson: str) -> Objection:
    return Objection(
        guard_id=finding.guard, lesson_id=lesson, path=finding.path, line=finding.line, text=finding.text[:200], message=finding.message
    )


def lesson_recorded(lesson: Lesson, created: bool, trust: float, note: str) -> LessonRecorded:
    answer = LessonRecorded(lesson_id=lesson.id, created=created, trust=trust)
    if lesson.guard_id:
        answer["guard_id"], answer["guard"] = lesson.guard_id, lesson.guard
    if note:
        answer["guard_note"] = note
    return answer
