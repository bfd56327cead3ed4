"""The law of a case: which event may follow which state, and what it makes of it. Both drivers obey this one table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mcp_servers.cases.model import Case, Event, Fix, State
from mcp_servers.kit.errors import Refusal

S = State
_ANY = frozenset(State)
_LIVE = frozenset({S.OPEN, S.DIAGNOSED, S.PROPOSED, S.APPROVED, S.APPLIED, S.DEPLOYED, S.REGRESSED})
_DECIDABLE = frozenset({S.OPEN, S.DIAGNOSED, S.REJECTED, S.INCONCLUSIVE, S.REGRESSED, S.ROLLED_BACK})


@dataclass(frozen=True, slots=True)
class Move:
    """An event may happen in these states; `to` is the state it leads to (None: it stays)."""

    frm: frozenset[State]
    to: State | None = None


LAW: Mapping[str, Move] = {
    "opened": Move(frozenset(), S.OPEN),
    "recurred": Move(_ANY),
    "diagnosed": Move(_DECIDABLE, S.DIAGNOSED),
    "inconclusive": Move(_DECIDABLE | {S.PROPOSED}, S.INCONCLUSIVE),
    "ticketed": Move(_ANY),
    "proposed": Move(frozenset({S.DIAGNOSED, S.PROPOSED, S.REJECTED}), S.PROPOSED),
    "revert_proposed": Move(frozenset(S) - {S.OPEN, S.INCONCLUSIVE, S.FALSE_POSITIVE, S.APPROVED}, S.PROPOSED),
    "refuted": Move(frozenset({S.PROPOSED})),
    "certified": Move(frozenset({S.PROPOSED})),
    "approval_requested": Move(frozenset({S.PROPOSED})),
    "endorsed": Move(frozenset({S.PROPOSED})),
    "approved": Move(frozenset({S.PROPOSED}), S.APPROVED),
    "rejected": Move(frozenset({S.PROPOSED, S.APPROVED}), S.REJECTED),
    "expired": Move(frozenset({S.PROPOSED, S.APPROVED}), S.PROPOSED),
    "revoked": Move(frozenset({S.APPROVED}), S.PROPOSED),
    "superseded": Move(frozenset({S.PROPOSED, S.APPROVED, S.APPLIED}), S.DIAGNOSED),
    "applied": Move(frozenset({S.APPROVED}), S.APPLIED),
    "pull_request": Move(frozenset({S.APPLIED, S.DEPLOYED, S.ROLLED_BACK})),
    "deployed": Move(frozenset({S.APPLIED}), S.DEPLOYED),
    "verdict": Move(frozenset({S.DEPLOYED})),
    "verified": Move(frozenset({S.DEPLOYED}), S.VERIFIED),
    "regressed": Move(frozenset({S.DEPLOYED, S.VERIFIED}), S.REGRESSED),
    "rolled_back": Move(frozenset({S.APPROVED, S.APPLIED, S.DEPLOYED, S.VERIFIED, S.REGRESSED, S.ROLLED_BACK}), S.ROLLED_BACK),
    "learned": Move(frozenset({S.DEPLOYED, S.VERIFIED})),
    "closed": Move(_LIVE | _DECIDABLE, S.FALSE_POSITIVE),
    "spent": Move(_ANY),
    "exhausted": Move(_ANY),
}

PROPOSALS = ("proposed", "revert_proposed")
"""The events that bring a fix to a case; a revert may follow when the fix that it takes back is on its way."""

SETTLED = frozenset({S.VERIFIED, S.FALSE_POSITIVE})
"""States in which a new occurrence of the same error is told apart from the case that was: it regresses or stays closed."""


def advance(case: Case | None, event: Event) -> Case:
    """The case after one more event; raises `Refusal` when the law does not allow it here."""
    move = LAW.get(event.kind)
    if move is None:
        raise Refusal(f"{event.kind!r} is not an event of a case; known are {', '.join(LAW)}.", code="unknown_event")
    if case is None:
        if event.kind != "opened":
            raise Refusal(f"There is no case {event.case!r}; open it first, or look at list_cases.", code="unknown_case")
        return _opened(event)
    if case.state not in move.frm:
        allowed = ", ".join(sorted(move.frm)) or "none: it begins a case"
        raise Refusal(f"Case {case.id} is {case.state}; {event.kind!r} is possible only from: {allowed}.", code="illegal_move")
    times = dict(case.times)
    times[event.kind] = event.at if event.kind in _LAST_TIME else times.get(event.kind, event.at)
    changed = replace(case, state=move.to or case.state, times=times)
    return _EFFECTS.get(event.kind, _nothing)(changed, event.data)


def fold(events: Iterable[Event]) -> Case:
    """The case that these events (of one case, in order) add up to; raises `Refusal` for a history that breaks the law."""
    case: Case | None = None
    for event in events:
        case = advance(case, event)
    if case is None:
        raise Refusal("A case without events does not exist.", code="unknown_case")
    return case


_LAST_TIME = frozenset({"recurred", "verdict", "proposed", "certified", "approved", "applied", "deployed"})


def _opened(event: Event) -> Case:
    data = event.data
    evidence: Mapping[str, Any] = data["evidence"]
    return Case(
        id=event.case,
        project=data["project"],
        title=data["title"],
        service=data["service"],
        severity=data["severity"],
        fingerprint=data["fingerprint"],
        state=State.OPEN,
        opened=event.at,
        evidence=evidence,
        occurrences=int(evidence.get("count", 1)),
        times={"opened": event.at},
    )


def _nothing(case: Case, _data: Mapping[str, Any]) -> Case:
    return case


def _recurred(case: Case, data: Mapping[str, Any]) -> Case:
    """Counts what came since. A window that overlaps the last one tells no more than its own count."""
    evidence: Mapping[str, Any] = data.get("evidence") or case.evidence
    count = int(data.get("count", 1))
    overlaps = str(evidence.get("first_seen", "")) <= str(case.evidence.get("last_seen", ""))
    return replace(case, occurrences=max(case.occurrences, count) if overlaps else case.occurrences + count, evidence=evidence)


def _diagnosed(case: Case, data: Mapping[str, Any]) -> Case:
    return replace(case, diagnosis=data, reason=str(data.get("reason", "")))


def _inconclusive(case: Case, data: Mapping[str, Any]) -> Case:
    """A diagnosis that could not be shown keeps its place; a proposal that could not be made keeps the diagnosis there was."""
    diagnosis = data if "status" in data else case.diagnosis
    return replace(case, diagnosis=diagnosis, reason=str(data.get("reason", "")))


def _proposed(case: Case, data: Mapping[str, Any]) -> Case:
    back = data.get("takes_back", "")
    fix = Fix(data["fix"], data["digest"], data.get("title", ""), data.get("base", ""), risk=data.get("risk", ""), takes_back=back)
    return replace(case, fixes=(*(known for known in case.fixes if known.id != fix.id), fix))


def _chosen(case: Case, data: Mapping[str, Any]) -> Case:
    """Of several options, the case is about the one that is proven first, or that a person looks at."""
    return replace(case, fixes=tuple(sorted(case.fixes, key=lambda fix: fix.id == data.get("fix"))))


def _certified(case: Case, data: Mapping[str, Any]) -> Case:
    certificate: Mapping[str, Any] = data.get("certificate", {})
    passed = bool(certificate.get("passed", True))
    proven = _change(case, data, digest=data["digest"], certificate=certificate, certified=passed)
    return proven if not passed or (proven.fix and proven.fix.certified) else _chosen(proven, data)


def _applied(case: Case, data: Mapping[str, Any]) -> Case:
    return _change(case, data, branch=data.get("branch", ""), commit=data.get("commit", ""))


def _spent(case: Case, data: Mapping[str, Any]) -> Case:
    spent = dict(case.spent)
    for name, amount in data.items():
        spent[name] = spent.get(name, 0) + int(amount)
    return replace(case, spent=spent)


def _learned(case: Case, data: Mapping[str, Any]) -> Case:
    return replace(case, lesson=data.get("lesson", ""), guard=data.get("guard", ""))


def _change(case: Case, data: Mapping[str, Any], **changes: Any) -> Case:
    return replace(case, fixes=tuple(replace(fix, **changes) if fix.id == data["fix"] else fix for fix in case.fixes))


Effect = Callable[[Case, Mapping[str, Any]], Case]
_EFFECTS: Mapping[str, Effect] = {
    "revert_proposed": _proposed,
    "recurred": _recurred,
    "diagnosed": _diagnosed,
    "inconclusive": _inconclusive,
    "ticketed": lambda case, data: replace(case, ticket=data["ticket"]),
    "proposed": _proposed,
    "refuted": lambda case, data: replace(case, reason=str(data.get("reason", ""))),
    "certified": _certified,
    "approval_requested": lambda case, data: replace(_chosen(case, data), asked=data["digest"]),
    "approved": _chosen,
    "expired": lambda case, data: replace(case, asked="", reason=str(data.get("reason") or "the approval expired")),
    "revoked": lambda case, data: replace(case, asked="", reason=str(data.get("reason", ""))),
    "rejected": lambda case, data: replace(case, reason=str(data.get("reason", ""))),
    "superseded": lambda case, data: replace(case, reason=str(data.get("reason", ""))),
    "applied": _applied,
    "pull_request": lambda case, data: replace(case, pull_request=str(data.get("pull_request", ""))),
    "deployed": lambda case, data: replace(case, release=str(data.get("release", ""))),
    "verdict": lambda case, data: replace(case, verdict=data),
    "verified": lambda case, data: replace(case, verdict=data or case.verdict),
    "regressed": lambda case, data: replace(case, reason=str(data.get("reason", ""))),
    "learned": _learned,
    "closed": lambda case, data: replace(case, reason=str(data.get("reason", ""))),
    "spent": _spent,
}
