"""Which kind of the digest each line went into."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from tempfile import TemporaryFile
from typing import IO

NO_KIND, NOT_ASKED = -1, -2
"""Of blank lines, and of lines that were not asked for."""

_AT_ONCE = 65_536


class LineKinds:
    """Counts lines by kind; with `keep` also notes the kind of each line in order, on disk, four bytes a line."""

    def __init__(self, *, keep: bool = False) -> None:
        self.counts: Counter[int] = Counter()
        self._file: IO[bytes] | None = TemporaryFile() if keep else None  # noqa: SIM115 - closed by `close`

    @property
    def kept(self) -> bool:
        return self._file is not None

    def take(self, kinds: Sequence[int]) -> Counter[int]:
        """The kinds of further lines, in order; gives back how often each occurs."""
        counts = Counter(kinds)
        self.counts.update(counts)
        if self._file is not None:
            array("i", kinds).tofile(self._file)
        return counts

    def add(self, counts: Mapping[int, int]) -> None:
        """So many further lines of each kind, in an order that nobody asked for."""
        self.counts.update(counts)

    def __iter__(self) -> Iterator[int]:
        if self._file is None:
            return
        self._file.seek(0)
        while portion := self._file.read(4 * _AT_ONCE):
            yield from array("i", portion)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
