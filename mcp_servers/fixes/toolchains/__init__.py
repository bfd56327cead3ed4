"""Tests of other languages than Python: which command runs them, and how what it prints is read. One file for each."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mcp_servers.fixes.toolchains.witnesses import Beside
from mcp_servers.kit.errors import Misconfigured
from mcp_servers.kit.lazy import LazyTable
from mcp_servers.kit.project import Tests
from mcp_servers.kit.stack import StackTrace

LANGUAGES = {".py": "python", ".js": "node", ".cjs": "node", ".mjs": "node", ".php": "php", ".go": "go"}
"""By the ending of a test file."""

Outcomes = Mapping[str, tuple[str, StackTrace | None]]
"""By the name of a test: passed, failed or skipped, and how it failed."""


@dataclass(frozen=True, slots=True)
class Toolchain:
    """`one` is the command for one test file, `all` for the whole suite; `read` takes its report, the exit code and what was run.

    `{report}` in a command stands for the file that its report belongs in; without it the report is what it prints. `beside` puts
    witnesses there; in a `parallel` one they need not come last. Files are written as they lie below the project, whatever folder the
    run was in. `env` are variables that the command needs.
    """

    name: str
    program: str
    one: Callable[[str], Sequence[str]]
    all: Callable[[Sequence[str]], Sequence[str]]
    read: Callable[[str, int, str], Outcomes]
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    beside: Beside | None = None
    parallel: bool = False
    hint: str = ""
    settings: tuple[Path, ...] = ()

    def readable(self) -> tuple[Path, ...]:
        """What has to be seen inside a jail beyond the system; raises `Misconfigured` where the program is missing."""
        found = shutil.which(self.program)
        if not found:
            raise Misconfigured(f"The test needs {self.program}, which is not here; {self.hint}.", code="no_toolchain")
        real = Path(found).resolve()
        known = tuple(path for path in self.settings if path.exists())
        return known if real.is_relative_to("/usr") or real.is_relative_to("/bin") else (*known, real.parents[1], Path(found).parent)


TOOLCHAINS = LazyTable(
    "language of tests",
    {
        "node": "mcp_servers.fixes.toolchains.node:NODE",
        "php": "mcp_servers.fixes.toolchains.php:PHP",
        "go": "mcp_servers.fixes.toolchains.go:GO",
    },
)


def chosen(tests: Tests, path: str) -> Toolchain | None:
    """What runs the test at `path`: the configured command, or what its language brings along; None for Python, which our own runner watches."""
    if tests.command:
        return configured(tests.command)
    language = LANGUAGES.get(PurePosixPath(path).suffix, "python")
    return None if language == "python" else TOOLCHAINS[language]


def configured(command: Sequence[str]) -> Toolchain:
    """The command of the configuration: `{path}` stands for the test file; it passes by leaving with 0."""

    def one(path: str) -> Sequence[str]:
        return [word.replace("{path}", path) for word in command]

    def every(paths: Sequence[str]) -> Sequence[str]:
        return [word for word in command if "{path}" not in word]

    def read(text: str, code: int, ran: str) -> Outcomes:
        return {ran: ("passed" if code == 0 else "failed", None)}

    return Toolchain(
        "command", command[0], one, every, read, hint=f"install it, or correct `command` under [tests], which begins with {command[0]!r}"
    )


def below(file: str, here: str = "/work/") -> str:
    """A path of the run as it lies below the project."""
    return file.partition(here)[2] if here in file else file.lstrip("/")
