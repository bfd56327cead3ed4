"""One file, or a stretch of it, into a digest."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

from mcp_servers.logs.bulk.columns import Columns
from mcp_servers.logs.bulk.contents import Contents
from mcp_servers.logs.bulk.kinds import LineKinds
from mcp_servers.logs.digest import Digest
from mcp_servers.logs.model import Query
from mcp_servers.logs.sources import Tally
from mcp_servers.logs.sources.blocks import blocks
from mcp_servers.logs.sources.files import MAX_LINE, Part

Advance = Callable[[int], None]
"""Told how many bytes of text were read since the last call."""


def unseen(_: int) -> None:
    """Tells nobody."""


@dataclass(slots=True)
class Target:
    """What reading adds to. `content`: each line is a message without a header; `kinds`: the kind of each line is asked for."""

    digest: Digest
    tally: Tally
    query: Query = field(default_factory=Query)
    content: bool = False
    kinds: LineKinds | None = None


def read(part: Part, target: Target, advance: Advance, length: int = -1) -> None:
    """Reads so many bytes of the part (all when negative); what was read of a part that breaks off is counted."""
    cut = [0]
    columns = Contents(target.digest, target.tally, target.kinds) if target.content else Columns(
        target.digest, part.parser, part.modified, target.query, target.tally, target.kinds
    )  # fmt: skip
    try:
        with closing(columns):
            for block in blocks(part.stream, part.encoding, cut, length):
                columns.take(block)
                advance(len(block) + 1)
    finally:
        if cut[0]:
            target.tally.notes.append(f"{part.origin}: {cut[0]} line(s) longer than {MAX_LINE} bytes were cut to that length.")
