"""What the tools of the ledger answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import (
    Any,
    NotRequired,  # pydantic reads this one on every Python
)

from typing_extensions import TypedDict

from mcp_servers.cases.approvals import Request, short
from mcp_servers.cases.model import Case, Event, State
from mcp_servers.cases.track import Record


class CaseLine(TypedDict):
    id: str
    title: str
    service: str
    severity: str
    state: str
    occurrences: int
    opened: str
    fix: NotRequired[str]
    ticket: NotRequired[str]


class CaseList(TypedDict):
    cases: list[CaseLine]
    returned: int
    total: int
    omitted: int
    hint: NotRequired[str]


class EventLine(TypedDict):
    at: str
    kind: str
    actor: str
    summary: str


class CaseDetail(TypedDict):
    id: str
    title: str
    service: str
    severity: str
    state: str
    occurrences: int
    opened: str
    evidence: dict[str, Any]
    diagnosis: dict[str, Any]
    fixes: list[dict[str, Any]]
    history: list[EventLine]
    history_omitted: int
    ticket: NotRequired[str]
    verdict: NotRequired[dict[str, Any]]
    lesson: NotRequired[str]
    guard: NotRequired[str]
    reason: NotRequired[str]


class Opened(TypedDict):
    id: str
    state: str
    created: bool
    next: NotRequired[str]


class Recorded(TypedDict):
    id: str
    state: str
    next: NotRequired[str]


class Waiting(TypedDict):
    fix: str
    case: str
    digest: str
    risk: str
    requested: str
    decide: str


class WaitingList(TypedDict):
    approvals: list[Waiting]
    returned: int
    total: int
    omitted: int
    hint: NotRequired[str]


class RecordLine(TypedDict):
    name: str
    level: str
    accepted: int
    held: int
    reverted: int
    rejected: int
    bound: float


class MetricLine(TypedDict):
    name: str
    value: float
    unit: str
    of: str
    goal: str
    met: bool


class LoopMetricsAnswer(TypedDict):
    cases: int
    by_state: dict[str, int]
    paused: bool
    metrics: list[MetricLine]
    not_enough_data: list[str]
    track_record: NotRequired[list[RecordLine]]


class Paused(TypedDict):
    paused: bool
    resume: str


NEXT = {
    State.OPEN: "find_suspect_commits, then record_diagnosis.",
    State.DIAGNOSED: "create_ticket, then propose_fix.",
    State.INCONCLUSIVE: "create_ticket, so that a person looks at it.",
}


def track_record(record: Record) -> RecordLine:
    return RecordLine(
        name=record.name,
        level=str(record.level),
        accepted=record.accepted,
        held=record.held,
        reverted=record.reverted,
        rejected=record.rejected,
        bound=round(record.bound, 3),
    )


def opened(case: Case, created: bool) -> Opened:
    answer = Opened(id=case.id, state=str(case.state), created=created)
    answer["next"] = NEXT.get(case.state, "get_case shows how far it has come.")
    return answer


def recorded(case: Case) -> Recorded:
    answer = Recorded(id=case.id, state=str(case.state))
    if case.state in NEXT:
        answer["next"] = NEXT[case.state]
    return answer


def line(case: Case) -> CaseLine:
    answer = CaseLine(
        id=case.id,
        title=case.title,
        service=case.service,
        severity=case.severity,
        state=str(case.state),
        occurrences=case.occurrences,
        opened=case.opened.isoformat(),
    )
    if case.fix:
        answer["fix"] = case.fix.id
    if case.ticket:
        answer["ticket"] = case.ticket
    return answer


def detail(case: Case, events: list[Event], most: int = 30) -> CaseDetail:
    answer = CaseDetail(
        id=case.id,
        title=case.title,
        service=case.service,
        severity=case.severity,
        state=str(case.state),
        occurrences=case.occurrences,
        opened=case.opened.isoformat(),
        evidence=dict(case.evidence),
        diagnosis=_said(case.diagnosis),
        fixes=[_said({"id": f.id, "title": f.title, "digest": f.digest, "certified": f.certified, "branch": f.branch}) for f in case.fixes],
        history=[_event(event) for event in events[-most:]],
        history_omitted=max(0, len(events) - most),
    )
    for name in ("ticket", "lesson", "guard", "reason"):
        if getattr(case, name):
            answer[name] = getattr(case, name)
    if case.verdict:
        answer["verdict"] = dict(case.verdict)
    return answer


def waiting(request: Request, undecided: str = "") -> Waiting:
    """What waits, or was decided; `undecided` says why an answer decided nothing."""
    return Waiting(
        fix=request.fix,
        case=request.case,
        digest=request.digest,
        risk=request.risk,
        requested=request.requested.isoformat(),
        decide=f"{undecided}; {_decide(request)}" if undecided else _decide(request),
    )


def _decide(request: Request) -> str:
    if request.decided:
        return f"{request.decision} by {request.person}"
    return f"a person runs: kintsugi approve {request.fix} (and types {short(request.digest)}), or kintsugi reject {request.fix}"


def _event(event: Event) -> EventLine:
    shown = {key: value for key, value in _said(event.data).items() if isinstance(value, (str, int, float, bool))}
    summary = ", ".join(f"{key}={_brief(str(value))}" for key, value in list(shown.items())[:5])
    return EventLine(at=event.at.isoformat(), kind=event.kind, actor=event.actor, summary=summary)


def _said(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values without those that say nothing."""
    return {key: value for key, value in values.items() if value not in ("", None, [])}


def _brief(text: str) -> str:
    text = short(text) if text.startswith("sha256:") else text
    return text if len(text) <= 80 else f"{text[:79]}…"
