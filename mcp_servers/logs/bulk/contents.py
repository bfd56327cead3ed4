"""Blocks of bare messages, one a line, into a digest."""

from __future__ import annotations

from mcp_servers.logs.bulk.kinds import NO_KIND, LineKinds
from mcp_servers.logs.bulk.places import text_of_line
from mcp_servers.logs.bulk.shapes import Shapes
from mcp_servers.logs.digest import Digest
from mcp_servers.logs.sources import Tally


class Contents:
    """Takes one file in blocks of whole lines and counts them in the digest: no header is split off, no lines are joined."""

    def __init__(self, digest: Digest, tally: Tally, kinds: LineKinds | None = None) -> None:
        self._digest = digest
        self._tally = tally
        self._kinds = kinds
        self._shapes = Shapes(self._new)

    def take(self, block: bytes) -> None:
        """Reads a block of whole lines, without the newline at its end."""
        if self._kinds and self._kinds.kept:
            counts = self._kinds.take(self._shapes.numbers(block))
        else:
            counts = self._shapes.counts(block)
            if self._kinds:
                self._kinds.add(counts)
        for kind, count in counts.items():
            self._tally.lines += count
            if kind == NO_KIND:
                self._tally.blank += count
            else:
                self._tally.matched += count
                self._digest.count(kind, count)

    def close(self) -> None:
        """Nothing waits: each line stands alone."""

    def _new(self, line: bytes) -> int:
        text = text_of_line(line)
        return self._digest.kind_of(text) if text.strip() else NO_KIND
