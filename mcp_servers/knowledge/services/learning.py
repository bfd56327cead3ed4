"""A repository is read for its services: the configuration at its head, again when there is a new commit."""

from __future__ import annotations

from datetime import datetime

from mcp_servers.kit.git import Repository
from mcp_servers.kit.redaction import clean
from mcp_servers.knowledge.patterns.extraction import ships
from mcp_servers.knowledge.services.declared import declared, reads
from mcp_servers.knowledge.services.model import Declared, Dependency
from mcp_servers.knowledge.services.store import ServiceStore

_MOST = 500


def learn(store: ServiceStore, repository: Repository, name: str, now: datetime) -> bool:
    """Keeps what the configuration at the head says; whether it was read, which it is once for each commit."""
    head = repository.head()
    if store.scanned(name) == head:
        return False
    entries = [one for one in repository.entries(head) if one.mode.startswith("100") and ships(one.path) and reads(one.path)][:_MOST]
    blobs = repository.blobs([one.id for one in entries])
    found = declared({one.path: blobs[one.id].decode("utf-8", "replace") for one in entries}, name)
    kept = tuple(one for one in found.dependencies if _plain(one))
    store.declare(name, head, Declared({key: folder for key, folder in found.services.items() if clean(key) == key}, kept), now)
    return True


def _plain(one: Dependency) -> bool:
    """Whether its names hold nothing that must not be stored."""
    return clean([one.service, one.name, one.place]) == [one.service, one.name, one.place]
