"""Placing a hunk whose kept lines changed a little since: an alignment that holds every removed line, and is clearly the best one.

Smith and Waterman's idea (1981) with one difference: a pivot line that must stand makes it linear in the file and square in the hunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcp_servers.fixes.edits.model import ADDED, REMOVED, Hunk, Line, Place
from mcp_servers.fixes.edits.nearest import likeness
from mcp_servers.fixes.edits.places import Found, Keyed, bare, exact, weight

_MOST_LINES = 160
_MOST_PIVOTS = 24
_SLACK = 4
_LIKE = 0.6
_ENOUGH = 2.0
_SHARE = 0.5
_MARGIN = 0.6
_CHANGED_SHARE = 0.5
_RIVAL = 2.5
_NEVER = 1e9


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A line of the hunk that is to be found: what it reads like, what it weighs, and whether it must be there."""

    key: str
    text: str
    weight: float
    must: bool


def drifted(readings: Sequence[Hunk], keyed: Keyed) -> Found | None:
    """The places that come near, best first, of the reading that comes nearest; None when none is good enough."""
    best: Found | None = None
    for hunk in _telling(readings, keyed):
        places = _near(hunk, keyed)
        if places and (best is None or places[0].cost < best.places[0].cost):
            best = Found(hunk, tuple(places), loose=True)
    return best


def rivals(hunk: Hunk, place: Place, keyed: Keyed) -> list[Place]:
    """Where every telling line that stands at this place stands as well, with a few lines between: what a hunk that lost lines may mean."""
    mine = result(hunk, place)
    found = [
        other
        for least in (0.5, 0.25)
        for other in _near(
            hunk,
            keyed,
            within=_RIVAL,
            musts=[same and weight(line.text) >= least for line, same in zip(hunk.before, place.same, strict=True)],
        )
    ]
    return list({result(hunk, other): other for other in found if result(hunk, other) != mine}.values())


def _telling(readings: Sequence[Hunk], keyed: Keyed) -> list[Hunk]:
    """The readings of which most lines are in the file, and of these the ones with most lines to the letter."""
    letters = keyed.under(exact)[1]
    counts = [
        (
            sum(weight(line.text) for line in hunk.before if bare(line.text) in keyed.standing),
            sum(weight(line.text) for line in hunk.before if line.text in letters),
        )
        for hunk in readings
    ]
    return [hunk for hunk, count in zip(readings, counts, strict=True) if count == max(counts)]


def _near(hunk: Hunk, keyed: Keyed, *, within: float = _MARGIN, musts: Sequence[bool] = ()) -> list[Place]:
    """The places of this reading that are about as good as the best. `musts` marks lines that have to be there, if they tell something."""
    before = hunk.before
    wanted = [_wanted(line, must) for line, must in zip(before, musts or [False] * len(before), strict=True)]
    pivot = _pivot(wanted, keyed)
    if pivot is None or len(wanted) > _MOST_LINES:
        return []
    starts = keyed.standing[wanted[pivot].key]
    if len(starts) > _MOST_PIVOTS:
        return []
    places = [place for at in starts for place in _aligned(wanted, pivot, at, keyed)]
    good = sorted((place for place in places if _is_enough(wanted, place)), key=lambda place: place.cost)
    near = [place for place in good if place.cost < good[0].cost + within]
    return sorted({result(hunk, place): place for place in near[::-1]}.values(), key=lambda place: place.cost)


def _wanted(line: Line, must: bool) -> _Wanted:
    return _Wanted(bare(line.text), line.text, weight(line.text), line.op == REMOVED or must)


def _pivot(wanted: Sequence[_Wanted], keyed: Keyed) -> int | None:
    """The line that stands least often in the file: a removed one if the hunk has any; None when a removed line is missing."""
    known = keyed.standing
    if any(one.must and one.key not in known for one in wanted):
        return None
    musts = [at for at, one in enumerate(wanted) if one.must and one.key]
    usable = musts or [at for at, one in enumerate(wanted) if one.key in known and one.weight >= 1]
    return min(usable, key=lambda at: (len(known[wanted[at].key]), -wanted[at].weight), default=None)


def _is_enough(wanted: Sequence[_Wanted], place: Place) -> bool:
    held = sum(
        one.weight * (1 if same else _CHANGED_SHARE) for one, at, same in zip(wanted, place.at, place.same, strict=True) if at is not None
    )
    return held >= _ENOUGH and held >= _SHARE * sum(one.weight for one in wanted)


def result(hunk: Hunk, place: Place) -> tuple[int | None, ...]:
    """What tells two places apart: where lines are added, and which are removed."""
    removed = (at for line, at in zip(hunk.before, place.at, strict=True) if line.op == REMOVED)
    return (*positions(hunk, place), *removed)


def _aligned(wanted: Sequence[_Wanted], pivot: int, at: int, keyed: Keyed) -> list[Place]:
    """The best alignment with line `pivot` at `at`; two when there are two that are equally good."""
    front = _one_side(wanted[:pivot][::-1], keyed.lines[:at][::-1][: _reach(pivot)])
    back = _one_side(wanted[pivot + 1 :], keyed.lines[at + 1 : at + 1 + _reach(len(wanted) - pivot - 1)])
    if front is None or back is None:
        return []
    places: list[Place] = []
    for before in front[1]:
        for after in back[1]:
            left = [(None if hit[0] is None else at - 1 - hit[0], hit[1]) for hit in before][::-1]
            right = [(None if hit[0] is None else at + 1 + hit[0], hit[1]) for hit in after]
            hits = [*left, (at, True), *right]
            places.append(Place(tuple(hit[0] for hit in hits), tuple(hit[1] for hit in hits), front[0] + back[0]))
    return places


def _reach(count: int) -> int:
    return count + _SLACK + count // 4 if count else 0


_Hits = list[tuple[int | None, bool]]


def _one_side(wanted: Sequence[_Wanted], lines: Sequence[str]) -> tuple[float, list[_Hits]] | None:
    """The least cost of aligning `wanted` with lines from the pivot outwards, and the alignments that read it from either end."""
    keys = [bare(line) for line in lines]
    slack = _reach(len(wanted)) - len(wanted)
    costs = [[0.0 if not row else _NEVER] * (len(lines) + 1) for row in range(len(wanted) + 1)]
    for column in range(1, len(lines) + 1):
        costs[0][column] = costs[0][column - 1] + _skipped(lines[column - 1])
    for row, one in enumerate(wanted, start=1):
        for column in range(max(0, row - slack), min(len(lines), row + slack) + 1):
            costs[row][column] = min(_steps(costs, row, column, one, lines, keys), default=(_NEVER, 0))[0]
    least = min(costs[-1])
    if least >= _NEVER:
        return None
    end = costs[-1].index(least)
    routes = [_route(costs, end, wanted, lines, keys, last=last) for last in (False, True)]
    return least, routes if routes[0] != routes[1] else routes[:1]


_MATCH, _CHANGED, _MISSING, _SKIP = 0, 1, 2, 3


def _steps(
    costs: Sequence[Sequence[float]], row: int, column: int, one: _Wanted, lines: Sequence[str], keys: Sequence[str]
) -> list[tuple[float, int]]:
    """The ways to come to a cell: the line stands here, stands here changed, is missing from the file, or the file holds one more."""
    steps: list[tuple[float, int]] = []
    if column:
        if keys[column - 1] == one.key:
            steps.append((costs[row - 1][column - 1], _MATCH))
        elif not one.must and one.key and likeness(one.text, lines[column - 1]) >= _LIKE:
            steps.append((costs[row - 1][column - 1] + one.weight * (1.2 - likeness(one.text, lines[column - 1])), _CHANGED))
        steps.append((costs[row][column - 1] + _skipped(lines[column - 1]), _SKIP))
    if not one.must:
        steps.append((costs[row - 1][column] + one.weight, _MISSING))
    return steps


def _skipped(line: str) -> float:
    return 0.3 if not line.strip() else 0.95


def _route(
    costs: Sequence[Sequence[float]], end: int, wanted: Sequence[_Wanted], lines: Sequence[str], keys: Sequence[str], *, last: bool
) -> _Hits:
    hits: _Hits = []
    row, column = len(wanted), end
    while row:
        steps = [step for step in _steps(costs, row, column, wanted[row - 1], lines, keys) if step[0] <= costs[row][column] + 1e-9]
        kind = (max if last else min)(step[1] for step in steps)
        if kind == _SKIP:
            column -= 1
            continue
        hits.append((None if kind == _MISSING else column - 1, kind == _MATCH))
        row, column = row - 1, column - (kind != _MISSING)
    return hits[::-1]


def positions(hunk: Hunk, place: Place) -> list[int | None]:
    """For each run of added lines the index before which it goes, None where it could go to several."""
    found: list[int | None] = []
    seen = 0
    before = hunk.before
    for at, line in enumerate(hunk.lines):
        if line.op != ADDED:
            seen += 1
        elif at == 0 or hunk.lines[at - 1].op != ADDED:
            found.append(_position(before, place.at, seen))
    return found


def _position(before: Sequence[Line], at: Sequence[int | None], seen: int) -> int | None:
    if seen and before[seen - 1].op == REMOVED:
        return (at[seen - 1] or 0) + 1
    if seen < len(before) and before[seen].op == REMOVED:
        return at[seen]
    left = next((index for index in at[:seen][::-1] if index is not None), None)
    right = next((index for index in at[seen:] if index is not None), None)
    if seen == 0:
        return right if at and at[0] is not None else None
    if seen == len(before):
        return left + 1 if left is not None and at[seen - 1] is not None else None
    return right if left is not None and right is not None and right == left + 1 else None
