"""Sources of any size into a digest: in blocks where a source gives them, record by record where it does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from mcp_servers.logs.columns import Columns
from mcp_servers.logs.digest import Digest
from mcp_servers.logs.model import Query
from mcp_servers.logs.reading import Reader
from mcp_servers.logs.sources import LogSource, Tally
from mcp_servers.logs.sources.blocks import blocks
from mcp_servers.logs.sources.files import MAX_LINE, Part


@runtime_checkable
class InParts(Protocol):
    """A source that can be read in blocks."""

    def each_part(self, query: Query, tally: Tally, take: Callable[[Part], None]) -> None: ...


def digested(reader: Reader, names: Sequence[str] | None, query: Query) -> tuple[Digest, Tally]:
    """The digest of what a query asks for, and where every line went; raises as `Reader.scan`."""
    digest, tally = Digest(), Tally()

    def use(source: LogSource) -> None:
        if query.text or not isinstance(source, InParts):
            for record in source.scan(query, tally):
                digest.add(record)
        else:
            source.each_part(query, tally, lambda part: mine(part, digest, query, tally))

    reader.visit(names, tally, use)
    return digest, tally


def mine(part: Part, digest: Digest, query: Query, tally: Tally) -> None:
    """One file into the digest."""
    columns, cut = Columns(digest, part.parser, part.modified, query, tally), [0]
    try:
        for block in blocks(part.stream, part.encoding, cut):
            columns.take(block)
    finally:
        columns.close()
    note_cut(part.origin, cut[0], tally)


def note_cut(origin: str, long_lines: int, tally: Tally) -> None:
    if long_lines:
        tally.notes.append(f"{origin}: {long_lines} line(s) longer than {MAX_LINE} bytes were cut to that length.")
