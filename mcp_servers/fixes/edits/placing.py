"""One file's hunks on its text: as stated when every number is right, else each at the only place that fits, else refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mcp_servers.fixes.edits import weave
from mcp_servers.fixes.edits.doubts import cut, missing, refuse_cut, refuse_lost, refuse_shifted, refuse_short
from mcp_servers.fixes.edits.drift import drifted, rivals
from mcp_servers.fixes.edits.model import ADDED, KEPT, REMOVED, UNSIGNED, Hunk, Place, Splice, Text
from mcp_servers.fixes.edits.places import Found, Keyed, bare, contiguous, exact, no_place, one_of, stated, tells_enough, weight, whole
from mcp_servers.fixes.edits.readings import leaves_out, mends, parted, readings, shows_damage
from mcp_servers.kit.errors import Refusal


@dataclass(frozen=True, slots=True)
class _Fit:
    """What one hunk does to the file's lines; `there`: nothing, for it is done already."""

    splices: tuple[Splice, ...] = ()
    there: bool = False


def patched(path: str, content: str, hunks: Sequence[Hunk], *, moved: bool = False) -> str:
    """The content after the hunks. `moved`: they were made for another version of the file, so that numbers tell no place. Raises `Refusal`: cut_off, ambiguous_place, no_such_place, already_applied, hunks_overlap,
    indentation_lost, elided, does_not_parse."""
    exactly = Text.of(content, raw=True)
    refuse_shifted(hunks, exactly.lines, path)
    places = stated(hunks, exactly)
    if moved and any(len(contiguous(Keyed(exactly.lines), [line.text for line in hunk.before], exact)) > 1 for hunk in hunks):
        places = None
    if places is not None:
        result = weave.raw(exactly, hunks, places)
        return _mended(path, content, hunks, result) or result
    result = _fitted(path, content, hunks)
    if weave.breaks(path, content, result):
        better = _mended(path, content, hunks, result)
        if better is None:
            raise Refusal(f"{path} could not be parsed after this change, which was not exact to begin with.", code="does_not_parse")
        return better
    return result


def _mended(path: str, content: str, hunks: Sequence[Hunk], result: str) -> str | None:
    """Where a result cannot be parsed any more: the one of the same hunks without typographic or escaped characters, if that can."""
    if not weave.breaks(path, content, result):
        return None
    for mend in mends():
        cleaned = [replace(hunk, lines=tuple(replace(line, text=mend(line.text)) for line in hunk.lines)) for hunk in hunks]
        try:
            better = _fitted(path, content, cleaned)
        except Refusal:
            continue
        if better != result and not weave.breaks(path, content, better):
            return better
    return None


def _fitted(path: str, content: str, hunks: Sequence[Hunk]) -> str:
    text = Text.of(content)
    keyed = Keyed(text.lines)
    hunks = [_without_returns(hunk) for hunk in hunks]
    for number, hunk in enumerate(hunks, start=1):
        refuse_cut(hunk, path, number)
    fits = [fit for number, alike in enumerate(_grouped(hunks), start=1) for fit in _fits(alike, number, keyed, path)]
    if fits and all(fit.there for fit in fits):
        raise Refusal(f"{path} already holds this change.", code="already_applied")
    told = any(not line.ended for hunk in hunks for line in hunk.lines)
    return weave.woven(text, [splice for fit in fits for splice in fit.splices], told=told)


def _without_returns(hunk: Hunk) -> Hunk:
    return replace(hunk, lines=tuple(replace(line, text=line.text.removesuffix("\r")) for line in hunk.lines))


def _grouped(hunks: Sequence[Hunk]) -> list[list[Hunk]]:
    """Hunks that say the same, together: written twice, they are one, or one for each of as many places."""
    groups: dict[tuple[object, ...], list[Hunk]] = {}
    for hunk in hunks:
        if hunk.changes:
            groups.setdefault(hunk.lines, []).append(hunk)
    return list(groups.values())


def _fits(alike: Sequence[Hunk], number: int, keyed: Keyed, path: str) -> list[_Fit]:
    hunk = alike[-1]
    if leaves_out(hunk.lines):
        raise Refusal(f"Hunk {number} for {path} leaves out added lines (`...`); write them out.", code="elided")
    found = whole([hunk], keyed) if len({one.old for one in alike}) > 1 else None
    if found and _as_far_apart(alike, found.places):
        return [_Fit(tuple(weave.splices(hunk, place, keyed.lines, loose=found.loose))) for place in found.places]
    whole_fit = _placed(hunk, number, keyed, path, sure=True)
    if whole_fit is not None:
        return [whole_fit]
    parts = parted(hunk)
    if len(parts) == 1:
        return [_near(hunk, number, keyed, path)]
    opened = [replace(part, heading=part.heading or _opener(parts[:at])) for at, part in enumerate(parts)]
    return [_placed(part, number, keyed, path) or _near(part, number, keyed, path) for part in opened if part.changes]


def _as_far_apart(alike: Sequence[Hunk], places: Sequence[Place]) -> bool:
    """Whether hunks that say the same have one place each: as many, and at the distances that their headers state."""
    stated = sorted({one.old.start for one in alike if one.old})
    standing = [place.first for place in places]
    return [at - stated[0] for at in stated] == [at - standing[0] for at in standing]


def _opener(parts: Sequence[Hunk]) -> str:
    """The line of the part before `...` under which the next part stands."""
    lines = [line.text for part in parts for line in part.before if weight(line.text) >= 1]
    return min(lines, key=lambda text: len(text) - len(text.lstrip()), default="")


def _readings(hunk: Hunk, keyed: Keyed) -> list[Hunk]:
    known: Callable[[str], bool] = lambda text: bare(text) in keyed.standing  # noqa: E731
    return readings(hunk, known)


def _placed(hunk: Hunk, number: int, keyed: Keyed, path: str, *, sure: bool = False) -> _Fit | None:
    """The fit where all its lines stand together; None when they do so nowhere."""
    read = _readings(hunk, keyed)
    found = whole(read, keyed) if any(one.before for one in read) else None
    there = whole([one.reversed() for one in read if _has_anchor(one)], keyed)
    if found is None:
        return _Fit(there=True) if there is not None and _is_done(hunk, there) and not _near_old(read, keyed) else None
    if (
        there is not None
        and not hunk.removes
        and any(abs(a.first - b.first) <= len(hunk.lines) for a in found.places for b in there.places)
    ):
        return _Fit(there=True)
    place = one_of(found, hunk, keyed.lines, path, number)
    if there is not None and not there.loose and _tells(there.hunk) and hunk.heading == "":
        raise _twin(number, path, place.first, there.places[0].first)
    return _settled(hunk, found, place, number, keyed, path)


def _settled(hunk: Hunk, found: Found, place: Place, number: int, keyed: Keyed, path: str) -> _Fit:
    """The fit at a place, after the last doubts: a hunk that lost a line and means another place, or that was cut off."""
    others = rivals(found.hunk, place, keyed)
    if others and not (hunk.old and missing(hunk) == (0, 0) and hunk.old.start - 1 == place.first):
        one_of(Found(hunk, (place, *others)), hunk, keyed.lines, path, number)
    refuse_short(found.hunk, place, len(keyed.lines), path, number)
    refuse_lost(found.hunk, place, keyed, path, number)
    if shows_damage(found.hunk, keyed.lines, path):
        raise Refusal(
            f"Hunk {number} adds escaped or typographic characters, which {path} holds nowhere, and is not exact otherwise; send it plain.",
            code="maybe_escaped",
        )
    return _Fit(tuple(weave.splices(found.hunk, place, keyed.lines, loose=found.loose or found.hunk != hunk)))


def _near(hunk: Hunk, number: int, keyed: Keyed, path: str) -> _Fit:
    """The fit where its kept lines have drifted; raises `Refusal` when no place, or more than one, comes near."""
    read = [one for one in _readings(hunk, keyed)]
    found = drifted(read, keyed)
    done = drifted([one.reversed() for one in read if any(line.op == ADDED for line in one.lines)], keyed)
    if done is not None and (found is None or done.places[0].cost <= found.places[0].cost + 1):
        return _Fit(there=True)
    if found is None:
        raise no_place(hunk, keyed.lines, path, number)
    place = one_of(found, hunk, keyed.lines, path, number)
    return _settled(hunk, found, place, number, keyed, path)


def _near_old(read: Sequence[Hunk], keyed: Keyed) -> bool:
    removing = [one for one in read if one.removes]
    return bool(removing) and drifted(removing, keyed) is not None


def _has_anchor(hunk: Hunk) -> bool:
    return any(line.op == KEPT for line in hunk.lines) or any(line.op == ADDED for line in hunk.lines)


def _is_done(hunk: Hunk, there: Found) -> bool:
    """Whether the new lines, in one place and with enough around them, show that the change was made before."""
    return len(there.places) == 1 and tells_enough(there.hunk.before)


def _tells(hunk: Hunk) -> bool:
    return sum(weight(line.text) for line in hunk.lines if line.op == KEPT) >= 2


def _twin(number: int, path: str, old: int, new: int) -> Refusal:
    return Refusal(
        f"Hunk {number} fits line {old + 1} of {path}, and its result stands at line {new + 1} already; which one is meant is not clear. "
        "Give more lines around it.",
        code="ambiguous_place",
    )


def created(path: str, hunks: Sequence[Hunk]) -> str:
    """The content of a new file; raises `Refusal` when a hunk takes lines from it, or is cut off."""
    lines = [line for hunk in hunks for line in hunk.lines]
    while lines and lines[-1].op in {UNSIGNED, KEPT}:
        lines.pop()
    if any(line.op == REMOVED or (line.op != ADDED and line.text.strip()) for line in lines):
        raise Refusal(f"{path} does not exist at the base commit, and its diff changes lines of it.", code="no_such_file")
    for number, hunk in enumerate(hunks, start=1):
        added = sum(line.op == ADDED for line in hunk.lines)
        if hunk.new is not None and hunk.new.count > added and hunk.last:
            raise cut(number, path, f"its header promises {hunk.new.count} lines, {added} came")
    return "".join(line.text + ("\n" if line.ended else "") for line in lines if line.op == ADDED)


def is_exact(hunks: Sequence[Hunk], content: str) -> bool:
    """Whether the hunks remove the content as a whole, white space at the ends of lines apart."""
    removed = [line.text.rstrip() for hunk in hunks for line in hunk.lines if line.op == REMOVED]
    return removed == [line.rstrip() for line in Text.of(content).lines]
