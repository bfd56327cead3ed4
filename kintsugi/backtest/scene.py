"""An incident's files before and after, the lines that were mended, and the functions that hold them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from kintsugi.backtest.model import Incident
from mcp_servers.fixes.places import Spot
from mcp_servers.fixes.places.code import parsed
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import Repository
from mcp_servers.kit.stack import ExceptionInfo, Frame, StackTrace

LONGEST = 400_000
_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@", re.MULTILINE)
_FILE = re.compile(r"^--- (?:a/(.*?)|/dev/null)\t?$")
_MOST_FRAMES = 5


@dataclass(frozen=True)
class Scene:
    """What the parts are shown of an incident: the repository as it was just before it was mended."""

    repository: Repository
    incident: Incident
    _texts: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])

    @property
    def base(self) -> str:
        return self.incident.commit.parent

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Every file at the base."""
        return tuple(self.repository.files(self.base))

    @cached_property
    def before(self) -> Mapping[str, str]:
        return {path: old for path, (old, _) in self._sides.items()}

    @cached_property
    def after(self) -> Mapping[str, str]:
        return {path: new for path, (_, new) in self._sides.items()}

    @cached_property
    def removed(self) -> Mapping[str, tuple[int, ...]]:
        """By file the numbers, at the base, of the lines that the fix changed or removed; without blank ones."""
        return {path: lines for path, spans in self._spans.items() if (lines := tuple(self._lines(path, spans)))}

    @cached_property
    def spots(self) -> tuple[Spot, ...]:
        """The functions that the fix changed, those with most of its lines first: parsed for Python, the bare file elsewhere."""
        counts: dict[Spot, int] = {}
        for path, spans in self._spans.items():
            module = parsed(path, self.before.get(path, "")) if path.endswith(".py") else None
            for first, count in spans:
                for line in range(first, first + max(count, 1)):
                    function = module.function_at(line) if module else None
                    spot = function.spot if function else Spot(path, "")
                    counts[spot] = counts.get(spot, 0) + 1
        return tuple(sorted(counts, key=lambda spot: (not spot.function, -counts[spot], spot)))

    @property
    def named(self) -> StackTrace | None:
        """A trace that knows no more than the functions that were mended: no line, no exception. What a report without a log tells."""
        frames = [Frame(spot.file, 0, spot.function) for spot in reversed(self.spots[:_MOST_FRAMES])]
        return StackTrace("", (ExceptionInfo("", "", tuple(frames)),)) if frames else None

    @cached_property
    def _sides(self) -> Mapping[str, tuple[str, str]]:
        wanted = {change.path: change for change in self.incident.commit.changes if change.path in self.incident.paths}
        ids = sorted({id for change in wanted.values() for id in (change.old_id, change.new_id) if id.strip("0")})
        texts = {id: data.decode("utf-8", "replace") for id, data in self.repository.blobs(ids).items() if len(data) <= LONGEST}
        return {path: (texts.get(change.old_id, ""), texts.get(change.new_id, "")) for path, change in wanted.items()}

    @cached_property
    def _spans(self) -> Mapping[str, tuple[tuple[int, int], ...]]:
        """By file the first line and the count of each place of the base that the fix touched; a count of 0 is a gap where lines were added."""
        words = ("diff-tree", "-p", "-U0", "-w", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames")
        done = self.repository.run(*words, self.base, self.incident.commit.id, "--", *self.incident.paths)
        found: dict[str, list[tuple[int, int]]] = {}
        path = ""
        for line in done.stdout.decode("utf-8", "replace").split("\n"):
            if file := _FILE.match(line):
                path = file[1] or ""
            elif path in self.incident.paths and (hunk := _HUNK.match(line)):
                found.setdefault(path, []).append((int(hunk[1]), int(hunk[2] or "1")))
        return {path: tuple(spans) for path, spans in found.items()}

    def _lines(self, path: str, spans: Sequence[tuple[int, int]]) -> list[int]:
        texts = self.before.get(path, "").split("\n")
        numbers = [line for first, count in spans for line in range(first, first + count)]
        return [line for line in numbers if line <= len(texts) and _says_something(texts[line - 1])]

    def text(self, path: str) -> str:
        """A file at the base; empty when it is not there."""
        try:
            return self.repository.text(self.base, path)
        except Refusal:
            return ""


def _says_something(line: str) -> bool:
    bare = line.strip()
    return bool(bare.strip("{}()[];,")) and not bare.startswith(("#", "//", "*", "/*", '"""', "'''", "--"))
