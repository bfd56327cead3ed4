"""Which tickets are about the same thing? Offered, never acted on: on prose no threshold tells duplicates from neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mcp_servers.kit.similarity import rank
from mcp_servers.tickets.model import ALIVE, Ticket

MOST = 5


@dataclass(frozen=True, slots=True)
class Near:
    """A ticket near to what was asked, and why."""

    ticket: Ticket
    score: float
    reason: str


def searchable(ticket: Ticket) -> str:
    """What of a ticket is compared: its title as the head, its description as the body."""
    return f"{ticket.draft.title}\n{ticket.draft.description}"


def lately(tickets: Sequence[Ticket], now: datetime, days: int) -> list[Ticket]:
    """The tickets that are alive, and those that were closed in the last days: what was settled long ago and comes again is a new problem."""
    return [ticket for ticket in tickets if ticket.status in ALIVE or ticket.updated_at >= now - timedelta(days=days)]


def nearest(text: str, fingerprint: str, candidates: Sequence[Ticket], total: int) -> list[Near]:
    """The five nearest tickets: those of the same fingerprint, then by words."""
    likeness = {found.id: found for found in rank(text, {ticket.id: searchable(ticket) for ticket in candidates}, total)}
    near: list[Near] = []
    for ticket in candidates:
        found = likeness.get(ticket.id)
        if fingerprint and ticket.draft.fingerprint == fingerprint:
            near.append(Near(ticket, 1000.0, "the same fingerprint"))
        elif found:
            near.append(Near(ticket, found.score, f"shares the words {', '.join(found.shared[:8])}"))
    return sorted(near, key=lambda one: (-one.score, one.ticket.id))[:MOST]
