"""Who feels a change: the services that call the changed ones, and those that share what a changed configuration names."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mcp_servers.knowledge.services import Landscape, ServiceStore

_FEW = 5


def felt_by(store: ServiceStore, repository: str, files: Collection[str]) -> list[str]:
    """What speaks for care in a change of these files, as sentences without a stop."""
    folders, landscape = store.folders(repository), store.landscape()
    homes = {name: folder for name, folder in folders.items() if folder} or dict.fromkeys([repository, *landscape.of(repository)], "")
    changed = [name for name, folder in homes.items() if not folder or any(path.startswith(f"{folder}/") for path in files)]
    return [*_called(landscape, changed), *_shared(landscape, repository, files)]


def _called(landscape: Landscape, services: Collection[str]) -> Iterator[str]:
    for service in services:
        callers, leaning = landscape.callers(service), landscape.leaning(service)
        if callers:
            more = f", {len(leaning)} lean on it in all" if len(leaning) > len(callers) else ""
            yield f"{', '.join(callers[:_FEW])} call{'' if len(callers) > 1 else 's'} {service}{more}"


def _shared(landscape: Landscape, repository: str, files: Collection[str]) -> Iterator[str]:
    told: set[tuple[str, str]] = set()
    for one in landscape.dependencies:
        others = [user for user in landscape.users(one) if user != one.service]
        if one.repository == repository and one.place in files and one.kind != "service" and others and one.identity not in told:
            told.add(one.identity)
            yield f"{one.place} names {one.kind} {one.name}, which {', '.join(others[:_FEW])} use{'' if len(others) > 1 else 's'} too"
