"""Long readings in a thread, which tell how much they have read and end soon after nobody waits for them any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from mcp_servers.kit import work

if TYPE_CHECKING:
    from mcp_servers.logs.bulk.portions import Advance

Value = TypeVar("Value")
_MIB = 1024 * 1024


async def stoppable(read: Callable[[Advance], Value]) -> Value:
    """What `read` returns; when the caller is cancelled, the reading ends the next time it tells how much it has read."""
    seen = 0

    def advance(count: int) -> None:
        nonlocal seen
        seen += count
        work.tell(f"{seen / _MIB:.0f} MiB read")

    return await work.stoppable(lambda: read(advance))
