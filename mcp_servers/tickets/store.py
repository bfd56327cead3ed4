"""Tickets in the database. At most one is alive for each problem, also when two processes open it at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Column, Connection, Integer, MetaData, RowMapping, String, Table, Text, func, insert, select, update

from mcp_servers.kit.database import Database, Migration
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.fulltext import FullText
from mcp_servers.tickets.model import ALIVE, Comment, Draft, Ticket, number_of, ticket_id

METADATA = MetaData()
TICKETS = Table(
    "tickets",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    *(Column(name, Text, nullable=False) for name in ("title", "description")),
    *(Column(name, String(20), nullable=False) for name in ("type", "priority", "status")),
    Column("labels", JSON, nullable=False),
    *(Column(name, Text, nullable=False) for name in ("current_config", "suggested_config")),
    Column("fingerprint", String(120), nullable=False, index=True),
    Column("case", String(200), nullable=False, index=True),
    Column("alive", String(140), unique=True),  # the draft's key while the ticket is alive, NULL afterwards: one alive for each key
    Column("created_at", String(32), nullable=False),
    Column("updated_at", String(32), nullable=False),
    sqlite_autoincrement=True,
)
COMMENTS = Table(
    "ticket_comments",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("ticket", Integer, nullable=False, index=True),
    Column("author", Text, nullable=False),
    Column("at", String(32), nullable=False),
    Column("body", Text, nullable=False),
)
WORDS = FullText("ticket_words")


def _index(connection: Connection) -> None:
    """Makes the word index anew over the tickets that are there."""
    WORDS.create(connection)
    rows = connection.execute(select(TICKETS.c.number, TICKETS.c.title, TICKETS.c.description))
    WORDS.put_all(connection, {ticket_id(row.number): f"{row.title}\n{row.description}" for row in rows})


MIGRATIONS: tuple[Migration, ...] = (METADATA.create_all, WORDS.create, _index)
_DRAFT = ("title", "description", "type", "priority", "current_config", "suggested_config", "fingerprint", "case")
_MOST = 200


class Store:
    """The tickets of a database; `on_change` is called with each changed ticket inside its transaction."""

    def __init__(self, database: Database, on_change: Callable[[Ticket], None]) -> None:
        self._database = database
        self._on_change = on_change
        database.migrate("tickets", MIGRATIONS)

    def create(self, draft: Draft, now: datetime) -> tuple[Ticket, bool]:
        """The ticket of this problem, and whether it is new: an alive one, or that of the same case, is returned as it is."""
        with self._database.transaction() as connection:
            known = _number_of(connection, draft)
            if known:
                return _get(connection, known), False
            return self._changed(connection, _insert(connection, draft, now)), True

    def get(self, id: str) -> Ticket:
        with self._database.reading() as connection:
            return _get(connection, number_of(id))

    def comment(self, id: str, comment: Comment) -> Ticket:
        """The ticket with the comment; the same words of the same author are added once."""
        with self._database.transaction() as connection:
            number = number_of(id)
            known = _get(connection, number)
            if any((said.author, said.body) == (comment.author, comment.body) for said in known.comments):
                return known
            row = {"ticket": number, "author": comment.author, "at": _iso(comment.at), "body": comment.body}
            connection.execute(insert(COMMENTS).values(row))
            connection.execute(update(TICKETS).where(TICKETS.c.number == number).values(updated_at=_iso(comment.at)))
            return self._changed(connection, number)

    def transition(self, id: str, status: str, now: datetime) -> Ticket:
        """The ticket in that status; raises `Refusal` when reopening it would make a second alive ticket for one problem."""
        with self._database.transaction() as connection:
            number = number_of(id)
            ticket = _get(connection, number)
            if ticket.status == status:
                return ticket
            key = ticket.draft.key if status in ALIVE else None
            other = connection.scalar(select(TICKETS.c.number).where(TICKETS.c.alive == key, TICKETS.c.number != number)) if key else None
            if other:
                raise Refusal(
                    f"{id} cannot be {status}: {ticket_id(other)} is already open for the same problem; use that.", code="duplicate"
                )
            changes = {"status": status, "alive": key, "updated_at": _iso(now)}
            connection.execute(update(TICKETS).where(TICKETS.c.number == number).values(changes))
            return self._changed(connection, number)

    def search(self, text: str = "", fingerprint: str = "", statuses: Sequence[str] = ()) -> tuple[list[Ticket], int]:
        """Tickets that hold a word of the text or have the fingerprint (all when neither is given), newest first, and how many there are."""
        with self._database.reading() as connection:
            total = connection.scalar(select(func.count()).select_from(TICKETS)) or 0
            query = select(TICKETS.c.number).order_by(TICKETS.c.number.desc()).limit(_MOST)
            if statuses:
                query = query.where(TICKETS.c.status.in_(statuses))
            if text or fingerprint:
                said = [number_of(id) for id in WORDS.search(connection, text, _MOST)]
                same = (TICKETS.c.fingerprint == fingerprint) & (TICKETS.c.fingerprint != "")
                query = query.where(TICKETS.c.number.in_(said) | same)
            return _read(connection, list(connection.scalars(query))), total

    def _changed(self, connection: Connection, number: int) -> Ticket:
        ticket = _get(connection, number)
        self._on_change(ticket)
        return ticket


def _number_of(connection: Connection, draft: Draft) -> int | None:
    """The ticket that is alive for this problem, else the one that this very case had for it."""
    alive = connection.scalar(select(TICKETS.c.number).where(TICKETS.c.alive == draft.key))
    if alive or not (draft.case and draft.fingerprint):
        return alive
    query = select(TICKETS.c.number).where(TICKETS.c.case == draft.case, TICKETS.c.fingerprint == draft.fingerprint)
    return connection.scalar(query.order_by(TICKETS.c.number.desc()))


def _insert(connection: Connection, draft: Draft, now: datetime) -> int:
    row: dict[str, Any] = {key: value for key, value in asdict(draft).items() if key in _DRAFT}
    row |= {"labels": list(draft.labels), "status": "open", "alive": draft.key, "created_at": _iso(now), "updated_at": _iso(now)}
    number = connection.execute(insert(TICKETS).values(row).returning(TICKETS.c.number)).scalar_one()
    WORDS.put(connection, ticket_id(number), f"{draft.title}\n{draft.description}")
    return number


def _get(connection: Connection, number: int) -> Ticket:
    found = _read(connection, [number])
    if not found:
        raise Refusal(f"There is no ticket {ticket_id(number)}; search_tickets finds them.", code="unknown_ticket")
    return found[0]


def _read(connection: Connection, numbers: Sequence[int]) -> list[Ticket]:
    rows = {row["number"]: row for row in connection.execute(select(TICKETS).where(TICKETS.c.number.in_(numbers))).mappings()}
    comments: dict[int, list[Comment]] = {number: [] for number in rows}
    for row in connection.execute(select(COMMENTS).where(COMMENTS.c.ticket.in_(numbers)).order_by(COMMENTS.c.number)).mappings():
        comments[row["ticket"]].append(Comment(row["author"], datetime.fromisoformat(row["at"]), row["body"]))
    return [_ticket(rows[number], comments[number]) for number in numbers if number in rows]


def _ticket(row: RowMapping, comments: Sequence[Comment]) -> Ticket:
    draft = Draft(**{name: row[name] for name in _DRAFT}, labels=tuple(row["labels"]))
    times = (datetime.fromisoformat(row["created_at"]), datetime.fromisoformat(row["updated_at"]))
    return Ticket(ticket_id(row["number"]), draft, row["status"], *times, tuple(comments))


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
