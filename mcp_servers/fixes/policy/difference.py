"""One changed file as the rules see it: both contents, and the lines that came and went, numbered."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from mcp_servers.fixes.model import Finding
from mcp_servers.kit.git import FileChange

_PROSE = (".md", ".rst", ".txt", ".adoc", ".po", ".pot")


@dataclass(frozen=True)
class Line:
    """One line of a file, counted from 1, without its end."""

    number: int
    text: str


@dataclass(frozen=True)
class Difference:
    """A path of the tree difference with what it held and holds."""

    change: FileChange
    old: bytes
    new: bytes

    @property
    def path(self) -> str:
        return self.change.path

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2].casefold()

    @property
    def prose(self) -> bool:
        """A text that nothing runs; requirement files are read by an installer, so they are not."""
        return self.name.endswith(_PROSE) and not self.name.startswith(("requirements", "constraints"))

    @cached_property
    def before(self) -> str:
        return self.old.decode("utf-8", "replace")

    @cached_property
    def after(self) -> str:
        return self.new.decode("utf-8", "replace")

    @cached_property
    def added(self) -> tuple[Line, ...]:
        """Lines of the new content that the old one does not have (as often)."""
        return _more(self.after, self.before)

    @cached_property
    def removed(self) -> tuple[Line, ...]:
        return _more(self.before, self.after)

    @cached_property
    def added_text(self) -> str:
        return "\n".join(line.text for line in self.added)

    @cached_property
    def removed_text(self) -> str:
        return "\n".join(line.text for line in self.removed)

    def line_of(self, text: str) -> int:
        """The number of the first added line that holds the first line of `text`, or 0."""
        first = text.strip().partition("\n")[0]
        return next((line.number for line in self.added if first in line.text), 0)

    def reject(self, code: str, text: str, line: int = 0) -> Finding:
        return Finding(code, "reject", self.path, text, line)

    def elevate(self, code: str, text: str, line: int = 0) -> Finding:
        return Finding(code, "elevate", self.path, text, line)


def is_test(path: str) -> bool:
    """Whether a path is a test by the usual conventions of many languages."""
    *folders, name = path.casefold().split("/")
    return bool({"test", "tests", "__tests__", "spec"} & set(folders)) or bool(
        re.match(r"test_.*|.*_test\.\w+$|.*[.-](?:test|spec)\.\w+$|.*_spec\.\w+$", name)
    )


def _more(here: str, there: str) -> tuple[Line, ...]:
    left = Counter(there.split("\n"))
    lines: list[Line] = []
    for number, text in enumerate(here.split("\n"), start=1):
        if left[text]:
            left[text] -= 1
        else:
            lines.append(Line(number, text))
    return tuple(lines)
