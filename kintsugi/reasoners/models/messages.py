"""What goes to a model and what comes back, in the shape of the Messages API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer: read fresh, written to the cache, read from the cache, answered."""

    fresh: int = 0
    written: int = 0
    cached: int = 0
    output: int = 0

    @property
    def total(self) -> int:
        return self.fresh + self.written + self.cached + self.output

    @classmethod
    def of(cls, usage: Mapping[str, Any]) -> Usage:
        """From the field names of the API; a missing one is 0."""
        names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
        return cls(*(int(usage.get(name) or 0) for name in names))


@dataclass(frozen=True, slots=True)
class Prompt:
    """What stays the same in a conversation. `digest` names it: the same question to the same role is the same conversation."""

    role: str
    system: str
    tools: Sequence[Json]
    question: str
    digest: str


@dataclass(frozen=True, slots=True)
class Message:
    """A model's answer: content blocks as they came, what it cost, and the id under which it was charged."""

    id: str
    content: Sequence[Json]
    usage: Usage = field(default_factory=Usage)

    @property
    def uses(self) -> list[Json]:
        """The tools that it wants, in order."""
        return [block for block in self.content if block.get("type") == "tool_use"]


class TooLong(Exception):
    """The conversation does not fit into the model's context."""


class Model(Protocol):
    """Somebody who answers messages."""

    name: str

    async def answer(self, prompt: Prompt, messages: Sequence[Json], most: int) -> Message:
        """The next message, of at most `most` tokens. Raises `TooLong`, `Unavailable` after retries, `Misconfigured` where the operator must act."""
        ...
