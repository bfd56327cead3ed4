"""Where a hunk stands in a file. A place counts only when it is the only one of its quality; numbers count only when all are right."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mcp_servers.fixes.edits.model import ADDED, REMOVED, UNSIGNED, Hunk, Line, Place, Text
from mcp_servers.fixes.edits.nearest import described, numbered
from mcp_servers.kit.errors import Refusal

_CONTEXT = 3
_MOST_PLACES = 200
_WORD = re.compile(r"\w")

Key = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Found:
    """The places of one quality, best quality first; `hunk` is the reading of the hunk that fits there."""

    hunk: Hunk
    places: tuple[Place, ...]
    loose: bool = False


def exact(line: str) -> str:
    return line


def trailing(line: str) -> str:
    return line.rstrip()


def bare(line: str) -> str:
    """A line without any white space: indentation, width and tabs do not tell lines apart."""
    return "".join(line.split())


TIERS: tuple[Key, ...] = (exact, trailing, bare)


def weight(text: str) -> float:
    """How much a line tells: 1 for words, a quarter for a bracket, an eighth for a blank."""
    letters = len(_WORD.findall(text[:200]))
    return 1.0 if letters >= 4 else 0.5 if letters >= 2 else 0.25 if text.strip() else 0.125


class Keyed:
    """The lines of one file under every key, each made once."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self._made: dict[Key, tuple[list[str], frozenset[str]]] = {}

    @cached_property
    def standing(self) -> Mapping[str, list[int]]:
        """Where each line stands, white space apart."""
        where: dict[str, list[int]] = {}
        for at, key in enumerate(self.under(bare)[0]):
            where.setdefault(key, []).append(at)
        return where

    def under(self, key: Key) -> tuple[list[str], frozenset[str]]:
        if key not in self._made:
            keys = [key(line) for line in self.lines]
            self._made[key] = keys, frozenset(keys)
        return self._made[key]


def contiguous(keyed: Keyed, wanted: Sequence[str], key: Key) -> list[int]:
    """Every index at which `wanted` stands in the lines, compared by `key`. Linear (Knuth, Morris, Pratt 1977)."""
    lines, known = keyed.under(key)
    pattern = [key(line) for line in wanted]
    if not wanted or len(wanted) > len(lines) or not known.issuperset(pattern):
        return []
    back = [0] * len(pattern)
    length = 0
    for at in range(1, len(pattern)):
        while length and pattern[at] != pattern[length]:
            length = back[length - 1]
        length += pattern[at] == pattern[length]
        back[at] = length
    found: list[int] = []
    length = 0
    for at, told in enumerate(lines):
        while length and (length == len(pattern) or told != pattern[length]):
            length = back[length - 1]
        length += told == pattern[length]
        if length == len(pattern):
            found.append(at - length + 1)
            if len(found) == _MOST_PLACES:
                break
    return found


def stated(hunks: Sequence[Hunk], text: Text) -> list[Place] | None:
    """The places that the headers state, when every header is right in every respect and enough lines vouch for them; else None.

    `text` holds carriage returns as part of its lines, so that a diff of line ends is one.
    """
    shift = 0
    places: list[Place] = []
    reached = 0
    for hunk in hunks:
        start = _start(hunk, shift)
        if start is None or start < reached or not _vouched(hunk, start, text):
            return None
        count = len(hunk.before)
        places.append(Place(tuple(range(start, start + count)), (True,) * count))
        shift += len(hunk.after) - count
        reached = start + count
    return places


def _start(hunk: Hunk, shift: int) -> int | None:
    """The index that a header states, or None when its counts or its new side are wrong."""
    if hunk.old is None or hunk.new is None or any(line.op == UNSIGNED for line in hunk.lines):
        return None
    before, after = len(hunk.before), len(hunk.after)
    if (hunk.old.count, hunk.new.count) != (before, after):
        return None
    start = hunk.old.start - (1 if before else 0)
    return start if start >= 0 and hunk.new.start - (1 if after else 0) == start + shift else None


def _vouched(hunk: Hunk, start: int, text: Text) -> bool:
    before = hunk.before
    end = start + len(before)
    if end > len(text.lines) or any(
        line.text != text.lines[start + at] or line.ended != bool(text.ends[start + at]) for at, line in enumerate(before)
    ):
        return False
    if not text.lines:
        return True
    if not before:
        return False
    front, back = _edges(hunk)
    whole = front >= min(_CONTEXT, start) and back >= min(_CONTEXT, len(text.lines) - end)
    return whole or len(contiguous(Keyed(text.lines), [line.text for line in before], exact)) == 1


def _edges(hunk: Hunk) -> tuple[int, int]:
    """How many kept lines stand before the first change and behind the last one."""
    ops = [line.op for line in hunk.lines]
    changed = [at for at, op in enumerate(ops) if op in {ADDED, REMOVED}]
    return (changed[0], len(ops) - 1 - changed[-1]) if changed else (0, 0)


def whole(readings: Sequence[Hunk], keyed: Keyed) -> Found | None:
    """The places where all old lines of a reading stand together, of the best quality that has any."""
    for key in TIERS:
        for hunk in readings if key is exact else _by_letters(readings, keyed):
            before = hunk.before
            if key is bare and not tells_enough(before):
                continue
            starts = contiguous(keyed, [line.text for line in before], key)
            if starts:
                count = len(before)
                places = tuple(Place(tuple(range(start, start + count)), (True,) * count) for start in starts)
                return Found(hunk, places, loose=key is not exact)
    return None


def _by_letters(readings: Sequence[Hunk], keyed: Keyed) -> list[Hunk]:
    """The readings with most lines to the letter first."""
    letters = keyed.under(exact)[1]
    return sorted(readings, key=lambda hunk: -sum(weight(line.text) for line in hunk.before if line.text in letters))


def tells_enough(lines: Sequence[Line]) -> bool:
    """Whether these lines are enough to know a place again that does not read exactly the same."""
    return sum(weight(line.text) for line in lines) >= 1


def under(heading: str, lines: Sequence[str], places: Sequence[Place]) -> list[Place]:
    """The places that stand in the block that the line `heading` opens; none when several lines read like it."""
    wanted = bare(heading)
    if not wanted or sum(bare(line).startswith(wanted) for line in lines) > 1:
        return []
    kept: list[Place] = []
    for place in places:
        opener = _opener(lines, place.first, wanted)
        if opener is not None and _opens(lines, opener) and not _left(lines, opener, place.first):
            kept.append(place)
    return kept


def _opener(lines: Sequence[str], before: int, wanted: str) -> int | None:
    return next((at for at in range(before, -1, -1) if bare(lines[at]).startswith(wanted)), None) if lines else None


def _opens(lines: Sequence[str], opener: int) -> bool:
    """Whether the next line stands deeper."""
    following = next((line for line in lines[opener + 1 :] if line.strip()), "")
    return indent(following) > indent(lines[opener])


def _left(lines: Sequence[str], opener: int, at: int) -> bool:
    """Whether the block of `opener` ended before line `at`: a line as far left as its opener stands between."""
    depth = indent(lines[opener])
    between = lines[opener + 1 : at]
    return any(line.strip() and indent(line) <= depth and line.strip()[0] not in ")]}{" for line in between)


def indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def one_of(found: Found, hunk: Hunk, lines: Sequence[str], path: str, number: int) -> Place:
    """The only place; raises `Refusal` `ambiguous_place` with the candidates when several are as good."""
    places = list(found.places)
    if len(places) > 1 and not any(place.cost for place in places):
        places = under(hunk.heading, lines, places) or places
    if len(places) == 1:
        return places[0]
    raise Refusal(
        f"Hunk {number} fits {len(places)} places in {path} equally well: {numbered(lines, places)}\n"
        "Give more lines around it, so that only one is left.",
        code="ambiguous_place",
    )


def no_place(hunk: Hunk, lines: Sequence[str], path: str, number: int) -> Refusal:
    return Refusal(f"Hunk {number} fits no place in {path}. {described(hunk, lines)}", code="no_such_place")
