"""Which file of the repository a stranger's path means: reports and traces name files as the machine that wrote them saw them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath


class Paths:
    """The files of one commit, found by the end of their path."""

    def __init__(self, files: Iterable[str]) -> None:
        self.files = frozenset(files)
        self._named: dict[str, list[str]] = {}
        for file in sorted(self.files):
            self._named.setdefault(PurePosixPath(file).name, []).append(file)

    def of(self, told: str) -> str:
        """The file whose path ends as the one told, or the other way round; empty when none does or several do as well."""
        path = told.strip().replace("\\", "/").removeprefix("file://").removeprefix("./")
        if path in self.files:
            return path
        parts = path.split("/")
        fits = sorted(((_shared(parts, one.split("/")), one) for one in self._named.get(parts[-1], ())), reverse=True)
        whole = [(shared, one) for shared, one in fits if shared in {len(parts), len(one.split("/"))}]
        if not whole or (len(whole) > 1 and whole[0][0] == whole[1][0]):
            return ""
        return whole[0][1]

    def __contains__(self, path: str) -> bool:
        return path in self.files


def _shared(first: list[str], second: list[str]) -> int:
    """How many parts two paths have in common at their ends."""
    same = 0
    for one, other in zip(reversed(first), reversed(second), strict=False):
        if one != other:
            break
        same += 1
    return same
