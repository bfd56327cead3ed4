"""Merges that more data shows to be wrong, undone: a merge is a guess on few messages, counts tell later what it put together."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from mcp_servers.logs.templates.masking import HOLE
from mcp_servers.logs.templates.merging import Signature, are_states, common

ENOUGH = 100
"""Fewer messages than these tell nothing about which words can stand at a place."""

_MOST_WORDS = 8
_LEAST_SHARE = 0.02
_LEAST_COUNT = 10
_WORD = re.compile(r"[^\W\d_]{2,}")


def split(merged: Mapping[Signature, Signature], counts: Mapping[Signature, int]) -> dict[Signature, Signature]:
    """The merge without what was put together wrongly; `counts` says how many messages each signature stands for.

    A place is split again when few, frequent, plain words stand there and most of them are states. After 18 messages `valve is
    {opened, closed, locked, jammed, …} now` may be anything; after 1800 of the same six words it is six messages. Names are values
    however few and frequent they are (`disk {sda, sdb, sdc} was removed`), and so is what keeps showing new words. A merge that left
    less than a third of its words in common (`<*> <*> failed`) joined different sentences, and is split whatever its counts.
    """
    groups: defaultdict[Signature, list[Signature]] = defaultdict(list)
    for member, pattern in merged.items():
        groups[pattern].append(member)
    return {member: to for pattern, members in groups.items() for member, to in _parted(pattern, members, counts).items()}


def _parted(pattern: Signature, members: list[Signature], counts: Mapping[Signature, int]) -> dict[Signature, Signature]:
    seen = {place: _words(members, place, counts) for place in _merged_places(pattern, members)}
    wrong = [place for place, words in seen.items() if _closed(words)]
    if not wrong and len(seen) > 1 and _different_sentences(pattern, seen):
        wrong = sorted(seen)
    if not wrong:
        return dict.fromkeys(members, pattern)
    place = min(wrong, key=lambda place: (len(seen[place]), place))
    by_word: defaultdict[str, list[Signature]] = defaultdict(list)
    for member in members:
        by_word[member[place]].append(member)
    parts = (_parted(common(those), those, counts) for those in by_word.values())
    return {member: to for part in parts for member, to in part.items()}


def _merged_places(pattern: Signature, members: Iterable[Signature]) -> list[int]:
    """Where a merge, and not the mask, made a `<*>` of words."""
    return [place for place, token in enumerate(pattern) if token == HOLE and all(_WORD.fullmatch(member[place]) for member in members)]


def _words(members: Iterable[Signature], place: int, counts: Mapping[Signature, int]) -> dict[str, int]:
    words: defaultdict[str, int] = defaultdict(int)
    for member in members:
        words[member[place]] += counts.get(member, 1)
    return words


def _closed(words: Mapping[str, int]) -> bool:
    total = sum(words.values())
    if total < ENOUGH or not 1 < len(words) <= _MOST_WORDS or min(words.values()) < max(_LEAST_COUNT, _LEAST_SHARE * total):
        return False
    return are_states(set(words))


def _different_sentences(pattern: Signature, seen: Iterable[int]) -> bool:
    constant = sum(bool(_WORD.fullmatch(token)) for token in pattern)
    varied = len(list(seen))
    return varied > 2 * constant
