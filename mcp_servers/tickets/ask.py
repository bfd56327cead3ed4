"""What the tickets tools are asked, and how it becomes a draft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.inert import inert, plain
from mcp_servers.kit.schema import Actor as Actor
from mcp_servers.tickets.compose import compose
from mcp_servers.tickets.model import Draft, Status

TicketId = Annotated[str, Field(description="Like KIN-12.", max_length=20)]
Case = Annotated[str, Field(max_length=60)]
Evidence = Annotated[dict[str, Any] | None, Field(description="The anomaly, unchanged; title, text and labels are made from it.")]
Diagnosis = Annotated[dict[str, Any] | None, Field(description="The case's, unchanged.")]
Title = Annotated[str, Field(description="Without evidence, or to replace the one made.", max_length=300)]
Description = Annotated[str, Field(description="Markdown; mentions and links are made inert.", max_length=20_000)]
Labels = Annotated[list[Annotated[str, Field(max_length=60)]] | None, Field(max_length=20)]
Config = Annotated[str, Field(max_length=4000)]
Fingerprint = Annotated[str, Field(description="Its coarse part.", max_length=120)]
Text = Annotated[str, Field(max_length=8000)]
Statuses = list[Status] | None
Limit = Annotated[int, Field(ge=1, le=100)]
Body = Annotated[str, Field(description="Markdown; mentions and links are made inert.", min_length=1, max_length=8000)]
Note = Annotated[str, Field(max_length=8000)]


def draft_of(
    evidence: Mapping[str, Any] | None, diagnosis: Mapping[str, Any] | None, case: str, labels: Sequence[str], **given: str
) -> Draft:
    """The draft made from the evidence, what was given by hand taking precedence; raises `Refusal` when there is neither."""
    if not evidence and not given["title"].strip():
        raise Refusal("A ticket needs the evidence of a case or a title; give one of them.", code="no_title")
    base = compose(evidence, diagnosis or {}, case) if evidence else Draft("", "", case=case)
    by_hand = {name: plain(value) if name == "title" else inert(value) for name, value in given.items() if value.strip()}
    more = tuple(plain(label, 60) for label in labels)
    return replace(base, **by_hand, labels=tuple(dict.fromkeys((*base.labels, *more))))  # pyright: ignore[reportArgumentType]
