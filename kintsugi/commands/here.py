"""What a command works on where nobody ran `kintsugi init`: any git repository, described by what is found in it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from kintsugi.commands.init import look_around, repository_root
from kintsugi.workspace import open_deps
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import Repository
from mcp_servers.kit.project import Project, find_project, folder_of


def open_repository(branch: str = "") -> Deps:
    """The project of this folder, and in a repository without kintsugi.toml with what is found in it; nothing is written. `branch` stands for its own."""
    folder = folder_of(os.environ)
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
    repository = Repository.at(folder)
    bare = folder.resolve().is_relative_to(repository.git_dir) and repository.git_dir.name != ".git"
    root = repository.git_dir if bare else repository_root(folder)
    found = look_around(root)
    return Project(root, found.name.removesuffix(".git"), found.branch, tests=found.tests)
