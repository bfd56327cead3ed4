"""Values that are told as such by what stands around them: text in quotes behind a key, in brackets, and the reason behind a colon.

Such a value is of any length, so that `merging` cannot compare it and `alignment` would need more words in common than it leaves.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import combinations

from mcp_servers.logs.templates.masking import HOLE
from mcp_servers.logs.templates.merging import Signature, are_states

Items = tuple[str, ...]
"""The words and delimiters of a template, the white space before each kept with it."""

_ROUNDS = 2
_QUOTED, _REASONS, _BRACKETED, _TAILS = 3, 4, 5, 5
_SENTENCE = 4
_FEW = 2
_MOST_HEADS = 8
_CLOSING = {"(": ")", "[": "]", '"': '"', "'": "'"}
_SHORT = 3
_LEADING = frozenset(("to", "by", "for", "from", "with", "as", "of", "on"))
_NAMING = frozenset(("state", "status", "mode", "level"))
_SAYING = frozenset(("msg", "message", "text", "event", "description", "detail"))
_LABEL = re.compile(r"(?:error|exception|warning|failure|fatal|note|info|debug|hint|detail)s?", re.I)
_FAILING = re.compile(
    r"(?:fail|error|lost|refus|reject|den(?:y|ied)|abort|broke|disconnect|closed?|kick|declin|invalid|cannot|could|can't|unable|terminat|because|cause|reason)\w*",
    re.I,
)


def filled(held: Mapping[Items, Sequence[Signature]]) -> dict[Items, list[Signature]]:
    """The templates with `<*>` in place of stretches that hold values; those that become one are together.

    Depends on the set of templates only.
    """
    current = {items: list(members) for items, members in held.items()}
    for _ in range(_ROUNDS):
        found: defaultdict[Items, list[Signature]] = defaultdict(list)
        for items, now in _round(current).items():
            found[now] += current[items]
        current = dict(found)
    return current


def _round(held: Mapping[Items, object]) -> dict[Items, Items]:
    seen: defaultdict[tuple[Items, Items], dict[Items, Items]] = defaultdict(dict)
    for items in sorted(held):
        for start, stop in _stretches(items):
            seen[items[:start], items[stop:]][items] = items[start:stop]
    shared = _shared(seen)
    now = {items: items for items in held}
    for (before, after), fillings in sorted(seen.items(), key=lambda item: (-len(item[1]), item[0])):
        left = {items: filling for items, filling in fillings.items() if now[items] == items}
        if _are_values(before, after, set(left.values()), shared):
            now.update(dict.fromkeys(left, (*before, f"{_space(next(iter(left.values()))[0])}{HOLE}", *after)))
    return now


def _stretches(items: Items) -> Iterator[tuple[int, int]]:
    bare = [item.strip() for item in items]
    for at, item in enumerate(bare[:-1]):
        if item in _CLOSING and (item in "([" or (at > 1 and bare[at - 1] == "=")):
            stop = next((end for end in range(at + 1, len(bare)) if bare[end] == _CLOSING[item]), 0)
            if stop > at + 1:
                yield at + 1, stop
        elif (item == ":" and items[at + 1][:1].isspace()) or item in _LEADING:
            yield at + 1, max(_enclosed(bare, at + 1), at + 2)


def _enclosed(bare: Sequence[str], start: int) -> int:
    """Where the bracket closes that is open at this place; the end where none is."""
    depth = 0
    for at in range(start, len(bare)):
        depth += (bare[at] in "([") - (bare[at] in ")]") if bare[at] else 0
        if depth < 0:
            return at
    return len(bare)


def _are_values(before: Items, after: Items, fillings: set[Items], shared: Set[Items]) -> bool:
    """Whether what stood in a stretch are values: enough different ones for what opens it, and no states unless a state is announced."""
    bare = [item.strip() for item in before]
    words = [word for word in bare if word.isalpha() and len(word) > 1]
    opening = bare[-1]
    if opening in _LEADING and bare[-2:-1] and bare[-2].lower() in _NAMING:
        return len(fillings) >= _QUOTED
    if len(fillings) < 2 or are_states({" ".join(filling).strip() for filling in fillings}):
        return False
    if opening == ":":
        return _are_reasons(words, HOLE in bare, fillings, shared)
    if opening in _LEADING:
        known = any([item.strip() for item in filling] == [HOLE] for filling in fillings)
        return known and len(words) > 1 and len(fillings) >= _REASONS and max(map(len, fillings)) <= _SHORT
    if opening in "\"'":
        return bare[-3].rpartition(".")[2].lower() not in _SAYING and (len(fillings) >= _QUOTED or fillings <= shared)
    begin_alike = len({filling[0] for filling in fillings}) == 1
    return not begin_alike and len(words) + len(after) >= _SENTENCE and len(fillings) >= _BRACKETED


def _are_reasons(words: Sequence[str], known: bool, fillings: set[Items], shared: Set[Items]) -> bool:
    """Whether what follows a colon tells why: behind a failure, or behind a sentence; not behind the name of who speaks (`TLS error: …`)."""
    if len(words) < 2 or (len(words) < _SENTENCE and _LABEL.fullmatch(words[-1])) or all(":" in filling for filling in fillings):
        return False
    if len(words) > _FEW and len(fillings & shared) > 1:
        return True
    if any(map(_FAILING.fullmatch, words)):
        return len(fillings) >= _REASONS
    told = known or len(words) >= _SENTENCE
    return told and len(fillings) >= _TAILS and not any("=" in filling for filling in fillings)


def _shared(seen: Mapping[tuple[Items, Items], Mapping[Items, Items]]) -> set[Items]:
    """What stands, in the same words, in two different sentences: behind their colons or in their quotes."""
    heads: defaultdict[Items, list[frozenset[str]]] = defaultdict(list)
    for before, after in sorted(seen):
        words = frozenset(item.strip() for item in before if item.strip().isalpha())
        if before[-1].strip() in (":", '"') and len(words) > _FEW:
            for filling in set(seen[before, after].values()):
                heads[filling].append(words)
    return {filling for filling, among in heads.items() if filling[0].strip() != HOLE and _differ(among[:_MOST_HEADS])}


def _differ(heads: Sequence[frozenset[str]]) -> bool:
    return any(2 * len(one & other) < len(one | other) for one, other in combinations(heads, 2))


def _space(item: str) -> str:
    return item[: len(item) - len(item.lstrip())]
