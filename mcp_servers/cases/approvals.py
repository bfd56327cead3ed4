"""Approvals: a person's decision over one digest. Asked for by a tool, given only by a person, spent once."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, delete, insert, select, update

from mcp_servers.cases import ssh
from mcp_servers.cases.channels import proof_of, riskier, same_person
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.model import Case, State
from mcp_servers.cases.policy import PROPOSALS
from mcp_servers.kit.database import Migration
from mcp_servers.kit.errors import Misconfigured, Refusal, Unavailable
from mcp_servers.kit.gate import Approval, Write
from mcp_servers.kit.policy import SHIPPED, Policy

METADATA = MetaData()
APPROVALS = Table(
    "approvals",
    METADATA,
    Column("digest", String(80), primary_key=True),
    Column("case_id", String(60), nullable=False),
    Column("fix", String(40), nullable=False, index=True),
    Column("risk", String(10), nullable=False),
    Column("requested", String(32), nullable=False),
    Column("decision", String(10), nullable=False, default=""),
    Column("person", String(200), nullable=False, default=""),
    Column("channel", String(20), nullable=False, default=""),
    Column("proof", Integer, nullable=False, default=0),
    Column("issued", String(32), nullable=False, default=""),
    Column("expires", String(32), nullable=False, default=""),
    Column("spent", String(32), nullable=False, default=""),
)


VOTES = Table(
    "approval_votes",
    METADATA,
    Column("digest", String(80), primary_key=True),
    Column("person", String(200), primary_key=True),
    Column("channel", String(20), nullable=False),
    Column("proof", Integer, nullable=False),
    Column("at", String(32), nullable=False),
)


def _create(connection: Connection) -> None:
    METADATA.create_all(connection, tables=[APPROVALS])


def _create_votes(connection: Connection) -> None:
    METADATA.create_all(connection, tables=[VOTES])


MIGRATIONS: tuple[Migration, ...] = (_create, _create_votes)
_TWO_PEOPLE = 3


@dataclass(frozen=True, slots=True)
class Request:
    """What waits for a person: one digest of one fix. `number` counts how often this digest was asked about: an answer to one is none to the next."""

    digest: str
    case: str
    fix: str
    risk: str
    requested: datetime
    number: int = 1
    decision: str = ""
    person: str = ""
    expires: str = ""
    spent: str = ""

    @property
    def decided(self) -> bool:
        return bool(self.decision)

    @property
    def statement(self) -> str:
        """What a person signs: this request and no other."""
        return f"kintsugi-approval v1\nfix: {self.fix}\ndigest: {self.digest}\nrisk: {self.risk}\nrequest: {self.nonce}\n"

    @property
    def nonce(self) -> str:
        """Names this one request."""
        content = f"{self.digest} {self.number} {self.requested.isoformat()}"
        return hashlib.sha256(content.encode()).hexdigest()[:12]


def short(digest: str) -> str:
    """The part of a digest that a person types: its first eight hexadecimal digits."""
    return digest.removeprefix("sha256:")[:8]


class Approvals:
    """Requests and decisions, beside the ledger and in its database, under the policy of whoever runs Kintsugi."""

    def __init__(self, ledger: Ledger, policy: Policy = SHIPPED) -> None:
        self._ledger = ledger
        self._policy = policy
        self._database = ledger.database
        self._database.migrate("approvals", MIGRATIONS)

    def request(self, fix: str, *, risk: str, actor: str) -> Request:
        """Asks a person to decide on the certified proposal; asking again for the same digest changes nothing, or makes it graver.
        Raises `Refusal` without a certificate."""
        case = self._ledger.case_of_fix(fix)
        known = next(f for f in case.fixes if f.id == fix)
        if not known.certified:
            raise Refusal(
                f"{fix} has no certificate yet; run certify_fix first. A person is asked only about what a machine has proven.",
                code="not_certified",
            )
        grave = riskier(risk, known.risk)
        with self._database.transaction() as connection:
            row = self._row(known.digest, connection)
            if row is not None and self._lapsed(row):
                self._forget(row, connection)
                row = None
            if row is None:
                self._ask(case.id, fix, known.digest, grave, actor, connection)
            elif not row.decision and riskier(grave, row.risk) != row.risk:
                connection.execute(update(APPROVALS).where(APPROVALS.c.digest == known.digest).values(risk=grave))
            return self._request(self._row(known.digest, connection), connection)

    def sweep(self) -> None:
        """Ends what ran out: a yes that was not used in time, a question that nobody answered. The ledger is told, and a person may be asked anew."""
        unused = select(APPROVALS).where(APPROVALS.c.decision.in_(("", "approved")), APPROVALS.c.spent == "")
        with self._database.reading() as connection:
            late = [row.digest for row in connection.execute(unused) if self._lapsed(row)]
        for digest in late:
            # a store that takes no writes is read all the same
            with suppress(Unavailable, Misconfigured), self._database.transaction() as connection:
                row = self._row(digest, connection)
                if row is not None and self._lapsed(row):
                    self._expire(row, connection)

    def waiting(self) -> list[Request]:
        """What waits for a person now, oldest first."""
        self.sweep()
        query = select(APPROVALS).where(APPROVALS.c.decision == "").order_by(APPROVALS.c.requested)
        with self._database.reading() as connection:
            return [self._request(row, connection) for row in connection.execute(query).all()]

    def asked(self, digest: str) -> Request | None:
        """The request about this digest, decided or not; None when nobody was asked."""
        with self._database.reading() as connection:
            row = self._row(digest, connection)
            return self._request(row, connection) if row is not None else None

    def approve(self, digest: str, *, person: str, channel: str, nonce: str = "") -> Case:
        """Records a person's yes to exactly this digest; with enough different people it is approved. Raises `Refusal`: nothing waits under it,
        it waited too long, the channel or the person is not enough for its risk, or the proposer would approve itself. With a `nonce` the answer
        is to that one request."""
        with self._database.transaction() as connection:
            row = self._open(digest, connection)
            if nonce and self._request(row, connection).nonce != nonce:
                raise Refusal(f"{short(digest)} was asked about anew since; answer that request.", code="other_request")
            proof = proof_of(channel, person, row.risk, self._policy)
            if same_person(person, self._proposer(row, connection)):
                raise Refusal(f"{person} proposed {row.fix} and cannot approve it; another person must.", code="self_approval")
            self._vote(row, person, channel, proof, connection)
            votes = self._votes(digest, connection)
            content = {"fix": row.fix, "digest": digest, "channel": channel, "people": [vote.person for vote in votes]}
            if len(votes) < self._policy.needed(row.risk)[1]:
                return self._ledger.append(row.case_id, "endorsed", content, actor=person, connection=connection)
            weakest = min(vote.proof for vote in votes)
            strength = _TWO_PEOPLE if len(votes) > 1 and weakest > 1 else weakest
            expires = (self._ledger.now() + self._policy.lifetime).isoformat()
            people = ", ".join(vote.person for vote in votes)[:200]
            self._decide(row, "approved", people, connection, channel=channel, proof=strength, expires=expires)
            return self._ledger.append(row.case_id, "approved", content, actor=person, connection=connection)

    def approve_signed(self, digest: str, signature: str) -> Case:
        """As `approve`, by the person whose listed key signed the statement of the request that waits now."""
        waiting = self.asked(digest)
        if waiting is None:
            raise _unknown(digest)
        person = ssh.signer(waiting.statement, signature, Path(self._policy.signers).expanduser())
        return self.approve(digest, person=person, channel="signed", nonce=waiting.nonce)

    def reject(self, digest: str, *, person: str, channel: str, reason: str = "") -> Case:
        """Records a person's no, with the reason that the next proposal has to answer; also after a yes that nobody used yet."""
        with self._database.transaction() as connection:
            row = self._known(digest, connection)
            if row.decision not in {"", "approved", "expired"} or row.spent:
                raise _decided(row)
            self._decide(row, "rejected", person, connection, channel=channel)
            content = {"fix": row.fix, "digest": digest, "reason": reason or "no reason given"}
            return self._ledger.append(row.case_id, "rejected", content, actor=person, connection=connection)

    def revoke(self, digest: str, *, person: str, reason: str = "") -> Case:
        """Takes a yes back that nobody used yet; the proposal may be asked about again. Raises `Refusal` once it was used."""
        with self._database.transaction() as connection:
            row = self._known(digest, connection)
            if row.spent:
                raise Refusal(
                    f"The approval of {short(digest)} was used at {row.spent}; `kintsugi rollback` undoes it.", code="approval_spent"
                )
            if row.decision != "approved":
                raise Refusal(f"{short(digest)} is not approved; there is nothing to take back.", code="not_approved")
            self._decide(row, "revoked", person, connection)
            content = {"fix": row.fix, "digest": digest, "reason": reason or "no reason given"}
            return self._ledger.append(row.case_id, "revoked", content, actor=person, connection=connection)

    def spend(self, digest: str, write: Write, connection: Connection) -> Approval:
        """Takes the approval of this digest inside the caller's transaction. Raises `Refusal`: none, rejected, revoked, expired, already used,
        or the case has gone on without it."""
        row = self._row(digest, connection)
        if row is None or row.decision in {"", "revoked"}:
            raise Refusal(
                f"No person has approved {short(digest)}; ask with request_approval, then `kintsugi approve`.", code="not_approved"
            )
        if row.decision == "expired":
            raise _expired(row)
        if row.decision != "approved":
            raise Refusal(f"{row.person} rejected {short(digest)}; it will not be applied.", code="rejected")
        if row.spent:
            raise Refusal(f"The approval of {short(digest)} was used at {row.spent}; each one acts once.", code="approval_spent")
        now = self._ledger.now().isoformat()
        if row.expires <= now:
            raise _expired(row)
        case = self._ledger.case(row.case_id, connection)
        if case.state is not State.APPROVED or not _current(case, row):
            raise Refusal(f"Case {case.id} is {case.state}; the approval of {short(digest)} is for what it was before.", code="superseded")
        taken = connection.execute(update(APPROVALS).where(APPROVALS.c.digest == digest, APPROVALS.c.spent == "").values(spent=now))
        if taken.rowcount != 1:
            raise Refusal(f"The approval of {short(digest)} was used just now; each one acts once.", code="approval_spent")
        return Approval(digest, row.person, row.channel, row.proof, datetime.fromisoformat(row.expires))

    def _ask(self, case: str, fix: str, digest: str, risk: str, actor: str, connection: Connection) -> None:
        requested = self._ledger.now().isoformat()
        connection.execute(insert(APPROVALS).values(digest=digest, case_id=case, fix=fix, risk=risk, requested=requested))
        data = {"fix": fix, "digest": digest, "risk": risk}
        self._ledger.append(case, "approval_requested", data, actor=actor, connection=connection)

    def _forget(self, row: Any, connection: Connection) -> None:
        """Makes room for a new request; what ran out is told as such."""
        self._expire(row, connection)
        connection.execute(delete(APPROVALS).where(APPROVALS.c.digest == row.digest))
        connection.execute(delete(VOTES).where(VOTES.c.digest == row.digest))

    def _expire(self, row: Any, connection: Connection) -> None:
        """Marks what ran out; the ledger hears of it where the case still stands on it."""
        if row.decision not in {"", "approved"}:
            return
        case = self._ledger.case(row.case_id, connection)
        approved = bool(row.decision) and case.state is State.APPROVED and case.fix is not None and case.fix.digest == row.digest
        unanswered = not row.decision and case.state is State.PROPOSED and case.asked == row.digest
        connection.execute(update(APPROVALS).where(APPROVALS.c.digest == row.digest).values(decision="expired"))
        if approved or unanswered:
            reason = "the approval was not used in time" if approved else "nobody answered in time"
            data = {"fix": row.fix, "digest": row.digest, "reason": reason}
            self._ledger.append(case.id, "expired", data, actor="kintsugi", connection=connection)

    def _open(self, digest: str, connection: Connection) -> Any:
        row = self._known(digest, connection)
        if row.decision and row.decision != "expired":
            raise _decided(row)
        if not _current(self._ledger.case(row.case_id, connection), row):
            raise Refusal(f"{row.fix} is not what {short(digest)} says any more; look at it again.", code="superseded")
        if self._lapsed(row):
            raise Refusal(
                f"{short(digest)} waited since {row.requested}, too long; ask again with request_approval.", code="request_expired"
            )
        return row

    def _known(self, digest: str, connection: Connection) -> Any:
        row = self._row(digest, connection)
        if row is None:
            raise _unknown(digest)
        return row

    def _vote(self, row: Any, person: str, channel: str, proof: int, connection: Connection) -> None:
        if any(same_person(vote.person, person) for vote in self._votes(row.digest, connection)):
            raise Refusal(f"{person} has approved {short(row.digest)} already; another person must.", code="same_person")
        now = self._ledger.now().isoformat()
        connection.execute(insert(VOTES).values(digest=row.digest, person=person[:200], channel=channel, proof=proof, at=now))

    def _votes(self, digest: str, connection: Connection) -> list[Any]:
        return list(connection.execute(select(VOTES).where(VOTES.c.digest == digest).order_by(VOTES.c.at, VOTES.c.person)))

    def _decide(self, row: Any, decision: str, person: str, connection: Connection, **values: Any) -> None:
        issued = self._ledger.now().isoformat()
        decided = {"decision": decision, "person": person, "issued": issued, **values}
        connection.execute(update(APPROVALS).where(APPROVALS.c.digest == row.digest).values(**decided))

    def _lapsed(self, row: Any) -> bool:
        """Whether the person may be asked anew: no answer for too long, or a yes that was taken back or never used in time."""
        now = self._ledger.now()
        if not row.decision:
            return datetime.fromisoformat(row.requested) + self._policy.offered <= now
        return row.decision in {"revoked", "expired"} or (row.decision == "approved" and not row.spent and row.expires <= now.isoformat())

    def _proposer(self, row: Any, connection: Connection) -> str:
        events = self._ledger.events(row.case_id, connection)
        return next((e.actor for e in events if e.kind in PROPOSALS and e.data.get("fix") == row.fix), "")

    def _row(self, digest: str, connection: Connection) -> Any:
        return connection.execute(select(APPROVALS).where(APPROVALS.c.digest == digest)).first()

    def _request(self, row: Any, connection: Connection) -> Request:
        events = self._ledger.events(row.case_id, connection)
        asked = [e for e in events if e.kind == "approval_requested" and e.data.get("digest") == row.digest]
        return Request(
            row.digest,
            row.case_id,
            row.fix,
            row.risk,
            datetime.fromisoformat(row.requested),
            len(asked),
            row.decision,
            row.person,
            row.expires,
            row.spent,
        )


def _current(case: Case, row: Any) -> bool:
    """Whether the proposal still is what this row was asked about."""
    return any(fix.id == row.fix and fix.digest == row.digest for fix in case.fixes)


def _expired(row: Any) -> Refusal:
    return Refusal(f"The approval of {short(row.digest)} expired at {row.expires}; ask again.", code="approval_expired")


def _unknown(digest: str) -> Refusal:
    return Refusal(f"Nothing waits for a decision under {short(digest)}; `kintsugi cases` shows what does.", code="unknown_digest")


def _decided(row: Any) -> Refusal:
    return Refusal(f"{short(row.digest)} was already {row.decision} by {row.person} at {row.issued}.", code="already_decided")
