"""What failing services share by the record, though no error names it, and who else uses it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mcp_servers.logs.health.calls import Use
from mcp_servers.logs.health.dependencies import Dependency

FEWEST = 3


@dataclass(frozen=True, slots=True)
class Onset:
    """When the errors of a service began to be more."""

    service: str
    at: datetime
    errors: int


@dataclass(frozen=True, slots=True)
class Shared:
    """Something that several failing services use; a service that fails itself is one of them."""

    use: Use
    failing: tuple[str, ...]
    sound: tuple[str, ...]


def shared(known: Iterable[Use], onsets: Sequence[Onset], seen: Collection[str], told: Sequence[Collection[str]]) -> list[Shared]:
    """What most of its users fail with, those first that explain most with the fewest exceptions.

    `seen` are the services that the window tells of: who is silent there speaks neither for nor against. Services that one of `told` holds
    together already are left to it.
    """
    failing = {onset.service for onset in onsets if onset.errors >= FEWEST}
    users: dict[tuple[str, str], dict[str, Use]] = {}
    for use in known:
        users.setdefault(use.identity, {}).setdefault(use.service, use)
    found: list[Shared] = []
    for by_service in users.values():
        use = next(iter(by_service.values()))
        callee = {use.name} if use.kind == "service" else set[str]()
        ours = (by_service.keys() & failing) | (callee & failing)
        sound = (by_service.keys() & set(seen)) - failing
        well = bool(callee & set(seen)) and not callee & failing
        if len(ours) >= 2 and len(ours) > len(sound) and not well and not any(ours <= set(one) for one in told):
            found.append(Shared(use, tuple(sorted(ours)), tuple(sorted(sound))))
    found.sort(key=lambda one: (len(one.sound) - len(one.failing), one.use.name not in failing, one.use.kind, one.use.name))
    return [one for number, one in enumerate(found) if not any(set(one.failing) <= set(other.failing) for other in found[:number])]


def spared(dependency: Dependency, affected: Collection[str], known: Iterable[Use]) -> tuple[str, ...]:
    """The services that use the same thing and have not failed with it."""
    uses = [use for use in known if use.name == dependency.name]
    theirs = {use.identity for use in uses if use.service in affected}
    users = {use.service for use in uses if use.identity in theirs}
    return tuple(sorted(users - set(affected) - {dependency.name}))
