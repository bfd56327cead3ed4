"""Giving added lines the indentation of the place: learned from the lines that the hunk shares with the file, or refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction

from mcp_servers.fixes.edits.model import ADDED, REMOVED, Hunk, Line, Place
from mcp_servers.kit.errors import Refusal

Indent = Callable[[str], str]

_BLANKS = re.compile(r"^[ \t]*")
_RATIOS = {Fraction(1), *(Fraction(n) for n in (2, 3, 4, 8)), *(Fraction(1, n) for n in (2, 3, 4, 8))}
_WIDTHS = (2, 3, 4, 8)
_OPENS = re.compile(r"[:{(\[]\s*(?:(?:#|//).*)?$|\b(?:then|do)\s*$")
_CLOSES = re.compile(r"^[)\]}]|^(?:end|fi|done|else|elif|except|finally|case|default)\b")


def blanks(line: str) -> str:
    found = _BLANKS.match(line)
    return found[0] if found else ""


def indented(hunk: Hunk, place: Place, lines: Sequence[str]) -> list[Line]:
    """The hunk's added lines as they shall stand in the file; raises `Refusal` `indentation_lost` when that cannot be known."""
    added = [line for line in hunk.lines if line.op == ADDED]
    pairs = _pairs(hunk, place, lines)
    if all(mine == theirs for mine, theirs in pairs):
        return added
    if paired := _as_removed(hunk, place, lines):
        return paired
    indent = _model(pairs)
    if indent is None or _is_flat(pairs, added):
        raise _lost()
    return [_moved(line, indent) for line in added]


def _pairs(hunk: Hunk, place: Place, lines: Sequence[str]) -> list[tuple[str, str]]:
    """Each indentation of the hunk with that of its line in the file; only of the lines next to a change where those are the file's own."""
    told: list[tuple[bool, tuple[str, str]]] = []
    standing = iter(zip(place.at, place.same, strict=True))
    for number, line in enumerate(hunk.lines):
        if line.op == ADDED:
            continue
        at, same = next(standing)
        if same and at is not None and line.text.strip():
            told.append((_is_near(hunk, number), (blanks(line.text), blanks(lines[at]))))
    near = list(dict.fromkeys(pair for close, pair in told if close))
    moved = {mine for _, (mine, theirs) in told if mine != theirs}
    if (
        near
        and all(mine == theirs for mine, theirs in near)
        and not any(blanks(line.text) in moved for line in hunk.lines if line.op == ADDED)
    ):
        return near
    return list(dict.fromkeys(pair for _, pair in told))


def _is_near(hunk: Hunk, number: int) -> bool:
    """Whether a line is removed, or stands next to one that is added or removed."""
    return any(line.op in {ADDED, REMOVED} for line in hunk.lines[max(0, number - 1) : number + 2])


def _as_removed(hunk: Hunk, place: Place, lines: Sequence[str]) -> list[Line]:
    """Added lines that each take the place of one removed line, indented as that one; empty when they do not pair, or keep a depth."""
    removed = [at for line, at in zip(hunk.before, place.at, strict=True) if line.op == REMOVED and at is not None]
    gone = [line for line in hunk.lines if line.op == REMOVED]
    added = [line for line in hunk.lines if line.op == ADDED]
    shape = "".join(line.op for line in hunk.lines)
    runs = re.findall(r"-*\+*", shape)
    if not added or any(run.count("-") != run.count("+") for run in runs):
        return []
    if any(blanks(old.text) != blanks(new.text) for old, new in zip(gone, added, strict=True) if old.text.strip() and new.text.strip()):
        return []
    return [_moved(line, lambda _, at=at: blanks(lines[at])) for line, at in zip(added, removed, strict=True)]


def _is_flat(pairs: Sequence[tuple[str, str]], added: Sequence[Line]) -> bool:
    """Whether all indentation was lost and the added lines need some among themselves."""
    if any(mine for mine, _ in pairs):
        return False
    if any(blanks(line.text) for line in added):
        return all(blanks(line.text) for line in added if line.text.strip())
    texts = [line.text.strip() for line in added]
    return any(_OPENS.search(text) or _CLOSES.search(text) for text in texts)


def _model(pairs: Sequence[tuple[str, str]]) -> Indent | None:
    """The one rule that turns every indentation of the hunk into the file's: another width, another character, a common shift."""
    if widened := _expanded(pairs):
        return widened
    mine, theirs = ({char for pair in pairs for char in pair[side]} for side in (0, 1))
    if len(mine) > 1 or len(theirs) > 1:
        return _table(pairs)
    char = next(iter(theirs), "") or next(iter(mine), " ")
    widths = sorted({(len(one), len(other)) for one, other in pairs})
    ratio = _ratio(widths, same=mine == theirs or not mine or not theirs)
    if ratio is None:
        return _table(pairs)
    shift = widths[0][1] - ratio * widths[0][0]
    if (ratio != 1 and shift) or any(ratio * one + shift != other for one, other in widths):
        return _table(pairs)
    return _linear(ratio, int(shift), char, tabs_from_spaces=char == "\t" and mine == {" "})


def _expanded(pairs: Sequence[tuple[str, str]]) -> Indent | None:
    """Tabs of one width for blanks, or blanks for tabs, where that explains every line; None when no width or several do."""
    to_blanks = [width for width in _WIDTHS if all(mine.expandtabs(width) == theirs for mine, theirs in pairs)]
    to_tabs = [width for width in _WIDTHS if all(_tabbed(mine, width) == theirs for mine, theirs in pairs)]
    if len(to_blanks) + len(to_tabs) != 1:
        return None
    width = (to_blanks + to_tabs)[0]
    return (lambda blank: blank.expandtabs(width)) if to_blanks else (lambda blank: _tabbed(blank, width))


def _tabbed(blank: str, width: int) -> str:
    tabs, rest = divmod(len(blank.expandtabs(width)), width)
    return "\t" * tabs + " " * rest


def _ratio(widths: Sequence[tuple[int, int]], *, same: bool) -> Fraction | None:
    (low, at_low), (high, at_high) = widths[0], widths[-1]
    if high == low:
        if at_high != at_low:
            return None
        ratio = Fraction(1) if same else Fraction(at_low, low) if low and at_low else None
    else:
        ratio = Fraction(at_high - at_low, high - low)
    return ratio if ratio in _RATIOS else None


def _linear(ratio: Fraction, shift: int, char: str, *, tabs_from_spaces: bool) -> Indent:
    def indent(blank: str) -> str:
        width = ratio * len(blank) + shift
        if width < 0 or (width.denominator != 1 and not tabs_from_spaces):
            raise _lost()
        rest = int((width - int(width)) / ratio) if tabs_from_spaces else 0
        return char * int(width) + " " * rest

    return indent


def _table(pairs: Sequence[tuple[str, str]]) -> Indent | None:
    """Where no rule fits: the indentations that were seen, each with one answer."""
    known = dict(pairs)
    if len(known) != len(set(pairs)):
        return None

    def indent(blank: str) -> str:
        if blank not in known:
            raise _lost()
        return known[blank]

    return indent


def _moved(line: Line, indent: Indent) -> Line:
    blank = blanks(line.text)
    text = line.text[len(blank) :]
    return Line(line.op, indent(blank) + text if text else line.text, line.ended)


def _lost() -> Refusal:
    return Refusal(
        "The indentation of the added lines cannot be told from the lines around them; send the hunk with the file's own indentation.",
        code="indentation_lost",
    )
