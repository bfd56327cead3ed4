"""The nouns of the ledger: an event that happened, and the case that its events add up to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class State(StrEnum):
    OPEN = "open"
    DIAGNOSED = "diagnosed"
    PROPOSED = "proposed"
    APPROVED = "approved"
    APPLIED = "applied"
    DEPLOYED = "deployed"
    VERIFIED = "verified"
    REJECTED = "rejected"
    INCONCLUSIVE = "inconclusive"
    FALSE_POSITIVE = "false_positive"
    REGRESSED = "regressed"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a case. `hash` covers the content and the hash of the event before it in the ledger."""

    number: int
    case: str
    kind: str
    at: datetime
    actor: str
    data: Mapping[str, Any]
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Fix:
    """A proposal as the ledger saw it. `digest` is what an approval binds to: it is set anew by certification; `risk` is what the policy holds it for at least.

    `takes_back` is the suspected commit, for the option that is offered beside what somebody proposed.
    """

    id: str
    digest: str
    title: str = ""
    base: str = ""
    certified: bool = False
    certificate: Mapping[str, Any] = field(default_factory=dict[str, Any])
    branch: str = ""
    commit: str = ""
    risk: str = ""
    takes_back: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One deduplicated production problem, folded from its events. Times are aware UTC; `times` holds the first moment of each kind of event."""

    id: str
    project: str
    title: str
    service: str
    severity: str
    fingerprint: str
    state: State
    opened: datetime
    evidence: Mapping[str, Any]
    occurrences: int = 0
    diagnosis: Mapping[str, Any] = field(default_factory=dict[str, Any])
    ticket: str = ""
    fixes: tuple[Fix, ...] = ()
    verdict: Mapping[str, Any] = field(default_factory=dict[str, Any])
    release: str = ""
    lesson: str = ""
    guard: str = ""
    reason: str = ""
    asked: str = ""
    pull_request: str = ""
    times: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    spent: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def fix(self) -> Fix | None:
        """The proposal that the case is about now: the newest one, or the option that was proven in its place or that a person chose."""
        return self.fixes[-1] if self.fixes else None
