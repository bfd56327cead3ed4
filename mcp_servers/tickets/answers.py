"""What the tickets tools say, as schemas."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict

from mcp_servers.kit.budget import BYTES_PER_TOKEN, fit
from mcp_servers.tickets.duplicates import Near
from mcp_servers.tickets.model import Comment, Ticket

_DESCRIPTION, _CONFIG, _COMMENTS = 3500, 700, 1500


class TicketCreated(TypedDict):
    id: str
    created: bool
    status: str
    title: str


class TicketChanged(TypedDict):
    id: str
    status: str
    comments: int


class TicketLine(TypedDict):
    id: str
    title: str
    type: str
    priority: str
    status: str
    labels: list[str]
    updated_at: str
    case: NotRequired[str]
    why: NotRequired[str]


class TicketLines(TypedDict):
    returned: int
    total: int
    omitted: int
    tickets: list[TicketLine]
    note: NotRequired[str]


class Said(TypedDict):
    author: str
    at: str
    body: str


class TicketWhole(TypedDict):
    id: str
    title: str
    description: str
    type: str
    priority: str
    status: str
    labels: list[str]
    created_at: str
    updated_at: str
    case: NotRequired[str]
    fingerprint: NotRequired[str]
    current_config: NotRequired[str]
    suggested_config: NotRequired[str]
    comments: list[Said]
    returned: int
    total: int
    omitted: int


def line(ticket: Ticket, why: str = "") -> TicketLine:
    draft = ticket.draft
    answer = TicketLine(
        id=ticket.id,
        title=draft.title,
        type=draft.type,
        priority=draft.priority,
        status=ticket.status,
        labels=list(draft.labels),
        updated_at=ticket.updated_at.isoformat(),
    )
    if draft.case:
        answer["case"] = draft.case
    if why:
        answer["why"] = why
    return answer


def near_line(near: Near) -> TicketLine:
    return line(near.ticket, near.reason)


def whole(ticket: Ticket) -> TicketWhole:
    """The ticket, its longest parts cut to fit an answer; of the comments the latest that fit."""
    draft = ticket.draft
    latest, omitted = fit([_said(comment) for comment in reversed(ticket.comments)], _COMMENTS)
    answer = TicketWhole(
        id=ticket.id,
        title=draft.title,
        description=_cut(draft.description, _DESCRIPTION),
        type=draft.type,
        priority=draft.priority,
        status=ticket.status,
        labels=list(draft.labels),
        created_at=ticket.created_at.isoformat(),
        updated_at=ticket.updated_at.isoformat(),
        comments=latest[::-1],
        returned=len(latest),
        total=len(ticket.comments),
        omitted=omitted,
    )
    for name in ("case", "fingerprint", "current_config", "suggested_config"):
        if value := getattr(draft, name):
            answer[name] = _cut(value, _CONFIG)
    return answer


def _said(comment: Comment) -> Said:
    return Said(author=comment.author, at=comment.at.isoformat(), body=_cut(comment.body, _CONFIG))


def _cut(text: str, tokens: int) -> str:
    data = text.encode("utf-8", "replace")
    room = tokens * BYTES_PER_TOKEN
    return text if len(data) <= room else data[:room].decode("utf-8", "ignore") + "\n… cut; the whole text is in the tracker"
