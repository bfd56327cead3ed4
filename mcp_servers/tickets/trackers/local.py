"""The tracker that every clone has: tickets in the database, each also as a Markdown file to read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

from mcp_servers.kit.database import Database
from mcp_servers.kit.errors import Misconfigured
from mcp_servers.tickets.markdown import render
from mcp_servers.tickets.model import Comment, Draft, Ticket
from mcp_servers.tickets.store import Store


class LocalTracker:
    """Implements `Tracker` on the store; `folder/KIN-12.md` is written anew, whole, with each change."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._folder = folder
        self._store = Store(database, self._write)

    def create(self, draft: Draft, now: datetime) -> tuple[Ticket, bool]:
        return self._store.create(draft, now)

    def get(self, id: str) -> Ticket:
        return self._store.get(id)

    def search(self, text: str = "", fingerprint: str = "", statuses: Sequence[str] = ()) -> tuple[list[Ticket], int]:
        return self._store.search(text, fingerprint, statuses)

    def comment(self, id: str, comment: Comment) -> Ticket:
        return self._store.comment(id, comment)

    def transition(self, id: str, status: str, now: datetime) -> Ticket:
        return self._store.transition(id, status, now)

    def _write(self, ticket: Ticket) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile("w", dir=self._folder, prefix=".", suffix=".md", delete=False, encoding="utf-8", newline="\n") as file:
                file.write(render(ticket))
            Path(file.name).replace(self._folder / f"{ticket.id}.md")
        except OSError as error:
            raise Misconfigured(f"The ticket file {ticket.id}.md cannot be written in {self._folder}: {error.strerror}.") from error
