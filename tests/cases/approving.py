"""A world of people, proposals and attackers around the approvals, and a small law of its own that says what may be accepted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from mcp_servers.cases.approvals import Approvals
from mcp_servers.cases.ledger import Ledger
from mcp_servers.kit.errors import KintsugiError
from mcp_servers.kit.gate import Write
from mcp_servers.kit.policy import Policy
from tests.cases.stories import anomaly
from tests.conftest import Clock

POLICY = Policy(people=("ada", "grace", "linus"), approvers=(1, 1, 2))
PEOPLE = ("ada", "grace", "linus", "GRACE ", "\uff21da", "mallory", "kintsugi", "")
CHANNELS = ("terminal", "signed", "elicitation", "dashboard", "agent", "")
RISKS = ("low", "medium", "high")
_PROOF = {"terminal": 1, "dashboard": 1, "elicitation": 1, "signed": 2}


@dataclass
class Asked:
    """What the law knows of the request about one digest."""

    risk: str
    at: datetime
    nonce: str
    voters: set[str] = field(default_factory=set[str])
    yes_at: datetime | None = None
    state: str = "waiting"


@dataclass
class Subject:
    """One proposal of one case."""

    fix: str
    case: str
    proposer: str
    digest: str
    state: str = "proposed"
    asked: Asked | None = None
    old: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Digests it had before, and nonces of requests that are over."""

    acted: int = 0


class World:
    """`subjects` are those that the ledger holds already. Every act is tried for real and compared with what the law expects; a difference raises AssertionError."""

    def __init__(self, ledger: Ledger, clock: Clock, number: int = 0, subjects: Sequence[Subject] = ()) -> None:
        self._ledger, self._clock = ledger, clock
        self._approvals = Approvals(ledger, POLICY)
        self._number, self._made = number, len(subjects)
        self.accepted = self.refused = 0
        self.subjects = [replace(one, old=[]) for one in subjects] or [
            self._subject(2 * number, "kintsugi"),
            self._subject(2 * number + 1, "grace"),
        ]

    # acts

    def ask(self, one: Subject, risk: str) -> None:
        asked = one.asked
        again = asked is not None and not self._lapsed(asked)
        may = again or one.state == "proposed" or (one.state == "approved" and asked is not None)
        if not self._try(may, lambda: self._approvals.request(one.fix, risk=risk, actor="agent")):
            return
        if asked is None or self._lapsed(asked):
            if asked is not None:
                one.old.append((one.digest, asked.nonce))
            now = self._approvals.asked(one.digest)
            assert now is not None
            one.state, one.asked = "proposed", Asked(risk, self._clock(), now.nonce)
        elif asked.state == "waiting":
            asked.risk = max(asked.risk, risk, key=RISKS.index)

    def approve(self, one: Subject, person: str, channel: str) -> None:
        name = _name(person)
        asked = one.asked
        may = (
            asked is not None and asked.state == "waiting" and one.state == "proposed" and self._clock() < asked.at + timedelta(days=7)
            and name in POLICY.people and name != one.proposer and name not in asked.voters
            and _PROOF.get(channel, 0) >= (2 if asked.risk == "high" else 1) and (channel != "elicitation" or asked.risk == "low")
        )  # fmt: skip
        if self._try(may, lambda: self._approvals.approve(one.digest, person=person, channel=channel)) and asked:
            asked.voters.add(name)
            if len(asked.voters) >= (2 if asked.risk == "high" else 1):
                asked.state, asked.yes_at, one.state = "approved", self._clock(), "approved"

    def approve_what_was(self, one: Subject, person: str) -> None:
        """An answer to an older request, or to an older form of the proposal."""
        for digest, nonce in one.old[-2:]:
            self._try(
                False, lambda digest=digest, nonce=nonce: self._approvals.approve(digest, person=person, channel="signed", nonce=nonce)
            )

    def approve_altered(self, one: Subject, person: str) -> None:
        self._try(False, lambda: self._approvals.approve(_altered(one.digest), person=person, channel="signed"))

    def reject(self, one: Subject, person: str) -> None:
        may = one.asked is not None and one.asked.state in {"waiting", "approved", "expired"} and one.state in {"proposed", "approved"}
        if self._try(may, lambda: self._approvals.reject(one.digest, person=person, channel="terminal")) and one.asked:
            one.asked.state, one.state = "rejected", "rejected"

    def revoke(self, one: Subject, person: str) -> None:
        may = one.asked is not None and one.asked.state == "approved" and one.state == "approved"
        if self._try(may, lambda: self._approvals.revoke(one.digest, person=person)) and one.asked:
            one.asked.state, one.state = "revoked", "proposed"

    def certify_anew(self, one: Subject) -> None:
        """The proposal becomes another one; what was asked or said of it before is void."""
        digest = self._digest()
        data = {"fix": one.fix, "digest": digest, "certificate": {"passed": True}}
        if self._try(one.state == "proposed", lambda: self._ledger.append(one.case, "certified", data, actor="kintsugi")):
            one.old.append((one.digest, one.asked.nonce if one.asked else ""))
            one.digest, one.asked = digest, None

    def supersede(self, one: Subject) -> None:
        may = one.state in {"proposed", "approved", "applied"}
        if self._try(may, lambda: self._ledger.append(one.case, "superseded", {"reason": "base moved"}, actor="kintsugi")):
            one.state = "diagnosed"

    def wait(self, minutes: int) -> None:
        self._clock.forward(minutes=minutes)

    def look(self) -> None:
        """A read, as any tool or command makes it: what ran out ends."""
        waiting = {request.digest for request in self._approvals.waiting()}
        for one in self.subjects:
            asked = one.asked
            if asked is not None and asked.state in {"waiting", "approved"} and self._lapsed(asked):
                one.state = "proposed" if one.state == asked.state == "approved" else one.state
                asked.state = "expired"
            assert (one.digest in waiting) == (asked is not None and asked.state == "waiting")

    def apply(self, one: Subject) -> None:
        if self._try(self._ready(one), lambda: self._spend(one, one.digest)):
            self._applied(one)

    def apply_altered(self, one: Subject) -> None:
        for digest in (_altered(one.digest), *(old for old, _ in one.old[-2:] if old != one.digest)):
            self._try(False, lambda digest=digest: self._spend(one, digest))

    def apply_another(self) -> None:
        """The approval of one proposal for the other case."""
        first, second = self.subjects
        for one, other in ((first, second), (second, first)):
            if not self._ready(one) and one.digest != other.digest:
                self._try(False, lambda one=one: self._spend(one, one.digest))

    def apply_and_die(self, one: Subject) -> None:
        """The machine dies inside the transaction: the approval is there afterwards as before."""

        def die() -> None:
            with self._ledger.database.transaction() as connection:
                self._approvals.spend(one.digest, Write("apply_fix", "kintsugi", one.case), connection)
                raise RuntimeError("the machine died here")

        with pytest.raises(RuntimeError if self._ready(one) else KintsugiError):
            die()

    def race(self, one: Subject, pool: ThreadPoolExecutor, runners: int = 4) -> None:
        """Several apply at once: one of them does, when it may be done at all."""

        def attempt(_: int) -> bool:
            try:
                self._spend(one, one.digest)
            except KintsugiError:
                return False
            return True

        ready = self._ready(one)
        won = sum(pool.map(attempt, range(runners)))
        assert won == (1 if ready else 0), f"{won} of {runners} that raced for {one.fix} acted"
        if ready:
            self._applied(one)

    def settled(self) -> None:
        """Each proposal acted at most once, and the ledger says the same."""
        for one in self.subjects:
            applied = [event for event in self._ledger.events(one.case) if event.kind == "applied"]
            assert len(applied) == one.acted <= 1
            assert str(self._ledger.case(one.case).state) == one.state

    # the law

    def _ready(self, one: Subject) -> bool:
        asked = one.asked
        return (
            one.state == "approved" and asked is not None and asked.state == "approved" and asked.yes_at is not None
            and self._clock() < asked.yes_at + timedelta(hours=1)
        )  # fmt: skip

    def _lapsed(self, asked: Asked) -> bool:
        if asked.state == "waiting":
            return asked.at + timedelta(days=7) <= self._clock()
        late = asked.yes_at is not None and asked.yes_at + timedelta(hours=1) <= self._clock()
        return asked.state in {"revoked", "expired"} or (asked.state == "approved" and late)

    def _applied(self, one: Subject) -> None:
        assert one.asked is not None
        one.state, one.asked.state, one.acted = "applied", "spent", one.acted + 1

    def _try(self, may: bool, act: Callable[[], object]) -> bool:
        why = ""
        try:
            act()
        except KintsugiError as error:
            why = str(error)
        assert may == (not why), f"what may be done was refused: {why}" if may else "what may not be done was accepted"
        self.refused, self.accepted = self.refused + (not may), self.accepted + may
        return may

    def _spend(self, one: Subject, digest: str) -> None:
        with self._ledger.database.transaction() as connection:
            self._approvals.spend(digest, Write("apply_fix", "kintsugi", one.case), connection)
            self._ledger.append(one.case, "applied", {"fix": one.fix}, actor="kintsugi", connection=connection)

    def _subject(self, number: int, proposer: str) -> Subject:
        digest, fix = self._digest(), f"fix_{number:08d}"
        case, _ = self._ledger.open_case("shop", anomaly(f"{number:016x}"), actor="kintsugi")
        self._ledger.append(case.id, "diagnosed", {"status": "likely", "cause": "x"}, actor="kintsugi")
        self._ledger.append(case.id, "proposed", {"fix": fix, "digest": "sha256:00", "risk": "low"}, actor=proposer)
        self._ledger.append(case.id, "certified", {"fix": fix, "digest": digest, "certificate": {"passed": True}}, actor="kintsugi")
        return Subject(fix, case.id, proposer, digest)

    def _digest(self) -> str:
        self._made += 1
        return f"sha256:{self._number:08x}{self._made:056x}"


def _name(person: str) -> str:
    return {"GRACE ": "grace", "\uff21da": "ada"}.get(person, person)


def _altered(digest: str) -> str:
    return digest[:-1] + ("0" if digest[-1] != "0" else "1")
