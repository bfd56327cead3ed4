"""Proposals, what was certified of them, the journal of their application, and pull requests that no forge keeps for us."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import JSON, Column, Connection, Integer, MetaData, String, Table, UniqueConstraint, func, insert, select, update

from mcp_servers.fixes.model import Certificate, Finding, Proposal, PullRequest, Request, State
from mcp_servers.kit.database import Database, Migration
from mcp_servers.kit.errors import Refusal

METADATA = MetaData()
PROPOSALS = Table(
    "fix_proposals",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("case_id", String(60), nullable=False, index=True),
    Column("repository", String(64), nullable=False),
    Column("proposed", String(32), nullable=False),
    Column("digest", String(80), nullable=False, index=True),
    Column("state", String(20), nullable=False),
    Column("data", JSON, nullable=False),
)
JOURNAL = Table(
    "fix_journal",
    METADATA,
    Column("fix", String(40), primary_key=True),
    Column("action", String(20), primary_key=True),
    Column("digest", String(80), nullable=False),
    Column("person", String(200), nullable=False),
    Column("started", String(32), nullable=False),
    Column("onto", String(64), nullable=False),
    Column("step", String(20), nullable=False),
)
PULL_REQUESTS = Table(
    "fix_pull_requests",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("repository", String(64), nullable=False),
    Column("branch", String(200), nullable=False),
    Column("state", String(10), nullable=False),
    Column("opened", String(32), nullable=False),
    Column("request", JSON, nullable=False),
    UniqueConstraint("repository", "branch"),
)


def _create(connection: Connection) -> None:
    METADATA.create_all(connection)


MIGRATIONS: tuple[Migration, ...] = (_create,)


@dataclass(frozen=True, slots=True)
class Intent:
    """What was begun for a fix and how far it came. `onto` is the commit that the work stands on; `started` dates all that it makes."""

    fix: str
    action: str
    digest: str
    person: str
    started: datetime
    onto: str
    step: str = "intent"

    @property
    def done(self) -> bool:
        return self.step == "done"


class Store:
    """The tables of fixes. Several processes may share them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        database.migrate("fixes", MIGRATIONS)

    def add(
        self, proposal: Proposal, now: datetime, record: Callable[[Proposal, Connection], None], beside: Proposal | None = None
    ) -> Proposal:
        """The proposal with its id, `record`ed in the same transaction; the one there is when the same was proposed for this case before.
        An option `beside` it is kept with it or not at all, and before it: the case is about the proposal."""
        with self.database.transaction() as connection:
            if beside is not None:
                self._added(beside, now, record, connection)
            return self._added(proposal, now, record, connection)

    def _added(self, proposal: Proposal, now: datetime, record: Callable[[Proposal, Connection], None], connection: Connection) -> Proposal:
        known = self._same(proposal, now, connection)
        if known is not None:
            return known
        added = replace(proposal, id=self._free_id(now, connection), proposed=now.isoformat(timespec="seconds"))
        connection.execute(insert(PROPOSALS).values(id=added.id, case_id=added.case, repository=added.repository, **_row(added)))
        record(added, connection)
        return added

    def get(self, fix: str) -> Proposal:
        """The proposal; raises `Refusal` when there is none of that id."""
        with self.database.reading() as connection:
            row = connection.execute(select(PROPOSALS).where(PROPOSALS.c.id == fix)).first()
        if row is None:
            raise Refusal(f"There is no fix {fix!r}; list_fixes names those there are.", code="unknown_fix")
        return _proposal(row)

    def proposals(self, *, repository: str = "", case: str = "") -> list[Proposal]:
        """Proposals, newest first."""
        query = select(PROPOSALS).order_by(PROPOSALS.c.proposed.desc(), PROPOSALS.c.id.desc())
        query = query.where(PROPOSALS.c.case_id == case) if case else query
        query = query.where(PROPOSALS.c.repository == repository) if repository else query
        with self.database.reading() as connection:
            return [_proposal(row) for row in connection.execute(query)]

    def save(self, proposal: Proposal, connection: Connection) -> None:
        """Keeps what became of a proposal. Its parts that the digest covers do not change, certification apart."""
        connection.execute(update(PROPOSALS).where(PROPOSALS.c.id == proposal.id).values(**_row(proposal)))

    def intent(self, fix: str, action: str, connection: Connection | None = None) -> Intent | None:
        query = select(JOURNAL).where(JOURNAL.c.fix == fix, JOURNAL.c.action == action)
        if connection is not None:
            return _intent(connection.execute(query).first())
        with self.database.reading() as reading:
            return _intent(reading.execute(query).first())

    def begin(self, intent: Intent, connection: Connection) -> None:
        connection.execute(insert(JOURNAL).values(**{**asdict(intent), "started": intent.started.isoformat()}))

    def step(self, intent: Intent, step: str, connection: Connection | None = None) -> Intent:
        """Journals that the intent has come to `step`."""
        statement = update(JOURNAL).where(JOURNAL.c.fix == intent.fix, JOURNAL.c.action == intent.action).values(step=step)
        if connection is not None:
            connection.execute(statement)
        else:
            with self.database.transaction() as transaction:
                transaction.execute(statement)
        return replace(intent, step=step)

    def add_pull_request(self, request: Request, now: datetime) -> PullRequest:
        with self.database.transaction() as connection:
            found = self._pull_request(request.repository, request.branch, connection)
            if found is None:
                row = {"repository": request.repository, "branch": request.branch, "state": "open", "opened": now.isoformat()}
                connection.execute(insert(PULL_REQUESTS).values(**row, request=asdict(request)))
                found = self._pull_request(request.repository, request.branch, connection)
        return cast(PullRequest, found)

    def pull_request(self, repository: str, branch: str) -> PullRequest | None:
        with self.database.reading() as connection:
            return self._pull_request(repository, branch, connection)

    def pull_request_numbered(self, repository: str, number: int) -> PullRequest | None:
        query = select(PULL_REQUESTS.c.branch).where(PULL_REQUESTS.c.repository == repository, PULL_REQUESTS.c.number == number)
        with self.database.reading() as connection:
            branch = connection.scalar(query)
            return self._pull_request(repository, branch, connection) if branch else None

    def settle_pull_request(self, repository: str, branch: str, state: str) -> None:
        one = (PULL_REQUESTS.c.repository == repository, PULL_REQUESTS.c.branch == branch)
        with self.database.transaction() as connection:
            connection.execute(update(PULL_REQUESTS).where(*one).values(state=state))

    def _pull_request(self, repository: str, branch: str, connection: Connection) -> PullRequest | None:
        query = select(PULL_REQUESTS).where(PULL_REQUESTS.c.repository == repository, PULL_REQUESTS.c.branch == branch)
        row = connection.execute(query).first()
        return PullRequest(str(row.number), "", row.state, _request(row.request)) if row else None

    def _same(self, proposal: Proposal, now: datetime, connection: Connection) -> Proposal | None:
        query = select(PROPOSALS).where(PROPOSALS.c.case_id == proposal.case, PROPOSALS.c.state != State.ROLLED_BACK)
        known = (one for one in (_proposal(row) for row in connection.execute(query)) if not one.lapsed(now))
        return next((one for one in known if replace(one, certificate=None, expires="").digest == proposal.digest), None)

    def _free_id(self, now: datetime, connection: Connection) -> str:
        stem = f"fix_{now:%Y%m%d_%H%M%S}"
        taken = connection.scalar(select(func.count()).where(PROPOSALS.c.id.startswith(stem, autoescape=True))) or 0
        return stem if not taken else f"{stem}_{taken + 1}"


def _row(proposal: Proposal) -> dict[str, Any]:
    return {"digest": proposal.digest, "state": str(proposal.state), "proposed": proposal.proposed, "data": asdict(proposal)}


def _proposal(row: Any) -> Proposal:
    data: dict[str, Any] = dict(row.data)
    certificate = data["certificate"]
    data["findings"] = tuple(Finding(**finding) for finding in data["findings"])
    data["certificate"] = Certificate(**certificate) if certificate else None
    data["state"] = State(row.state)
    return Proposal(**data)


def _request(data: Mapping[str, Any]) -> Request:
    fields: dict[str, Any] = {**data, "labels": tuple(data.get("labels", ()))}
    return Request(**fields)


def _intent(row: Any) -> Intent | None:
    if row is None:
        return None
    return Intent(row.fix, row.action, row.digest, row.person, datetime.fromisoformat(row.started), row.onto, row.step)
