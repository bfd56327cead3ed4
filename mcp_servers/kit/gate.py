"""The gate: every write passes here first, and is recorded here afterwards. The cases slice implements it; `launch` wires it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection

from mcp_servers.kit.stack import Failure


@dataclass(frozen=True, slots=True)
class Write:
    """One write that a tool is about to make. `case` is empty for writes that belong to no case."""

    tool: str
    actor: str
    case: str = ""


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's decision over one digest. `proof` is the strength of the channel (1 weak … 3 two people)."""

    digest: str
    person: str
    channel: str
    proof: int
    expires: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What a recipe may do unasked by its record (observe, suggest or propose), and what production told of the cases where it failed:
    its fix was refuted by the sandbox, rejected by a person, or taken back."""

    level: str = "propose"
    failed: tuple[Mapping[str, Any], ...] = ()


class Gate(Protocol):
    """What a slice may ask of the ledger without knowing it."""

    def admit(self, write: Write) -> None:
        """Returns when the write may happen now; raises `Refusal` when healing is paused or the case's budget is used up."""
        ...

    def record(self, write: Write, event: str, data: Mapping[str, Any], connection: Connection | None = None) -> None:
        """Appends one event to the case (inside the caller's transaction when a connection is given). Repeating it adds nothing."""
        ...

    def spend(self, digest: str, write: Write, connection: Connection) -> Approval:
        """Takes the valid approval of exactly this digest, once, inside the caller's transaction; raises `Refusal` otherwise."""
        ...

    def evidence(self, case: str) -> Mapping[str, Any]:
        """What production told of this case, as it came: hostile text. Raises `Refusal` for an unknown case."""
        ...

    def suspect(self, case: str) -> str:
        """The commit that the diagnosis blames; empty when it blames none. Raises `Refusal` for an unknown case."""
        ...

    def unsettled(self, ticket: str) -> str:
        """A case that was given this ticket and is neither verified nor closed; empty when there is none."""
        ...

    def failure(self, case: str) -> Failure:
        """How production failed in this case; raises `Refusal` for an unknown case."""
        ...

    def standing(self, recipe: str, apart_from: str = "") -> Standing:
        """The standing of a recipe by its name; failures in the case `apart_from` do not count."""
        ...
