"""Approvals: a person's decision over one digest. Asked for by a tool, given only by a person, spent once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, delete, insert, select, update

from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.model import Case
from mcp_servers.kit.database import Migration
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.gate import Approval, Write

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


def _create(connection: Connection) -> None:
    METADATA.create_all(connection)


MIGRATIONS: tuple[Migration, ...] = (_create,)
LIFETIME = timedelta(hours=1)
PROOF: Mapping[str, int] = {"demo": 1, "elicitation": 1, "dashboard": 1, "terminal": 1, "signed": 2}
"""How much a channel proves: 1 somebody at this machine, 2 a key that the agent cannot use."""


@dataclass(frozen=True, slots=True)
class Request:
    """What waits for a person: one digest of one fix."""

    digest: str
    case: str
    fix: str
    risk: str
    requested: datetime


def short(digest: str) -> str:
    """The part of a digest that a person types: its first eight hexadecimal digits."""
    return digest.removeprefix("sha256:")[:8]


class Approvals:
    """Requests and decisions, beside the ledger and in its database."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._database = ledger.database
        self._database.migrate("approvals", MIGRATIONS)

    def request(self, fix: str, *, risk: str, actor: str) -> Request:
        """Asks a person to decide on the certified proposal; asking again for the same digest changes nothing. Raises `Refusal` without a certificate."""
        case = self._ledger.case_of_fix(fix)
        known = next(f for f in case.fixes if f.id == fix)
        if not known.certified:
            raise Refusal(
                f"{fix} has no certificate yet; run certify_fix first. A person is asked only about what a machine has proven.",
                code="not_certified",
            )
        now = self._ledger.now()
        with self._database.transaction() as connection:
            row = self._row(known.digest, connection)
            if row is None or _lapsed(row, now):
                connection.execute(delete(APPROVALS).where(APPROVALS.c.digest == known.digest))
                connection.execute(
                    insert(APPROVALS).values(digest=known.digest, case_id=case.id, fix=fix, risk=risk, requested=now.isoformat())
                )
                data = {"fix": fix, "digest": known.digest, "risk": risk}
                self._ledger.append(case.id, "approval_requested", data, actor=actor, connection=connection)
            row = self._row(known.digest, connection)
        return _request(row)

    def waiting(self) -> list[Request]:
        """What waits for a person now, oldest first."""
        query = select(APPROVALS).where(APPROVALS.c.decision == "").order_by(APPROVALS.c.requested)
        with self._database.reading() as connection:
            return [_request(row) for row in connection.execute(query)]

    def approve(self, digest: str, *, person: str, channel: str) -> Case:
        """Records a person's yes to exactly this digest. Raises `Refusal` when nothing waits under it, or when the proposer would approve itself."""
        now = self._ledger.now()
        values = {"decision": "approved", "channel": channel, "proof": PROOF.get(channel, 0), "expires": (now + LIFETIME).isoformat()}
        return self._decide(digest, "approved", person, values, {"channel": channel})

    def reject(self, digest: str, *, person: str, channel: str, reason: str = "") -> Case:
        """Records a person's no, with the reason that the next proposal has to answer."""
        return self._decide(
            digest, "rejected", person, {"decision": "rejected", "channel": channel}, {"reason": reason or "no reason given"}
        )

    def spend(self, digest: str, write: Write, connection: Connection) -> Approval:
        """Takes the approval of this digest inside the caller's transaction. Raises `Refusal`: none, rejected, expired, already used."""
        row = self._row(digest, connection)
        if row is None or not row.decision:
            raise Refusal(
                f"No person has approved {short(digest)}; ask with request_approval, then `kintsugi approve`.", code="not_approved"
            )
        if row.decision != "approved":
            raise Refusal(f"{row.person} rejected {short(digest)}; it will not be applied.", code="rejected")
        now = self._ledger.now().isoformat()
        if row.expires <= now:
            raise Refusal(f"The approval of {short(digest)} expired at {row.expires}; ask again.", code="approval_expired")
        taken = connection.execute(update(APPROVALS).where(APPROVALS.c.digest == digest, APPROVALS.c.spent == "").values(spent=now))
        if taken.rowcount != 1:
            raise Refusal(f"The approval of {short(digest)} was used at {row.spent}; each one acts once.", code="approval_spent")
        return Approval(digest, row.person, row.channel, row.proof, datetime.fromisoformat(row.expires))

    def _decide(self, digest: str, kind: str, person: str, values: Mapping[str, Any], data: Mapping[str, Any]) -> Case:
        now = self._ledger.now().isoformat()
        with self._database.transaction() as connection:
            row = self._row(digest, connection)
            if row is None:
                raise Refusal(
                    f"Nothing waits for a decision under {short(digest)}; `kintsugi cases` shows what does.", code="unknown_digest"
                )
            if row.decision:
                raise Refusal(f"{short(digest)} was already {row.decision} by {row.person} at {row.issued}.", code="already_decided")
            if kind == "approved" and person == self._proposer(row.case_id, row.fix):
                raise Refusal(f"{person} proposed {row.fix} and cannot approve it; another person must.", code="self_approval")
            connection.execute(update(APPROVALS).where(APPROVALS.c.digest == digest).values(person=person, issued=now, **values))
            content = {"fix": row.fix, "digest": digest, **data}
            return self._ledger.append(row.case_id, kind, content, actor=person, connection=connection)

    def _proposer(self, case: str, fix: str) -> str:
        return next((e.actor for e in self._ledger.events(case) if e.kind == "proposed" and e.data.get("fix") == fix), "")

    def _row(self, digest: str, connection: Connection) -> Any:
        return connection.execute(select(APPROVALS).where(APPROVALS.c.digest == digest)).first()


def _lapsed(row: Any, now: datetime) -> bool:
    """Approved, never used, and too old: the person may be asked again."""
    return row.decision == "approved" and not row.spent and row.expires <= now.isoformat()


def _request(row: Any) -> Request:
    return Request(row.digest, row.case_id, row.fix, row.risk, datetime.fromisoformat(row.requested))
