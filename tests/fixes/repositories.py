"""Real git repositories for tests, made in a temporary folder."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mcp_servers.kit.git import Repository

BROKEN = "def format_phone(phone):\n    return phone.strip()\n\n\ndef greet(name):\n    return 'Hello ' + name\n"
SHOP = {
    "shop/__init__.py": "",
    "shop/customers.py": BROKEN,
    "settings.toml": "# the shop\n[database]\npool_size = 2  # per worker\n",
    "tests/test_greet.py": "from shop.customers import greet\n\n\ndef test_greet():\n    assert greet('Ada') == 'Hello Ada'\n",
}


@dataclass(frozen=True)
class Worktree:
    """A user's clone, worked in as a user does."""

    root: Path

    @property
    def repository(self) -> Repository:
        return Repository.at(self.root)

    def git(self, *words: str, at: str = "2026-11-01T09:00:00+00:00", author: str = "Ada") -> str:
        people = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in _person(author, at).items()}
        env = {**os.environ, **people, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        return subprocess.run(["git", *words], cwd=self.root, env=env, check=True, capture_output=True, text=True).stdout.strip()

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))

    def commit(self, message: str, files: Mapping[str, str | bytes], **told: str) -> str:
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message, **told)
        return self.git("rev-parse", "HEAD")

    def state(self) -> dict[str, str]:
        """Everything of the user's that nobody else may touch."""
        index = self.root / ".git" / "index"
        files = {str(p.relative_to(self.root)): p.read_bytes().hex() for p in self.root.rglob("*") if p.is_file() and ".git" not in p.parts}
        return {
            **files,
            "HEAD": (self.root / ".git" / "HEAD").read_text("utf-8"),
            "index": index.read_bytes().hex() if index.exists() else "",
            "config": (self.root / ".git" / "config").read_text("utf-8"),
            "main": self.git("for-each-ref", "refs/heads/main"),
        }


def shop(folder: Path) -> Worktree:
    """The shop's repository with one commit on main."""
    made = empty(folder)
    made.commit("first", SHOP)
    return made


def empty(folder: Path) -> Worktree:
    """A repository without a commit."""
    folder.mkdir(parents=True)
    made = Worktree(folder)
    made.git("init", "--quiet", "--initial-branch=main")
    return made


def _person(author: str, at: str) -> dict[str, str]:
    return {"NAME": author, "EMAIL": f"{author.lower()}@example.com", "DATE": at}
