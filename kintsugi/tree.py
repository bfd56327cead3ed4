"""The watched repository at one commit, read from git's objects: what a reasoner may look at."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from mcp_servers.kit.git import Repository


class CommitTree:
    """Files of one commit. Binary or undecodable files read as text with replacement characters."""

    def __init__(self, repository: Repository, commit: str) -> None:
        self._repository = repository
        self._commit = commit
        self._read: dict[tuple[str, str], str] = {}

    @cached_property
    def _files(self) -> tuple[str, ...]:
        return tuple(self._repository.files(self._commit))

    def files(self) -> Sequence[str]:
        return self._files

    def files_at(self, commit: str) -> Sequence[str]:
        return self._repository.files(commit)

    def history(self, most: int = 128) -> list[str]:
        """The commits that led here, oldest first, along first parents."""
        return [commit.id for commit in reversed(self._repository.log(self._commit, limit=most, first_parent=True))]

    def release_of(self, commit: str) -> str:
        """The first tag that carries a commit; empty when no tag does."""
        tags = self._repository.tags()
        return next((name for name, tagged in tags.items() if self._repository.contains(tagged, commit)), "")

    def subject(self, commit: str) -> str:
        return self._repository.log(commit, limit=1)[0].subject

    def changed_by(self, commit: str) -> Sequence[str]:
        """The files that a commit changed; none for the first commit."""
        parent = self._repository.resolve(f"{commit}^")
        return [change.path for change in self._repository.changes(parent, commit)] if parent else []

    def read(self, path: str) -> str:
        return self.read_at(self._commit, path)

    def read_at(self, commit: str, path: str) -> str:
        """The file's text at another commit; raises `Refusal` when it was not there."""
        key = (commit, path)
        if key not in self._read:
            self._read[key] = self._repository.read(commit, path).decode("utf-8", "replace")
        return self._read[key]
