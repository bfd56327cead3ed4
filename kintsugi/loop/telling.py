"""What a case tells others: as a runtime issue, as a lesson, and as a failure beside other failures. Values only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kintsugi.reasoners import CandidateTest, Draft
from kintsugi.reasoners.places import is_test
from kintsugi.tree import CommitTree
from mcp_servers.cases.model import Case, Fix
from mcp_servers.kit.stack import Failure, StackTrace, resolve_path

ACTOR = "kintsugi"
_ISSUE_TYPES = {"bug": "error", "configuration": "error", "infrastructure": "crash"}


def runtime_issue(case: Case, ticket: str) -> dict[str, Any]:
    """The arguments of `add_runtime_issue`."""
    kind = str(case.evidence.get("error_type", "bug"))
    samples: list[dict[str, Any]] = case.evidence.get("samples") or [{"body": case.title}]
    return {
        "repository": case.project,
        "service_type": case.service or "unknown",
        "issue_type": _ISSUE_TYPES.get(kind, kind),
        "severity": case.severity.lower(),
        "log_snippet": str(samples[0].get("body", ""))[:500],
        "root_cause": str(case.diagnosis.get("cause", "")),
        "fingerprint": str(case.evidence["fingerprint"]["coarse"]),
        "ticket": ticket,
        "case_id": case.id,
        "actor": ACTOR,
    }


def lesson(case: Case, fix: Fix) -> dict[str, Any]:
    """The arguments of `record_lesson`, but for the changes."""
    fingerprint = case.evidence["fingerprint"]
    template: dict[str, Any] = case.evidence.get("template") or {}
    return {
        "case_id": case.id,
        "repository": case.project,
        "symptom": case.title,
        "cause": str(case.diagnosis.get("cause", "")),
        "fix": fix.title,
        "fix_id": fix.id,
        "evidence": f"{case.verdict.get('word')}: {case.verdict.get('explain', '')}",
        "fingerprint": str(fingerprint["coarse"]),
        "template": str(template.get("text", "")),
        "recipe": str(case.diagnosis.get("recipe", "")),
    }


def resolved(case: Case, fix: Fix) -> str:
    """What the ticket says when it is resolved: how long it took, and what production showed before and after."""
    minutes = max(round((case.times["verified"] - case.opened).total_seconds() / 60), 0)
    took = f"{minutes} minute{'' if minutes == 1 else 's'} after the case was opened"
    return f"{fix.id} is verified in production, {took}. {case.verdict.get('explain', '')}".strip()


def taken_back(case: Case, commit: str, subject: str, tests: Sequence[CandidateTest]) -> Draft:
    """The commit that is blamed, taken back whole."""
    return Draft(
        title=f'Take back {commit[:12]}: "{subject}"'[:200],
        cause=str(case.diagnosis.get("cause", "")),
        reasoning="Nothing that was proposed for the cause could be proven, so the commit that is blamed goes back to what was there before it.",
        risk="medium",
        edits=({"kind": "revert", "commit": commit},),
        pros=("writes no new code",),
        cons=("takes back all that the commit did",),
        tests=tuple(tests),
    )


def failure(case: Case) -> dict[str, str]:
    """What fails, and where: the exception and our function nearest the throw; empty words where the evidence has no trace."""
    trace = case.evidence.get("trace")
    found = Failure.of(StackTrace.from_json(trace)) if trace else Failure("")
    return {"exception": found.exception, "function": found.function}


def place(case: Case, tree: CommitTree) -> dict[str, Any]:
    """The file, line and function of ours nearest the throw: what can be said even when the cause is not known. A test is no such place."""
    trace = case.evidence.get("trace")
    frame = StackTrace.from_json(trace).top_in_app if trace else None
    path = resolve_path(frame.file, tree.files()) if frame else None
    return {"file": path, "line": frame.line, "function": frame.function} if frame and path and not is_test(path) else {}
