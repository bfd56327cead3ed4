"""What a refusal shows of a file: the places that come nearest, with their line numbers, and what differs there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from mcp_servers.fixes.edits.model import Hunk, Line, Place

_SHOWN = 3
_WIDTH = 160
_LOOKED_AT = 20_000


def numbered(lines: Sequence[str], places: Sequence[Place], most: int = 5) -> str:
    """Candidates, each as its line number and its first line that says something."""
    shown = [_told(lines, place.first) for place in sorted(places, key=lambda place: place.first)[:most]]
    more = f"\n  … and {len(places) - most} more" if len(places) > most else ""
    return "".join(f"\n  {line}" for line in shown) + more


def described(hunk: Hunk, lines: Sequence[str]) -> str:
    """The nearest place and the first line that differs there, or the lines most like the one that tells most."""
    wanted = [line for line in hunk.before if line.text.strip()]
    if not lines:
        return "The file is empty."
    if not wanted:
        return "It holds no line that the file could be searched for; give lines around the change."
    start = _best_start([line.text for line in wanted], lines)
    if start is not None:
        differing = _differing(wanted, lines, start)
        if differing:
            return differing
    telling = max(wanted, key=lambda line: len(set(line.text)))
    close = sorted(range(min(len(lines), _LOOKED_AT)), key=lambda at: -likeness(telling.text, lines[at]))[:_SHOWN]
    shown = "".join(f"\n  {_told(lines, at)}" for at in sorted(close) if likeness(telling.text, lines[at]) > 0)
    return f"Nearest:{shown}" if shown else "Nothing in the file comes near."


def likeness(one: str, other: str) -> float:
    """From 0 to 1: how many pairs of neighbouring characters two lines share (Dice), white space apart. Linear."""
    first, second = _pairs(one), _pairs(other)
    total = sum(first.values()) + sum(second.values())
    if not total:
        return 1.0 if one.split() == other.split() else 0.0
    return 2 * sum((first & second).values()) / total


@lru_cache(4096)
def _pairs(text: str) -> Counter[str]:
    plain = "".join(text[: 2 * _WIDTH].split())
    return Counter(plain[at : at + 2] for at in range(len(plain) - 1)) if len(plain) > 1 else Counter([plain] * bool(plain))


def _best_start(wanted: Sequence[str], lines: Sequence[str]) -> int | None:
    """Where most of the wanted lines stand at their distance, by votes of the lines that are there."""
    where: dict[str, list[int]] = {}
    for at, line in enumerate(lines):
        where.setdefault("".join(line.split()), []).append(at)
    votes: Counter[int] = Counter()
    for offset, text in enumerate(wanted):
        standing = where.get("".join(text.split()), ())
        if len(standing) <= 50:
            votes.update(at - offset for at in standing)
    return max(0, votes.most_common(1)[0][0]) if votes else None


def _differing(wanted: Sequence[Line], lines: Sequence[str], start: int) -> str:
    window = {"".join(line.split()) for line in lines[start : start + 2 * len(wanted) + 3]}
    missing = next((line for line in wanted if "".join(line.text.split()) not in window), None)
    if missing is None:
        return f"Its lines stand near line {start + 1}, but not in this order or not next to each other."
    near = range(max(0, start - 2), min(len(lines), start + len(wanted) + 3))
    instead = max(near, key=lambda at: likeness(missing.text, lines[at]), default=start)
    return f"Nearest is line {start + 1}. The hunk says\n  {missing.text[:_WIDTH]!r}\nwhere the file holds\n  {_told(lines, instead)}"


def _told(lines: Sequence[str], at: int) -> str:
    """`12: text` of the line, or of the next one that is not blank."""
    at = next((index for index in range(at, min(at + 5, len(lines))) if lines[index].strip()), at)
    return f"{at + 1}: {lines[at][:_WIDTH]}" if at < len(lines) else f"{at + 1}: (end of file)"
