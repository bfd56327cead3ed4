"""What a command works on: the project of the current folder, its store, and the tools over both."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from mcp_servers.cases.approvals import Approvals
from mcp_servers.cases.ledger import Ledger
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import Misconfigured, Refusal
from mcp_servers.kit.git import Repository
from mcp_servers.kit.project import Project
from mcp_servers.launch import assembled, find_project


def open_deps(project: Project | None = None) -> Deps:
    """Opens the user's store for the project of this folder (or the one given); raises `Misconfigured` when the store cannot be used."""
    chosen = project or find_project(Path(os.environ.get("KINTSUGI_PROJECT") or Path.cwd()))
    return assembled(chosen, os.environ)


def open_project() -> Deps:
    """As `open_deps`, and raises `Misconfigured` outside a project."""
    deps = open_deps()
    if deps.project is None:
        named = os.environ.get("KINTSUGI_PROJECT")
        place = f"{named} (KINTSUGI_PROJECT)" if named else str(Path.cwd())
        raise Misconfigured(
            f"{place} is not in a watched project: no kintsugi.toml there or above. Write one with `kintsugi init`.", code="no_project"
        )
    return deps


def open_repository(branch: str = "") -> Deps:
    """As `open_project`, and in a repository without kintsugi.toml with what is found in it; nothing is written. `branch` stands for its own."""
    folder = Path(os.environ.get("KINTSUGI_PROJECT") or Path.cwd())
    project = find_project(folder) or _found_project(folder)
    if branch:
        project = replace(project, branch=branch.removeprefix("refs/heads/"))
    if Repository.at(project.root).resolve(f"refs/heads/{project.branch}") is None:
        raise Refusal(
            f"{project.root} has no branch {project.branch!r}; say with --branch which one shall get the fix (`git branch` lists them).",
            code="no_branch",
        )
    return open_deps(project)


def _found_project(folder: Path) -> Project:
    """The project of a repository that nobody described: its branch and its tests as `kintsugi init` would write them."""
    from kintsugi.commands.init import look_around, repository_root

    repository = Repository.at(folder)
    bare = folder.resolve().is_relative_to(repository.git_dir) and repository.git_dir.name != ".git"
    root = repository.git_dir if bare else repository_root(folder)
    found = look_around(root)
    return Project(root, found.name.removesuffix(".git"), found.branch, tests=found.tests)


def ledger_of(deps: Deps) -> Ledger:
    return Ledger(deps.database, deps.clock)


def approvals_of(deps: Deps) -> Approvals:
    return Approvals(ledger_of(deps), deps.policy)
