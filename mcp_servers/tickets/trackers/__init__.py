"""The port to trackers, and the table of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from mcp_servers.kit.lazy import LazyTable
from mcp_servers.tickets.model import Comment, Draft, Ticket


class Tracker(Protocol):
    """Where tickets live. Ids are the tracker's own; a write may be repeated without a second effect."""

    def create(self, draft: Draft, now: datetime) -> tuple[Ticket, bool]:
        """The ticket of this problem, and whether it is new."""
        ...

    def get(self, id: str) -> Ticket:
        """The ticket; raises `Refusal` when there is none."""
        ...

    def search(self, text: str = "", fingerprint: str = "", statuses: Sequence[str] = ()) -> tuple[list[Ticket], int]:
        """Tickets that could be meant, and how many there are in all."""
        ...

    def comment(self, id: str, comment: Comment) -> Ticket: ...

    def transition(self, id: str, status: str, now: datetime) -> Ticket:
        """The ticket in that status; raises `Refusal` when it may not go there."""
        ...


TRACKERS = LazyTable("tracker", {"local": "mcp_servers.tickets.trackers.local:LocalTracker"})
