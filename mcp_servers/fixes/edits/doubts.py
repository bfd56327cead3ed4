"""Doubts about a hunk that has a place: it was cut off, or lost or swapped lines beside the change, and may mean another one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mcp_servers.fixes.edits.model import ADDED, REMOVED, Hunk, Line, Place
from mcp_servers.fixes.edits.places import Keyed, bare, indent, weight
from mcp_servers.kit.errors import Refusal

_CONTEXT = 3
_BESIDE = 2
_TELLING = 0.5


def refuse_cut(hunk: Hunk, path: str, number: int) -> None:
    """Raises `Refusal` `cut_off` for a last hunk whose end is missing for sure: it ends in a change, or before any."""
    if not hunk.last:
        return
    if not hunk.changes:
        raise cut(number, path, "it changes nothing")
    if _context(hunk.lines[::-1]):
        return
    if not hunk.whole:
        raise cut(number, path, "the fence around it was never closed")
    if max(missing(hunk)) > 0:
        raise cut(number, path, _promised(hunk))


def refuse_short(hunk: Hunk, place: Place, length: int, path: str, number: int) -> None:
    """Raises `Refusal` `cut_off` for a last hunk that promises more lines than context can account for: a change may be among them.

    A missing change brings three lines of context with it, unless the end of the file is near. Fewer lines, or as many as both ends
    lack, may be context. A promise beyond the end of the file is only a wrong count.
    """
    if not hunk.last or hunk.old is None or hunk.new is None:
        return
    span = place.last - place.first + 1
    old, new = hunk.old.count - span, hunk.new.count - span - (len(hunk.after) - len(hunk.before))
    left = length - 1 - place.last
    beyond = old > left and hunk.old.start - 1 + hunk.old.count > length
    room = sum(max(0, _CONTEXT - _context(lines)) for lines in (hunk.lines, hunk.lines[::-1]))
    if max(old, new) > 0 and not beyond and (max(missing(hunk)) > max(_CONTEXT - 1, room) or old >= left):
        raise cut(number, path, _promised(hunk))


def refuse_lost(hunk: Hunk, place: Place, keyed: Keyed, path: str, number: int) -> None:
    """Raises `Refusal` `ambiguous_place` where a change may have stood elsewhere before kept lines beside them were lost or moved.

    Where lines of the hunk and the file differ, those next to a change have to stand together: one on each side of lines that take the
    place of as many others, two on each side of other added lines. A hunk that stands as a whole needs right counts, or words beside it.
    """
    if place.cost and _has_twin(hunk, place, keyed):
        raise _doubtful(number, path, place.first, "what it removes stands elsewhere too, and so does a line that is not here")
    for start, end in _runs(hunk):
        ops = [line.op for line in hunk.lines[start:end]]
        before = sum(line.op != ADDED for line in hunk.lines[:start])
        edges = before, before + ops.count(REMOVED)
        if ADDED not in ops:
            continue
        if REMOVED not in ops and missing(hunk) != (0, 0) and not _is_held(hunk, place, start, end, len(keyed.lines)):
            raise _doubtful(number, path, place.first, f"{_promised(hunk)}, and the lines beside the added ones tell too little")
        beside = 1 if ops.count(REMOVED) == ops.count(ADDED) else _BESIDE
        if place.cost and not _is_sure(hunk.before, place, edges, beside, keyed):
            raise _doubtful(number, path, place.first, "the lines around them do not stand together in the file")


def refuse_shifted(hunks: Sequence[Hunk], lines: Sequence[str], path: str) -> None:
    """Raises `Refusal` `indentation_lost` where all added lines stand one blank too far right, as behind a sign that brought a blank."""
    odd = [line for line in lines if line.strip() and _is_odd(line)]
    added = [line.text for hunk in hunks for line in hunk.lines if line.op == ADDED and line.text.strip()]
    if odd or not added or not all(map(_is_odd, added)) or any(line.op == REMOVED for hunk in hunks for line in hunk.lines):
        return
    for hunk in hunks:
        for start, end in _runs(hunk):
            beside = [line.text for line in (*hunk.lines[max(0, start - 1) : start], *hunk.lines[end : end + 1])]
            if indent(hunk.lines[start].text) - 1 in {indent(text) for text in beside if text.strip()}:
                raise Refusal(
                    f"The lines added to {path} stand one blank further right than those beside them; send them without it.",
                    code="indentation_lost",
                )


def _is_odd(line: str) -> bool:
    return line.startswith(" ") and indent(line) % 2 == 1


def missing(hunk: Hunk) -> tuple[int, int]:
    """How many old and new lines the header promises that are not there."""
    if hunk.old is None or hunk.new is None:
        return 0, 0
    return hunk.old.count - len(hunk.before), hunk.new.count - len(hunk.after)


def cut(number: int, path: str, why: str) -> Refusal:
    return Refusal(f"Hunk {number} for {path} is cut off: {why}. Send the diff whole.", code="cut_off")


def _runs(hunk: Hunk) -> Iterator[tuple[int, int]]:
    """The runs of neighbouring lines that are added or removed, as indices `[start, end)`."""
    start = 0
    for at in range(len(hunk.lines) + 1):
        if at == len(hunk.lines) or hunk.lines[at].op not in {ADDED, REMOVED}:
            if start < at:
                yield start, at
            start = at + 1


def _has_twin(hunk: Hunk, place: Place, keyed: Keyed) -> bool:
    """Whether all removed lines, and a kept line that this place lacks, stand elsewhere in the file."""
    standing = keyed.standing
    removed = [line for line in hunk.before if line.op == REMOVED]
    lacked = [line for line, same in zip(hunk.before, place.same, strict=True) if not same and weight(line.text) >= 1]
    twice = all(len(standing.get(bare(line.text), ())) > 1 for line in removed)
    return bool(removed) and twice and any(bare(line.text) in standing for line in lacked)


def _is_held(hunk: Hunk, place: Place, start: int, end: int, length: int) -> bool:
    """Whether added lines stand between two lines that tell something, or one and the edge of the file."""
    front = start and weight(hunk.lines[start - 1].text) >= _TELLING
    back = end < len(hunk.lines) and weight(hunk.lines[end].text) >= _TELLING
    return bool((front or (not start and not place.first)) and (back or (end == len(hunk.lines) and place.last == length - 1)))


def _is_sure(before: Sequence[Line], place: Place, edges: tuple[int, int], beside: int, keyed: Keyed) -> bool:
    """Whether the kept lines before and behind a change stand together, read the same or are new to the file; no blank line may have moved."""
    first, last = max(0, edges[0] - beside), min(len(before), edges[1] + beside)
    near = [at for at in range(first, last) if not edges[0] <= at < edges[1]]
    if any(not place.same[at] and bare(before[at].text) in keyed.standing for at in near):
        return False
    if any(_is_gap(place.at, at) for at in range(first + 1, last) if not edges[0] < at < edges[1]):
        return False
    if edges[0] < edges[1]:
        return True
    next_to = [at for at in (edges[0] - 1, edges[1]) if at in near]
    moved = any(not before[at].text.strip() for at in next_to) and _blanks_differ(before, place, keyed)
    return not moved and any(place.same[at] and weight(before[at].text) >= _TELLING for at in next_to)


def _is_gap(at: Sequence[int | None], index: int) -> bool:
    """Whether a line does not stand directly behind the one before it."""
    one, other = at[index - 1], at[index]
    return one is None or other is None or other != one + 1


def _blanks_differ(before: Sequence[Line], place: Place, keyed: Keyed) -> bool:
    """Whether the hunk and its place hold blank lines that the other one lacks."""
    held = {index for index in place.at if index is not None}
    lost = any(index is None and not line.text.strip() for line, index in zip(before, place.at, strict=True))
    return lost or any(not keyed.lines[index].strip() for index in range(place.first, place.last) if index not in held)


def _promised(hunk: Hunk) -> str:
    old, new = (span.count if span else 0 for span in (hunk.old, hunk.new))
    return f"its header promises {old} old and {new} new lines, {len(hunk.before)} and {len(hunk.after)} came"


def _context(lines: Sequence[Line]) -> int:
    """How many lines stand before the first that is added or removed."""
    return next((at for at, line in enumerate(lines) if line.op in {ADDED, REMOVED}), len(lines))


def _doubtful(number: int, path: str, first: int, why: str) -> Refusal:
    return Refusal(
        f"Hunk {number} comes near line {first + 1} of {path}, but whether its change goes there is not sure: {why}. "
        "Send the lines directly before and after as the file holds them.",
        code="ambiguous_place",
    )
