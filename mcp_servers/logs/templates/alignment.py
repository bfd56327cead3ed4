"""Values of several words: templates that say the same but for a few stretches of any length are one.

`merging` compares messages of one length, so that what stands for a service's display name or a reason in words (`Print Spooler`,
`no listen socket`) keeps them apart. Here whole templates are laid beside each other (longest common blocks, Ratcliff & Metzener 1988).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from mcp_servers.logs.templates.masking import HOLE
from mcp_servers.logs.templates.merging import Signature, are_states
from mcp_servers.logs.templates.slots import Items, filled

_LEAST_WORDS = 4
_WORDS_A_GAP = 2.5
_VALUES = 3
_VALUES_OF_FEW = 5
_PREDICATE = 4
_SHORT = 2
_TRIED = 3
_ROUNDS = 2
_MOST_IN_ONE_PLACE = 400
_MOST = 5_000
_SIGNS = frozenset(":=(\"'[,")
_NAMING = frozenset(("state", "status", "reason", "type", "mode", "action", "event", "format", "kind"))


@dataclass(frozen=True, slots=True)
class _Gap:
    """What stands in a stretch of one template, and in another."""

    start: int
    stop: int
    here: Items
    there: Items


@dataclass(slots=True)
class _Group:
    """Templates laid beside each other, and what they share."""

    items: Items
    words: frozenset[str]
    members: list[Items]


def aligned(patterns: Iterable[Signature]) -> dict[Signature, str]:
    """The text of each template: its own, or what it shares with others that have the same words around a few gaps.

    Depends on the set of templates only. Templates of fewer than four words in common stay as they are, and so do those that differ in
    one gap that shows few values or says what happened (`was opened`, `was closed`).
    """
    held: Mapping[Items, list[Signature]] = defaultdict(list)
    for pattern in sorted(patterns):
        held[_items(pattern)].append(pattern)
    if len(held) <= _MOST:
        held = filled(held)
    for _ in range(_ROUNDS if len(held) <= _MOST else 0):
        held = _joined(held)
    return {pattern: "".join(items) for items, members in held.items() for pattern in members}


def _joined(held: Mapping[Items, list[Signature]]) -> dict[Items, list[Signature]]:
    """One round: those that can be laid beside each other under what they share."""
    places: defaultdict[str, list[Items]] = defaultdict(list)
    for items in held:
        places[items[0] if len(_words(items)) >= _LEAST_WORDS else ""].append(items)
    found: defaultdict[Items, list[Signature]] = defaultdict(list)
    for first, place in places.items():
        groups = _groups(place) if first and 1 < len(place) <= _MOST_IN_ONE_PLACE else [_Group(one, frozenset(), [one]) for one in place]
        for group in groups:
            sure = len(group.members) > 1 and _is_sure(group)
            for items in group.members:
                found[group.items if sure else items] += held[items]
    return found


def _groups(place: Sequence[Items]) -> list[_Group]:
    """Each template in the group that it shares the most words with, if it can be laid beside that."""
    groups: list[_Group] = []
    for items in place:
        words = frozenset(_words(items))
        least = max(_LEAST_WORDS, len(words) // 2)
        near = sorted((-len(shared), at) for at, one in enumerate(groups) if len(shared := one.words & words) >= least)
        if not any(_joins(groups[at], items) for _, at in near[:_TRIED]):
            groups.append(_Group(items, words, [items]))
    return groups


def _joins(group: _Group, items: Items) -> bool:
    common: list[str] = []
    end = size = 0
    gaps = _gaps(group.items, items)
    for gap in gaps or ():
        if _tells_apart(gap, group.items) or _is_predicate(gap, group.items):
            return False
        common += [*group.items[end : gap.start], f"{_space(gap.there[0])}{HOLE}"]
        end = gap.stop
        size += max(sum(map(_has_letters, side)) for side in (gap.here, gap.there))
    common += group.items[end:]
    kept = _words(common)
    if not gaps or len(kept) < max(_LEAST_WORDS, _WORDS_A_GAP * len(gaps), size):
        return False
    group.items, group.words = tuple(common), frozenset(kept)
    group.members.append(items)
    return True


def _gaps(one: Items, other: Items) -> list[_Gap] | None:
    """Where two templates differ; None where one of them says more than the other."""
    found: list[_Gap] = []
    edits = SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
    start = 0
    while start < len(edits):
        stop = start + 1
        if edits[start][0] != "equal":
            while (
                stop + 1 < len(edits)
                and not any(map(_has_letters, one[edits[stop][1] : edits[stop][2]]))
                and ("replace" not in (edits[start][0], edits[stop + 1][0]) or edits[start][0] != edits[stop + 1][0])
            ):
                stop += 2
            gap = _trimmed(one, other, edits[start][1], edits[stop - 1][2], edits[start][3], edits[stop - 1][4])
            if not gap.here or not gap.there:
                return None
            found.append(gap)
        start = stop
    return found


def _trimmed(one: Items, other: Items, a: int, b: int, c: int, d: int) -> _Gap:
    while a < b and c < d and one[b - 1] == other[d - 1]:
        b, d = b - 1, d - 1
    return _Gap(a, b, one[a:b], other[c:d])


def _is_sure(group: _Group) -> bool:
    """Whether the gaps hold values: many of them where there is one gap only, and never just states."""
    seen = {at: values for at, values in _standing(group).items() if values != {HOLE}}
    if any(are_states(values) and not _is_named(group.items, at) for at, values in seen.items()):
        return False
    enough = _VALUES if len(group.words) > _LEAST_WORDS else _VALUES_OF_FEW
    return len(seen) > 1 or all(_shows_a_value(values) or len(values) >= enough for values in seen.values())


def _shows_a_value(stood: set[str]) -> bool:
    """Whether what stood in a gap was in part known for a value, and is short: `minikube` and `<*>`, `MsgApp <*>` and `Message`."""
    return any(HOLE in one for one in stood) and all(len(one.split()) <= _SHORT for one in stood)


def _standing(group: _Group) -> dict[int, set[str]]:
    """What stands at each `<*>` of a group, by its place among the items."""
    holes = [at for at, item in enumerate(group.items) if item.strip() == HOLE]
    pattern = re.compile("".join(f"{_space(item)}(.+?)" if item.strip() == HOLE else re.escape(item) for item in group.items))
    found = [match.groups() for items in group.members if (match := pattern.fullmatch("".join(items)))]
    return {at: set(column) for at, column in zip(holes, zip(*found, strict=True), strict=True)}


def _tells_apart(gap: _Gap, items: Items) -> bool:
    """Whether what differs says what happened, rather than to what."""
    sides = ["".join(side).strip() for side in (gap.here, gap.there)]
    return all(side.isalpha() and are_states({side}) for side in sides) and not _is_named(items, gap.start)


def _is_predicate(gap: _Gap, items: Items) -> bool:
    """Whether what differs is the end of the sentence: what was done, where no sign says that a value follows."""
    if any(map(_has_letters, items[gap.stop :])) or all(sum(map(_has_letters, side)) < _PREDICATE for side in (gap.here, gap.there)):
        return False
    return items[gap.start - 1].strip() not in _SIGNS and not _is_named(items, gap.start)


def _is_named(items: Items, at: int) -> bool:
    """Whether the word before says that a value follows, states as well: `in state Empty`, `reason=timeout`."""
    before = [item.strip().lower() for item in items[max(at - 2, 0) : at]]
    if not before:
        return False
    announced = before[0] if before[-1] == "to" else before[-1]
    return announced in _NAMING or before[-1] == "=" or (before[-1] == ":" and at > _LEAST_WORDS)


def _items(pattern: Signature) -> Items:
    found: list[str] = []
    space = ""
    for token in pattern:
        if token.isspace():
            space = token
        else:
            found.append(space + token)
            space = ""
    if found and len(found[-1]) > 1 and found[-1].endswith("."):
        found[-1:] = found[-1][:-1], "."
    return tuple(found)


def _words(items: Iterable[str]) -> list[str]:
    return [item for item in items if len(item) > 1 and item.strip().isalpha()]


def _has_letters(item: str) -> bool:
    return any(map(str.isalnum, item))


def _space(item: str) -> str:
    return item[: len(item) - len(item.lstrip())]
