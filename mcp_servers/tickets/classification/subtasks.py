"""A large piece of work in parts that can each be finished and tested: those that its author listed, else its places, else the steps of its kind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mcp_servers.kit.inert import plain
from mcp_servers.tickets.classification.parts import acceptance_criteria, components, labels
from mcp_servers.tickets.classification.sizes import SIZES, Size, size_of
from mcp_servers.tickets.classification.text import Request
from mcp_servers.tickets.classification.types import type_of
from mcp_servers.tickets.model import TicketType

MOST = 20
_SURE = 0.5
_LARGEST = SIZES.index("M")
"""No part is larger: what is, is a task of its own."""
_SEQUENCE = re.compile(r"\b(?:steps?|phases?|stages?|milestones?|plan|order|sequence|roll-?out|then|next|finally|afterwards)\b", re.I)
_WORD = re.compile(r"\w{4,}")

Step = tuple[str, TicketType, Size]
_STEPS: dict[TicketType, tuple[Step, ...]] = {
    "Bug": (
        ("Reproduce it in a test that fails", "Task", "S"),
        ("Find the cause", "Spike", "M"),
        ("Mend the cause", "Bug", "M"),
        ("Look for the same mistake elsewhere", "Task", "S"),
    ),
    "Story": (
        ("Agree on what a user sees and on the interface", "Spike", "S"),
        ("Build the smallest way through all layers", "Story", "M"),
        ("Handle errors, limits and permissions", "Story", "M"),
        ("Document it and watch it in production", "Task", "S"),
    ),
    "Task": (
        ("List every place that is concerned", "Spike", "S"),
        ("Pin today's behaviour in tests", "Task", "M"),
        ("Change it step by step, each step releasable", "Task", "M"),
        ("Remove what is no longer used", "Task", "S"),
    ),
    "Spike": (
        ("Write down the question, what would answer it, and how long it may take", "Spike", "XS"),
        ("Try the two most likely answers", "Spike", "M"),
        ("Record the decision and the work that follows from it", "Task", "S"),
    ),
    "Epic": (
        ("Agree on the outcome and how it will be measured", "Spike", "S"),
        ("Build the first slice that a user can use", "Story", "M"),
        ("Build the rest, slice by slice", "Story", "M"),
        ("Roll out, measure, and close what is not needed", "Task", "M"),
    ),
}
_FIRST: dict[TicketType, Step] = {type: steps[0] for type, steps in _STEPS.items()}
_LAST: Step = ("Check the whole against its acceptance criteria", "Task", "S")


@dataclass(frozen=True, slots=True)
class Subtask:
    """One part: `depends_on` holds the ids of parts that come first."""

    id: str
    title: str
    type: TicketType
    size: Size
    depends_on: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    acceptance_criteria: tuple[str, ...] = ()


def subtasks_of(request: Request, type: TicketType) -> tuple[tuple[Subtask, ...], str]:
    """The parts in an order that can be followed, at most twenty, and in words where they come from."""
    listed, ordered = _listed(request)
    if len(listed) >= 2:
        drafts = [_part(text, request, "Story" if type == "Epic" else type) for text in listed[: MOST - 2]]
        left = len(listed) - len(drafts)
        source = f"the {len(listed)} things that its text lists" + (f"; {left} more are not shown" if left else "")
        return _assigned(_framed(drafts, type, ordered), request), source
    places = components(request)
    if len(places) >= 2:
        drafts = [
            Subtask("", plain(f"{request.title} ({place})", 200), "Story" if type == "Epic" else type, "M", components=(place,))
            for place in places
        ]
        return _assigned(_framed(drafts, type, ordered=False), request), f"the {len(places)} components that its text names"
    drafts = [Subtask("", title, kind, size) for title, kind, size in (*_STEPS[type], _LAST)]
    return _assigned(
        _chained(drafts), request
    ), f"the usual steps for the type {type}, since its text lists none; put its own in their place"


def _listed(request: Request) -> tuple[list[str], bool]:
    """What the text lists as work, and whether it says that one follows the other."""
    items = [plain(item, 200) for section in request.work for item in section.items]
    heads = [section.heading for section in request.work]
    follow = bool(items) and (all(map(_SEQUENCE.search, heads)) or all(map(_SEQUENCE.match, items[1:])))
    return list(dict.fromkeys(item for item in items if item)), follow


def _part(text: str, request: Request, usual: TicketType) -> Subtask:
    own = Request(text)
    verdict = type_of(own)
    type: TicketType = verdict.type if verdict.confidence >= _SURE and verdict.type != "Epic" else usual
    size = SIZES[min(SIZES.index(size_of(own, type).size), _LARGEST)]
    named = tuple(place for place in components(request) if place.lower() in text.lower())
    return Subtask("", text, type, size, components=tuple(dict.fromkeys((*components(own), *named))))


def _framed(drafts: Sequence[Subtask], type: TicketType, ordered: bool) -> list[Subtask]:
    """The parts after the step that comes first for this type, and before the check of the whole."""
    first, last = (Subtask("", title, kind, size) for title, kind, size in (_FIRST[type], _LAST))
    if ordered:
        return _chained([first, *drafts, last])
    head = replace(first, id="1")
    middle = [replace(draft, id=str(number), depends_on=("1",)) for number, draft in enumerate(drafts, 2)]
    return [head, *middle, replace(last, id=str(len(middle) + 2), depends_on=tuple(part.id for part in middle))]


def _chained(drafts: Sequence[Subtask]) -> list[Subtask]:
    return [replace(draft, id=str(number), depends_on=(str(number - 1),) if number > 1 else ()) for number, draft in enumerate(drafts, 1)]


def _assigned(found: Sequence[Subtask], request: Request) -> tuple[Subtask, ...]:
    """Each criterion of the whole goes to the part whose words it shares, else to the last one, which checks the whole."""
    criteria: dict[str, list[str]] = {part.id: [] for part in found}
    for criterion in acceptance_criteria(request):
        words = _words(criterion)
        best = max(found, key=lambda part: len(words & _words(part.title)))
        criteria[best.id if words & _words(best.title) else found[-1].id].append(criterion)
    return tuple(
        replace(part, labels=labels(Request(part.title), part.type), acceptance_criteria=tuple(criteria[part.id])) for part in found
    )


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)}
