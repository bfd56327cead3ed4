"""Words that are values where many messages show it are values where few do: who `moved` in a hundred messages is who `drowned` in one."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from mcp_servers.logs.templates.masking import HOLE
from mcp_servers.logs.templates.merging import Signature, are_states, common

_ENOUGH = 5
_SURE = 3
_WORD = re.compile(r"[^\W\d]\w*")


def spread(merged: Mapping[Signature, Signature]) -> dict[Signature, Signature]:
    """The merge, with those brought together that differ in known values only, in any number of places.

    A word is known that stood with four others at one place of a template; it is sure when it did so in three templates and stands
    as itself in fewer: then it is a value also in a message that nothing can be compared with.
    """
    often = Counter(word for words in _standing(merged) for word in words)
    if not often:
        return dict(merged)
    patterns = sorted(set(merged.values()))
    constant = Counter(word for pattern in patterns for word in set(pattern) & often.keys())
    sure = {word for word, times in often.items() if times >= max(_SURE, constant[word] + 1)}
    groups: defaultdict[Signature, list[Signature]] = defaultdict(list)
    for pattern in patterns:
        groups[_blanked(pattern, often)].append(pattern)
    now = {member: _blanked(common(members), sure) for members in groups.values() for member in members}
    return {origin: now[pattern] for origin, pattern in merged.items()}


def _standing(merged: Mapping[Signature, Signature]) -> Iterable[set[str]]:
    """The words at each place that a merge made a `<*>`, where they are many and no states."""
    seen: defaultdict[tuple[Signature, int], set[str]] = defaultdict(set)
    for origin, pattern in merged.items():
        if origin != pattern:
            for place, (word, now) in enumerate(zip(origin, pattern, strict=True)):
                if now == HOLE and word != HOLE and _WORD.fullmatch(word):
                    seen[pattern, place].add(word)
    return (words for words in seen.values() if len(words) >= _ENOUGH and not are_states(words))


def _blanked(pattern: Signature, words: Iterable[str]) -> Signature:
    behind = (*pattern[1:], "")
    return tuple(HOLE if token in words and behind[place] != "=" else token for place, token in enumerate(pattern))
