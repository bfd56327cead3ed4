"""The files that no tool of a model may write: our state, the policy, and the refs that stand for approved fixes. Standard library, Python 3.9."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

_DATABASE = re.compile(r"kintsugi\.sqlite(-wal|-shm|-journal)?$")
_REF = re.compile(r"/refs/(?:heads/|tags/|remotes/[^/]+/)?kintsugi(?:/|$)|/\.git/packed-refs$")


@dataclass(frozen=True)
class Place:
    """Where a command runs: its folder, its variables, and the branch that is checked out there."""

    folder: str
    environ: Mapping[str, str]
    branch: str = ""

    def moved(self, folder: str) -> Place:
        """The same after `cd`."""
        return replace(self, folder=self.path(folder), branch="")

    def path(self, word: str) -> str:
        """The absolute path that a word names here."""
        home = self.environ.get("HOME", "")
        if word == "~" or word.startswith("~/"):
            word = home + word[1:]
        return os.path.normpath(os.path.join(self.folder, word))

    def protected(self, word: str) -> str:
        """What of ours a word names or lies in, or an empty string. The word may be a pattern."""
        path = self.path(word)
        real = _real(path)
        if _DATABASE.search(path) or _DATABASE.search(real):
            return "the database"
        if _REF.search(path):
            return "a ref of an approved fix"
        return next((what for root, what in self._roots() if _within(path, root) or _within(real, root)), "")

    def holds(self, word: str) -> bool:
        """Whether what a word names has something of ours in it."""
        path = self.path(word)
        return any(_above(path, root) for root, _ in self._roots())

    def mentioned(self, text: str) -> bool:
        """Whether a text, such as a program, speaks of a file of ours."""
        home = self.environ.get("HOME", "")
        roots = [root for root, _ in self._roots()]
        return "kintsugi.sqlite" in text or any(root in text or (home and root.replace(home, "~", 1) in text) for root in roots)

    def head(self) -> str:
        """The branch that is checked out here, or an empty string."""
        if self.branch:
            return self.branch
        folder = self.folder
        while True:
            try:
                with open(os.path.join(folder, ".git", "HEAD"), encoding="utf-8", errors="replace") as file:
                    return file.read(300).strip().partition("refs/heads/")[2]
            except OSError:
                folder, here = os.path.dirname(folder), folder
            if folder == here:
                return ""

    def _roots(self) -> list[tuple[str, str]]:
        environ, home = self.environ, self.environ.get("HOME", "/nowhere")
        data = environ.get("XDG_DATA_HOME") or f"{home}/.local/share"
        config = environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
        mac = f"{home}/Library/Application Support/kintsugi"
        roots = [(environ.get("KINTSUGI_HOME", ""), "the state"), (f"{data}/kintsugi", "the state"), (mac, "the state")]
        roots += [(environ.get("KINTSUGI_POLICY", ""), "the policy"), (f"{config}/kintsugi", "the policy")]
        roots += [(environ.get("CLAUDE_PLUGIN_DATA", ""), "the environment")]
        return [(os.path.normpath(self.path(root)), what) for root, what in roots if root]


def _real(path: str) -> str:
    """The path behind links; the path itself where it cannot be followed."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        return path


def _within(path: str, root: str) -> bool:
    """Whether a path, which may be a pattern, lies in the root; the root's own name has to be spelled to some part."""
    parts, wanted = path.split("/"), root.split("/")
    return len(parts) >= len(wanted) and bool(parts[len(wanted) - 1].strip("*?")) and all(map(fnmatchcase, wanted, parts))


def _above(path: str, root: str) -> bool:
    """Whether the root lies in a path, which may be a pattern."""
    parts, wanted = path.split("/"), root.split("/")
    return len(parts) <= len(wanted) and all(map(fnmatchcase, wanted, parts))
