"""How large is it? From what can be counted, never from how it sounds: on public story points, text predicts no better than the usual size does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from mcp_servers.tickets.classification.parts import acceptance_criteria, components, dependencies, files
from mcp_servers.tickets.classification.text import Request
from mcp_servers.tickets.model import TicketType

Size = Literal["XS", "S", "M", "L", "XL"]
SIZES: tuple[Size, ...] = get_args(Size)
EFFORT: dict[Size, int] = {"XS": 1, "S": 2, "M": 4, "L": 7, "XL": 10}
"""The effort from 1 to 10 that a size stands for where nobody gave one."""

_POINTS = re.compile(r"\b(?:story points?|points?|estimate)\W{1,4}(\d{1,3})\b|\b(\d{1,3}) (?:story )?points?\b", re.I)
_SIZED = re.compile(r"\b(?i:size|estimate|effort|t-?shirt)\W{1,4}(XS|S|M|L|XL)\b")
_DAYS = re.compile(r"\b(?:estimate|effort|takes|about|approximately|~)\W{0,4}(\d{1,3})(?:-\d+)? ?(hours?|days?|weeks?|months?)\b", re.I)
_IN_DAYS = {"hour": 1 / 8, "day": 1.0, "week": 5.0, "month": 20.0}
_TINY = re.compile(r"\b(?:typo|wording|rename|bump|copyright|broken link|one[- ]line|log level|dead (?:link|code))\b", re.I)
_WIDE = re.compile(
    r"\b(?:all|every|each|multiple|several) (?:\w+ )?(?:services?|teams?|modules?|packages?|repositories|endpoints|pages|platforms|customers|regions|tables|tenants)\b"
    r"|\bacross the (?:codebase|stack|board|organi[sz]ation)\b|\bfrom scratch\b|\bend[- ]to[- ]end\b|\brewrite\b|\boverhaul\b|\bredesign\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Sizing:
    """A size and what was counted for it."""

    size: Size
    reasons: tuple[str, ...]


def size_of(request: Request, type: TicketType) -> Sizing:
    """The size: the author's own estimate where there is one, else by counting criteria, items, components, files and dependencies."""
    if stated := _stated(request):
        return stated
    counted = dict(_counted(request))
    load = sum(counted.values())
    reasons = tuple(counted) or ("nothing in the text can be counted",)
    if load == 0 and _TINY.search(request.title):
        return Sizing("XS", ("a change of one place, by its words",))
    size: Size = "S" if load < 3 else "M" if load < 7 else "L" if load < 13 else "XL"
    if type == "Epic" and SIZES.index(size) < SIZES.index("L"):
        return Sizing("L", (*reasons, "an epic is at least L"))
    return Sizing(size, reasons)


def _stated(request: Request) -> Sizing | None:
    text = f"{request.title}\n{request.prose}"
    if sized := _SIZED.search(text):
        return Sizing(next(size for size in SIZES if size == sized[1]), (f"its author says {sized[0]!r}",))
    if points := _POINTS.search(text):
        value = int(points[1] or points[2])
        return Sizing(_by(value, (1, 3, 5, 8)), (f"its author says {points[0]!r}",))
    if days := _DAYS.search(text):
        value = int(days[1]) * _IN_DAYS[days[2].lower().rstrip("s")]
        return Sizing(_by(value, (0.5, 2, 5, 15)), (f"its author says {days[0]!r}",))
    return None


def _by(value: float, bounds: tuple[float, ...]) -> Size:
    return SIZES[sum(value > bound for bound in bounds)]


def _counted(request: Request) -> Iterator[tuple[str, float]]:
    items = sum(len(section.items) for section in request.work)
    facts = (
        (len(acceptance_criteria(request)), 1.0, "acceptance criterion", "acceptance criteria"),
        (items, 1.0, "thing to do", "things to do"),
        (max(0, len(components(request)) - 1), 1.5, "more component", "more components"),
        (max(0, len(files(request)) - 2), 0.5, "more file", "more files"),
        (len(dependencies(request)), 1.0, "dependency", "dependencies"),
        (
            len(set(found[0].lower() for found in _WIDE.finditer(f"{request.title}\n{request.prose}"))),
            4.0,
            "word of a wide reach",
            "words of a wide reach",
        ),
    )
    for count, weight, one, many in facts:
        if count:
            yield f"{count} {one if count == 1 else many}", count * weight
