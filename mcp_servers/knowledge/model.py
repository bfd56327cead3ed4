"""The nouns of what we know: issues that production had, and lessons drawn from cases."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Literal

IssueType = Literal["error", "performance", "crash", "security"]
IssueStatus = Literal["open", "investigating", "fixed", "false_positive"]
Provenance = Literal["verified", "certified", "reported"]

LOGS_KEPT = 500


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The identity of an error at two grains; both empty when only its text is known. `former` is the coarse one of an older version."""

    coarse: str = ""
    fine: str = ""
    former: str = ""

    def __bool__(self) -> bool:
        return bool(self.coarse or self.fine)


NO_FINGERPRINT = Fingerprint()


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


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one case taught. `trust` is what its provenance earned; `held` and `failed` count later cases in which its fix helped or not."""

    id: str
    case: str
    repository: str
    learned_at: datetime
    symptom: str
    cause: str
    fix: str
    evidence: str = ""
    provenance: str = "reported"
    trust: float = 0.4
    fingerprint: Fingerprint = NO_FINGERPRINT
    template: str = ""
    recipe: str = ""
    guard_id: str = ""
    guard: str = ""
    held: int = 0
    failed: int = 0


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


EARNED_TRUST: Mapping[str, float] = {"verified": 0.9, "certified": 0.7, "reported": 0.4}

_VARYING = re.compile(
    r"\d{4}-\d\d-\d\d[T ][\d:.,]+(?:Z|[+-]\d\d:?\d\d)?"
    r"|\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"
    r"|\b0x[0-9a-fA-F]+\b|\b(?=[0-9a-f]*\d)[0-9a-f]{12,}\b"
    r"|\d+(?:\.\d+)*"
)


def template_of(log: str) -> str:
    """The part of a log snippet that repeats: times, ids and numbers become `<*>`, runs of blanks one blank."""
    return " ".join(_VARYING.sub("<*>", log).split())


def issue_id(repository: str, fingerprint: Fingerprint, template: str) -> str:
    return "issue_" + _digest(repository, fingerprint.coarse or fingerprint.fine or template)


def lesson_id(repository: str, case: str) -> str:
    return "lesson_" + _digest(repository, case)


def guard_id(rule: str) -> str:
    return "guard_" + _digest(rule)


def _digest(*parts: str) -> str:
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:12]
