"""What a commit did to the patterns of a file, and whom that concerns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from mcp_servers.knowledge.patterns.model import AntiPattern, Change, Notice, Use, shown


def changes(before: Sequence[Use], after: Sequence[Use], told: Change) -> Iterator[Change]:
    """The values that differ between two states of a file; `told` carries what all of them share. What is new or gone is no change."""
    left, right = list(before), list(after)
    for use in before:
        same = next((other for other in right if (other.name, other.parameters) == (use.name, use.parameters)), None)
        if same is not None:
            right.remove(same)
            left.remove(use)
    for use in left:
        other = next((one for one in right if one.name == use.name), None)
        if other is None:
            continue
        right.remove(other)
        for parameter, old in use.parameters.items():
            new = other.parameters.get(parameter, old)
            if new != old:
                yield replace(told, pattern=use.name, parameter=parameter, old=old, new=new, path=other.path)


def notices(change: Change, users: Iterable[tuple[str, Use]]) -> Iterator[Notice]:
    """Each other repository that uses the changed pattern with another value than the new one, once."""
    told: set[str] = set()
    for repository, use in users:
        has = use.parameters.get(change.parameter)
        if repository != change.repository and repository not in told and has is not None and has != change.new:
            told.add(repository)
            yield Notice(repository, change, has)


def anti_patterns(history: Iterable[Change], users: Sequence[tuple[str, Use]], symptoms: Sequence[str]) -> Iterator[AntiPattern]:
    """The values that were changed because of a problem, the latest first; `symptoms` are those seen with the pattern."""
    for change in history:
        if not change.cause:
            continue
        still = {name for name, use in users if use.parameters.get(change.parameter) == change.old}
        yield AntiPattern(
            change.pattern,
            symptoms[0] if symptoms else change.reason,
            f"{change.parameter} = {shown(change.old)}",
            f"{change.told}: {change.reason or 'no reason was given'}",
            tuple(sorted(still)),
        )
