"""What became of the fixes of each recipe and each reasoner, computed from the ledger, and what each may therefore do.

The share of fixes that held is judged by the lower end of Wilson's interval (Wilson 1927) over what was decided lately: who has shown little may
still propose, since a person approves; who has shown failure is demoted, and comes back as failures grow old and fixes made by people under
its diagnosis hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import sqrt
from typing import Any

from mcp_servers.cases.model import Event

FEW, LATELY = 5, timedelta(days=90)
SUGGEST_BELOW, OBSERVE_BELOW = 0.3, 0.1
_Z = 1.96


class Level(StrEnum):
    """What may be done unasked: look and diagnose, or also open a ticket, or also propose a fix."""

    OBSERVE = "observe"
    SUGGEST = "suggest"
    PROPOSE = "propose"


@dataclass(frozen=True, slots=True)
class Record:
    """How often fixes were accepted, held in production, were reverted or regressed, and were rejected by a person or the sandbox."""

    name: str
    accepted: int = 0
    held: int = 0
    reverted: int = 0
    rejected: int = 0

    @property
    def decided(self) -> int:
        return self.held + self.reverted + self.rejected

    @property
    def bound(self) -> float:
        """The lower end of the 95 % interval for the share that holds."""
        return wilson(self.held, self.decided)

    @property
    def level(self) -> Level:
        if self.decided < FEW or self.bound >= SUGGEST_BELOW:
            return Level.PROPOSE
        return Level.SUGGEST if self.bound >= OBSERVE_BELOW else Level.OBSERVE

    @property
    def told(self) -> str:
        return f"of {self.decided} fixes {self.held} held, {self.reverted} were reverted and {self.rejected} rejected"


@dataclass(frozen=True, slots=True)
class Track:
    """The records by name (`recipe optional-value`, `reasoner recipes`), and whose judgement each case stands on."""

    records: Mapping[str, Record]
    judges: Mapping[str, tuple[str, ...]]

    def of(self, name: str) -> Record:
        return self.records.get(name, Record(name))


def wilson(hits: int, count: int) -> float:
    """The lower end of Wilson's score interval at 95 %, from 0 to 1; 0 without any observation."""
    if count == 0:
        return 0.0
    share, square = hits / count, _Z * _Z
    middle = share + square / (2 * count)
    spread = _Z * sqrt(share * (1 - share) / count + square / (4 * count * count))
    return max(0.0, (middle - spread) / (1 + square / count))


def records(events: Iterable[Event], now: datetime) -> Track:
    """The records over what was decided lately. A fix belongs to the diagnosis that stood when it was proposed; its last outcome counts."""
    judges: dict[str, tuple[str, ...]] = {}
    owners: dict[str, tuple[str, ...]] = {}
    current: dict[str, str] = {}
    outcomes: dict[str, tuple[str, datetime]] = {}
    accepted: dict[str, datetime] = {}
    for event in events:
        if event.kind == "diagnosed":
            judges[event.case] = _judges(event)
        elif event.kind == "proposed":
            current[event.case] = str(event.data.get("fix", ""))
            owners[current[event.case]] = () if event.data.get("takes_back") else judges.get(event.case, ())
        fix = str(event.data.get("fix") or current.get(event.case, ""))
        if event.kind == "approved":
            accepted[fix], current[event.case] = event.at, fix
        elif outcome := _outcome(event):
            outcomes[fix] = (outcome, event.at)
    counts: dict[str, dict[str, int]] = {}
    told = [(fix, "accepted", at) for fix, at in accepted.items()] + [(fix, outcome, at) for fix, (outcome, at) in outcomes.items()]
    for fix, outcome, at in told:
        for name in owners.get(fix, ()) if now - at <= LATELY else ():
            kept = counts.setdefault(name, {})
            kept[outcome] = kept.get(outcome, 0) + 1
    return Track({name: Record(name, **kept) for name, kept in sorted(counts.items())}, judges)


def failed_cases(events: Iterable[Event], recipe: str) -> set[str]:
    """The cases in which a fix of this recipe failed: the sandbox refuted it, a person rejected it, or it was taken back."""
    judges: dict[str, bool] = {}
    failed: set[str] = set()
    for event in events:
        if event.kind == "diagnosed":
            judges[event.case] = event.data.get("recipe") == recipe
        certificate: Mapping[str, Any] = event.data.get("certificate") or {}
        refuted = event.kind == "certified" and not certificate.get("passed", True)
        if judges.get(event.case) and (refuted or _outcome(event) in {"reverted", "rejected"}):
            failed.add(event.case)
    return failed


def _judges(event: Event) -> tuple[str, ...]:
    recipe = str(event.data.get("recipe") or "")
    return (f"reasoner {event.actor}", *([f"recipe {recipe}"] if recipe else []))


def _outcome(event: Event) -> str:
    return {"verified": "held", "regressed": "reverted", "rolled_back": "reverted", "rejected": "rejected"}.get(event.kind, "")
