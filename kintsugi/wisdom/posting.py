"""Tickets for missing tests: one for each gap in all time, whoever closed it, and a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from kintsugi.wisdom.gaps import Gap
from kintsugi.wisdom.loose import listing, mapping, text
from kintsugi.wisdom.told import TEST_GAP, Tools

AT_ONCE = 10


def tickets(tools: Tools, found: Sequence[Gap], *, create: bool) -> dict[str, str]:
    """The tickets of the gaps by key; with `create`, also those that were opened now for the first ten gaps without one.

    Raises what the tools raise.
    """
    return asyncio.run(_tickets(tools, found, create))


async def _tickets(tools: Tools, found: Sequence[Gap], create: bool) -> dict[str, str]:
    known: dict[str, str] = {}
    opened = 0
    for gap in found:
        id = await _known(tools, gap)
        if not id and create and opened < AT_ONCE:
            id, opened = await _opened(tools, gap), opened + 1
        if id:
            known[gap.key] = id
    return known


async def _known(tools: Tools, gap: Gap) -> str:
    """The ticket that has the gap's key, alive or closed."""
    near = await tools.call("find_duplicates", title=gap.title, fingerprint=gap.key)
    for line in map(mapping, listing(near.get("tickets"))):
        id = text(line.get("id"))
        if TEST_GAP in listing(line.get("labels")) and (await tools.call("get_ticket", ticket_id=id)).get("fingerprint") == gap.key:
            return id
    return ""


async def _opened(tools: Tools, gap: Gap) -> str:
    answer = await tools.call(
        "create_ticket",
        title=gap.title,
        description=f"{gap.why}\n\nFound by `kintsugi wisdom`; it opens one ticket for a gap and no second one.",
        type="Task",
        priority=gap.priority,
        labels=[TEST_GAP, "wisdom"],
        fingerprint=gap.key,
        actor="kintsugi",
    )
    return text(answer.get("id"))
