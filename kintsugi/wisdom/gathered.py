"""What is looked at: gathered once, then each section is a function of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from kintsugi.wisdom.artifacts import Artifact
from kintsugi.wisdom.history import History, is_code
from kintsugi.wisdom.measured import Measured
from kintsugi.wisdom.paths import Paths
from kintsugi.wisdom.told import Told
from mcp_servers.kit.git import Repository
from mcp_servers.kit.project import Project

_MOST_FILES = 400
_HUNK = re.compile(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@")


@dataclass(frozen=True)
class Gathered:
    """The repository at HEAD, the run's folder in it, and all that was found."""

    repository: Repository
    root: Path
    run: Path
    history: History
    paths: Paths
    artifacts: tuple[Artifact, ...]
    measured: Measured
    told: Told
    project: Project
    environ: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    @property
    def head(self) -> str:
        return self.history.span.head

    def changed(self) -> list[str]:
        """The files that the release changed and that are still there, by name."""
        return sorted({path for commit in self.history.released for path in commit.files if path in self.paths})

    @cached_property
    def new_lines(self) -> dict[str, set[int]]:
        """The lines of code that the release brought, by file, those of the first four hundred files that it changed."""
        files = [path for path in self.changed() if is_code(path)][:_MOST_FILES]
        if not files:
            return {}
        span = self.history.span
        base = span.base or self.repository.run("hash-object", "-t", "tree", "/dev/null").stdout.decode().strip()
        form = ("-U0", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames")
        done = self.repository.run("diff-tree", "-r", "-p", *form, base, span.head, "--", *files)
        return _added(done.stdout.decode("utf-8", "replace"))

    def mentions(self, *words: str, most: int = 3) -> list[str]:
        """Places (`file:line`) of the code at HEAD whose line holds all these words, those of Markdown left out."""
        asked = [part for word in words[:8] for part in ("--and", "-e", word)][1:]
        if not asked or any(len(word) < 3 or "\n" in word for word in words):
            return []
        done = self.repository.run("grep", "-n", "-I", "-F", "-w", "--no-textconv", "--no-color", *asked, self.head)
        lines = done.stdout[: 1 << 20].decode("utf-8", "replace").splitlines()
        places = [":".join(line.split(":", 3)[1:3]) for line in lines]
        return [place for place in places if not place.partition(":")[0].lower().endswith((".md", ".rst", ".txt"))][:most]


def _added(diff: str) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    here = ""
    for line in diff.splitlines():
        if line.startswith("+++ "):
            here = line.removeprefix("+++ b/").rstrip("\t") if line.startswith("+++ b/") else ""
        elif here and (hunk := _HUNK.match(line)):
            first = int(hunk[1])
            found.setdefault(here, set()).update(range(first, first + int(hunk[2] or 1)))
    return found
