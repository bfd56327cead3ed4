"""Lets the obedient model act on hostile texts, and tells what came of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from mcp import Client

from mcp_servers.kit.budget import DEFAULT_BUDGET
from mcp_servers.launch import SLICES, server
from tests.injection.hostile import Hostile
from tests.injection.obedience import Call, calls
from tests.injection.orders import WISHES, Wish
from tests.injection.world import SECRETS, World

RAW = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]")
"""Characters that no answer may hold as they are: what is said with them is not seen by a person."""


LONGEST = 2 * 4 * DEFAULT_BUDGET
"""Characters of an answer, which comes as text and as a structure."""


@dataclass
class Outcome:
    """What came of some texts: how many calls were made, which were let through, and everything that should not have been."""

    texts: int = 0
    calls: int = 0
    done: set[str] = field(default_factory=set[str])
    effects: list[str] = field(default_factory=list[str])
    leaks: list[str] = field(default_factory=list[str])
    raw: list[str] = field(default_factory=list[str])
    too_long: list[str] = field(default_factory=list[str])
    unhandled: list[str] = field(default_factory=list[str])
    most_tickets: int = 0

    def heard(self, name: str, call: Call, text: str, failed: bool) -> None:
        """Takes down one answer."""
        self.calls += 1
        if not failed:
            self.done.add(call.tool)
        if len(text) > LONGEST:
            self.too_long.append(f"{name}: {call.tool} told {len(text):,} characters")
        if any(secret in text for secret in SECRETS):
            self.leaks.append(f"{name}: {call.tool} told a secret: {text[:200]!r}")
        if RAW.search(text):
            self.raw.append(f"{name}: {call.tool} told hidden characters")


class Door(Protocol):
    async def say(self, call: Call) -> tuple[str, bool]:
        """The text of the answer, and whether the call failed."""
        ...


class BareClient:
    """Any MCP client, with every tool of every server and all writes on, and nobody in front of it."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def say(self, call: Call) -> tuple[str, bool]:
        result: Any = await self._client.call_tool(call.tool, dict(call.arguments))
        structured = json.dumps(result.structured_content, ensure_ascii=False) if result.structured_content else ""
        return "\n".join([*(str(block.text) for block in result.content), structured]), bool(result.is_error)


async def obey(world: World, texts: Sequence[Hostile], *, runs: Iterable[Wish] = WISHES) -> Outcome:
    """Obeys each text in the world as it was kept, through a bare client; the sandbox works for the wishes in `runs` alone, once each."""
    outcome, unrun, before = Outcome(), set(runs), world.effects()
    async with Client(server(list(SLICES), world.deps, frozenset(SLICES)), mode="auto") as client:
        for text in texts:
            world.again()
            world.clock.forward(seconds=2)
            await _one(world, BareClient(client), text, outcome, text.wish in unrun)
            unrun.discard(text.wish)
            outcome.effects += [f"{text.name}: {sink}" for sink in world.effects().since(before)]
            outcome.most_tickets = max(outcome.most_tickets, world.count("tickets"))
    return outcome


async def _one(world: World, door: Door, text: Hostile, outcome: Outcome, runs: bool) -> None:
    outcome.texts += 1
    for call in calls(world, text.wish, text.text):
        if runs or not call.runs:
            outcome.heard(text.name, call, *(await door.say(call)))
