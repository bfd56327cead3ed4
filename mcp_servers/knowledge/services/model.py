"""The nouns of services: what one uses and who told so, and the landscape that all of it makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Told = Literal["configured", "traced", "named in errors"]


@dataclass(frozen=True, slots=True, order=True)
class Dependency:
    """`service` uses `name`, a service of ours or what is not; `place` is the file that says so, empty for what logs told."""

    service: str
    kind: str
    name: str
    repository: str = ""
    told: Told = "configured"
    place: str = ""

    @property
    def identity(self) -> tuple[str, str]:
        """What is the same for all who use it. A service and a full address are, wherever they are named; `db` is each repository's own."""
        return self.kind, self.name if self.kind == "service" or "." in self.name else f"{self.repository}/{self.name}"


@dataclass(frozen=True, slots=True)
class Declared:
    """What a repository says of itself: its services, each with the folder that it is built from, and what they use."""

    services: Mapping[str, str] = field(default_factory=dict[str, str])
    dependencies: tuple[Dependency, ...] = ()


@dataclass(frozen=True, slots=True)
class Landscape:
    """All that is known of who uses what."""

    dependencies: tuple[Dependency, ...] = ()

    def uses(self, service: str, repository: str = "") -> list[Dependency]:
        """What a service (of one repository, where it is named) uses, each once, as the configuration says it where it does."""
        found: dict[tuple[str, str], Dependency] = {}
        for one in sorted(self.dependencies, key=lambda one: (one.identity, one.told)):
            if one.service == service and repository in ("", one.repository):
                found.setdefault(one.identity, one)
        return list(found.values())

    def users(self, used: Dependency) -> list[str]:
        """The services that use the same thing."""
        return sorted({one.service for one in self.dependencies if one.identity == used.identity})

    def callers(self, service: str) -> list[str]:
        """The services that use a service."""
        return sorted({one.service for one in self.dependencies if one.identity == ("service", service) and one.service != service})

    def leaning(self, service: str) -> list[str]:
        """Who uses a service, directly or through others."""
        found: set[str] = set()
        todo = [service]
        while todo:
            for user in self.callers(todo.pop()):
                if user not in found and user != service:
                    found.add(user)
                    todo.append(user)
        return sorted(found)

    def of(self, repository: str) -> list[str]:
        """The services of a repository that use something or are used."""
        return sorted({one.service for one in self.dependencies if one.repository == repository})

    def shared(self, repository: str, other: str) -> list[Dependency]:
        """What the services of both repositories use."""
        theirs = {one.identity for one in self.dependencies if one.repository == other}
        found = {one.identity: one for one in sorted(self.dependencies) if one.repository == repository and one.identity in theirs}
        return list(found.values())

    def rows(self) -> list[dict[str, str]]:
        """Each use as a row for those who do not know this package; `scope` tells things of one name apart."""
        return [
            {"service": one.service, "kind": one.kind, "name": one.name, "told": one.told, "scope": one.identity[1]}
            for one in self.dependencies
        ]
