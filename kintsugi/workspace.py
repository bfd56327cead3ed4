"""What a command works on: the project of the current folder, its store, and the tools over both."""

from __future__ import annotations

import os

from mcp_servers.cases.approvals import Approvals
from mcp_servers.cases.ledger import Ledger
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import Misconfigured
from mcp_servers.kit.project import Project, find_project, folder_of
from mcp_servers.launch import assembled


def open_deps(project: Project | None = None) -> Deps:
    """Opens the user's store for the project of this folder (or the one given); raises `Misconfigured` when the store cannot be used."""
    chosen = project or find_project(folder_of(os.environ))
    return assembled(chosen, os.environ)


def open_project() -> Deps:
    """As `open_deps`, and raises `Misconfigured` outside a project."""
    deps = open_deps()
    if deps.project is None:
        named = os.environ.get("KINTSUGI_PROJECT")
        place = f"{named} (KINTSUGI_PROJECT)" if named else str(folder_of(os.environ))
        raise Misconfigured(
            f"{place} is not in a watched project: no kintsugi.toml there or above. Write one with `kintsugi init`.", code="no_project"
        )
    return deps


def ledger_of(deps: Deps) -> Ledger:
    return Ledger(deps.database, deps.clock)


def approvals_of(deps: Deps) -> Approvals:
    return Approvals(ledger_of(deps), deps.policy)
