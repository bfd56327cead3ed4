"""The nouns of an edit: a line with its sign, a hunk, what shall become of one file, and where a hunk stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

KEPT, REMOVED, ADDED, UNSIGNED = " ", "-", "+", "?"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a hunk. `UNSIGNED` lost the sign in front; `ended` is False before `\\ No newline at end of file`."""

    op: str
    text: str
    ended: bool = True


@dataclass(frozen=True, slots=True)
class Span:
    """Lines as a hunk header states them: the first, from 1, and how many."""

    start: int
    count: int


@dataclass(frozen=True, slots=True)
class Hunk:
    """A change of neighbouring lines. `old` and `new` are what its header claims, None without numbers; `whole` is False when the text
    around it was left open, so that its end may be missing."""

    lines: tuple[Line, ...]
    old: Span | None = None
    new: Span | None = None
    heading: str = ""
    last: bool = False
    whole: bool = True

    @property
    def before(self) -> list[Line]:
        """The lines that the file is said to hold."""
        return [line for line in self.lines if line.op != ADDED]

    @property
    def after(self) -> list[Line]:
        """The lines that the file shall hold."""
        return [line for line in self.lines if line.op != REMOVED]

    @property
    def changes(self) -> bool:
        return any(line.op in {ADDED, REMOVED} for line in self.lines)

    @property
    def removes(self) -> bool:
        return any(line.op == REMOVED for line in self.lines)

    def reversed(self) -> Hunk:
        """The hunk that takes this one back."""
        swapped = {ADDED: REMOVED, REMOVED: ADDED}
        lines = tuple(replace(line, op=swapped.get(line.op, line.op)) for line in self.lines)
        return replace(self, lines=lines, old=self.new, new=self.old)


@dataclass(frozen=True, slots=True)
class FilePatch:
    """What a diff says of one file. An empty `old` means a new file, an empty `new` a removed one; `mode` is the new mode, if told.
    `blob` is how the id of the old content begins, if told.

    `kind` is change, create, delete, rename or copy.
    """

    kind: str
    old: str
    new: str
    hunks: tuple[Hunk, ...] = ()
    mode: str = ""
    blob: str = ""


@dataclass(frozen=True)
class Text:
    """A text file taken apart: its lines without their ends, and the ends."""

    lines: tuple[str, ...]
    ends: tuple[str, ...]
    mark: str = ""

    @classmethod
    def of(cls, text: str, *, raw: bool = False) -> Text:
        """`raw` leaves a carriage return with its line."""
        mark = "\ufeff" if text.startswith("\ufeff") and not raw else ""
        pieces = text.removeprefix(mark).split("\n")
        last = pieces.pop()
        lines = [*pieces, last] if last else pieces
        ends = ["\n"] * len(pieces) + [""] * bool(last)
        if not raw:
            ends = ["\r" + end if line.endswith("\r") and end else end for line, end in zip(lines, ends, strict=True)]
            lines = [line[:-1] if end == "\r\n" else line for line, end in zip(lines, ends, strict=True)]
        return cls(tuple(lines), tuple(ends), mark)

    @cached_property
    def end(self) -> str:
        """The line end that most lines have."""
        return "\r\n" if 2 * self.ends.count("\r\n") > len([end for end in self.ends if end]) else "\n"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a hunk stands: for each of its old lines the index of the file's line, or None for one that the file does not hold.

    `same` says which of them read the same; `cost` is 0 when all do and none is missing.
    """

    at: tuple[int | None, ...]
    same: tuple[bool, ...]
    cost: float = 0.0

    @property
    def first(self) -> int:
        return min((index for index in self.at if index is not None), default=0)

    @property
    def last(self) -> int:
        return max((index for index in self.at if index is not None), default=0)


@dataclass(frozen=True, slots=True)
class Splice:
    """Lines `[start, end)` of a file give way to `added`."""

    start: int
    end: int
    added: tuple[Line, ...] = ()


def spans(lines: Sequence[Line]) -> Mapping[str, int]:
    """How many lines the old and the new side of a hunk hold."""
    return {"old": sum(line.op != ADDED for line in lines), "new": sum(line.op != REMOVED for line in lines)}
