"""The nouns of tickets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Literal

from mcp_servers.kit.errors import Refusal

TicketType = Literal["Bug", "Task", "Story", "Epic", "Spike"]
Priority = Literal["CRITICAL", "HIGH", "MEDIUM", "LOW"]
Status = Literal["open", "in_progress", "resolved", "closed"]

ALIVE = frozenset({"open", "in_progress"})
_ID = re.compile(r"KIN-([1-9]\d{0,8})")


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody said on a ticket."""

    author: str
    at: datetime
    body: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A ticket that is about to be opened; `fingerprint` says which problem it is about."""

    title: str
    description: str
    type: str = "Bug"
    priority: str = "MEDIUM"
    labels: tuple[str, ...] = ()
    current_config: str = ""
    suggested_config: str = ""
    fingerprint: str = ""
    case: str = ""

    @property
    def key(self) -> str:
        """The identity under which only one ticket may be alive: the fingerprint, else the words."""
        return self.fingerprint or "text:" + sha256(f"{self.title}\0{self.description}".encode("utf-8", "replace")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket as its tracker has it."""

    id: str
    draft: Draft
    status: str
    created_at: datetime
    updated_at: datetime
    comments: tuple[Comment, ...] = ()


def ticket_id(number: int) -> str:
    return f"KIN-{number}"


def number_of(id: str) -> int:
    """The number in an id like KIN-12; raises `Refusal` for anything else."""
    match = _ID.fullmatch(id)
    if match is None:
        raise Refusal(f"{id[:40]!r} is not a ticket id; they look like KIN-12. search_tickets finds them.", code="unknown_ticket")
    return int(match[1])
