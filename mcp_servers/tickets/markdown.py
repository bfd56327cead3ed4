"""A ticket as a readable Markdown file."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_servers.kit.inert import fenced, line
from mcp_servers.tickets.model import Ticket


def render(ticket: Ticket) -> str:
    """The whole ticket; comments are quoted, since anybody may have written them."""
    return "\n".join(_lines(ticket)) + "\n"


def _lines(ticket: Ticket) -> Iterator[str]:
    draft = ticket.draft
    yield f"# {ticket.id} {line(draft.title)}"
    yield ""
    yield f"{draft.type} · {draft.priority} · **{ticket.status}**" + (f" · case {line(draft.case, 60)}" if draft.case else "")
    yield f"Labels: {', '.join(line(label, 60) for label in draft.labels) or 'none'}"
    yield f"Opened {ticket.created_at.isoformat()}, changed {ticket.updated_at.isoformat()}"
    yield ""
    yield draft.description
    for comment in ticket.comments:
        yield ""
        yield f"## {line(comment.author, 100)}, {comment.at.isoformat()}"
        yield ""
        yield fenced(comment.body)
