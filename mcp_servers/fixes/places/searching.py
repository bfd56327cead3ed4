"""Where a check leads that fails in the jail: it is run once more there, with the tests of the project that are nearest to it, and what ran ranks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import log, sqrt
from pathlib import Path, PurePosixPath

from mcp_servers.fixes.jail import Jail
from mcp_servers.fixes.places.model import Place, Spectrum
from mcp_servers.fixes.places.ranking import rank
from mcp_servers.fixes.places.spectra import SECONDS, record
from mcp_servers.fixes.policy import is_test
from mcp_servers.kit.errors import Unavailable
from mcp_servers.kit.project import Tests
from mcp_servers.kit.stack import StackTrace

NEIGHBOURS = 6
_READ = 400
_NAME = re.compile(r"[A-Za-z_]\w{3,}")


@dataclass(frozen=True, slots=True)
class Search:
    """The places of one failing check, best first; `how` says in a sentence what was run for them, or why nothing was."""

    places: tuple[Place, ...]
    how: str


def search(jail: Jail, work: Path, check: tuple[str, str], trace: StackTrace, *, tests: Tests, root: Path | None = None) -> Search:
    """The places of a check (path, content) that failed with this trace on the tree in `work`. The run is in the jail and ends after `SECONDS`."""
    path, content = check
    files = [each.relative_to(work).as_posix() for each in sorted(work.rglob("*.py")) if each.is_file() and not each.is_symlink()]

    def read(file: str) -> str:
        return content if file == path else (work / file).read_text("utf-8", "backslashreplace")

    beside = neighbours(content, [file for file in files if file != path], read)
    spectrum, how = _run(jail, work, check, beside, tests, root)
    return Search(tuple(rank(sorted({*files, path}), read, trace, spectrum=spectrum)), how)


def neighbours(content: str, files: Iterable[str], read: Callable[[str], str], most: int = NEIGHBOURS) -> list[str]:
    """The test files that use what the check uses: they share the most names with it, rare ones weighing more, for their length."""
    asked = set(_NAME.findall(content))
    near = [file for file in files if is_test(file) and _holds_tests(file)][:_READ]
    names = {file: set(_NAME.findall(read(file))) for file in near}
    spread = Counter(name for each in names.values() for name in each & asked)
    weights = {name: log(1 + len(near) / count) for name, count in spread.items()}
    likeness = {file: sum(weights[name] for name in each & asked) / sqrt(1 + len(each)) for file, each in names.items()}
    return sorted((file for file in near if likeness[file]), key=lambda file: (-likeness[file], file))[:most]


def _holds_tests(file: str) -> bool:
    name = PurePosixPath(file).name
    return name.startswith("test") or name.endswith("_test.py")


def _run(
    jail: Jail, work: Path, check: tuple[str, str], beside: Sequence[str], tests: Tests, root: Path | None
) -> tuple[Spectrum | None, str]:
    path, content = check
    if tests.command or not path.endswith(".py"):
        return None, "Ranked without a run: only Python's tests tell what they call."
    try:
        spectrum, seconds = record(jail, work, [path, *beside], tests=tests, root=root, write={path: content})
    except Unavailable as error:
        return None, f"Ranked without a run: {error}"
    return _of_check(spectrum, path, f"{seconds:.1f} s of at most {SECONDS:g} s")


def _of_check(spectrum: Spectrum, path: str, spent: str) -> tuple[Spectrum | None, str]:
    """The spectrum of the check and of what passes: neighbours that fail here, too, may want a network or a database, and tell nothing."""
    failed = frozenset(name for name in spectrum.failed if name.startswith(path))
    kept = {name: lines for name, lines in spectrum.lines.items() if name in failed or name not in spectrum.failed}
    if not failed:
        return None, "Ranked without a run: the check passed when it was watched."
    how = f"Ranked by one more run in the sandbox ({spent}): the check, and {len(kept) - len(failed)} tests that pass."
    return Spectrum(kept, failed, spectrum.edges), how
