"""Guards tried on code that is in service: what a guard says there is taken for a false alarm."""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path

from mcp_servers.kit.git import FILE, Repository
from mcp_servers.knowledge.guards import astgrep
from mcp_servers.knowledge.guards.checking import check_all
from mcp_servers.knowledge.guards.index import reads
from mcp_servers.knowledge.guards.languages import language_of
from mcp_servers.knowledge.guards.model import Guard, Scan

PER_10_000_LINES = 1.0
_CHANCE = 2
"""So many findings prove nothing, however small the corpus."""
_COMMITS = 100
_LARGEST = 400_000
_MOST_BYTES = 40_000_000
_SKIPPED = frozenset({"test", "tests", "node_modules", "idlelib", "lib2to3", "turtledemo", "site-packages", "__pycache__", "ensurepip"})


@dataclass(frozen=True, slots=True)
class Corpus:
    """Code of one origin: texts by a name that ends like the path of the file."""

    name: str
    files: Mapping[str, str] = field(repr=False)

    def lines(self, guard: Guard) -> int:
        """The lines that the guard reads here."""
        return sum(text.count("\n") + 1 for path, text in self.files.items() if reads(guard, path))


def backtested(
    corpora: Iterable[Callable[[], Corpus]], per: float = PER_10_000_LINES, scan: Scan = astgrep.scan
) -> Callable[[Sequence[Guard]], dict[str, str]]:
    """The back-test over some corpora, each made when it is first needed."""
    made = [cache(make) for make in corpora]

    def refused(guards: Sequence[Guard]) -> dict[str, str]:
        found: dict[str, str] = {}
        for make in made:
            left = [guard for guard in guards if guard["id"] not in found]
            found |= {name: said for name, said in told(make(), left, per, scan).items() if said}
        return found

    return refused


def told(corpus: Corpus, guards: Sequence[Guard], per: float = PER_10_000_LINES, scan: Scan = astgrep.scan) -> dict[str, str]:
    """For each guard an empty string, or how much too often it spoke in the corpus."""
    counts = counted(corpus, guards, scan)
    answers: dict[str, str] = {}
    for guard in guards:
        count = counts[guard["id"]]
        lines = corpus.lines(guard) if count > _CHANCE else 0
        often = lines and count / lines * 10_000 >= per
        answers[guard["id"]] = f"{count} findings in {lines} lines of {corpus.name}" if often else ""
    return answers


def counted(corpus: Corpus, guards: Sequence[Guard], scan: Scan = astgrep.scan) -> dict[str, int]:
    """How often each guard speaks in the corpus."""
    counts = {str(guard["id"]): 0 for guard in guards}
    for finding in check_all(guards, corpus.files, scan) if guards else ():
        counts[finding.guard] += 1
    return counts


def history(repository: Repository, revision: str, without: Iterable[str] = ()) -> Corpus:
    """Every file of a commit, and what its files were in the hundred commits before; without the paths that a fix changed."""
    skipped = set(without)
    named = {entry.id: entry.path for entry in repository.entries(revision) if entry.mode.startswith("100") and entry.path not in skipped}
    words = ("log", "--raw", "-z", "--no-renames", "--full-index", "--no-merges", f"--max-count={_COMMITS}", "--format=", revision)
    fields = repository.run(*words).stdout.decode("utf-8", "surrogateescape").split("\0")
    for head, path in pairwise(fields):
        if head.lstrip("\n").startswith(":") and path not in skipped:
            _, mode, _, new, _ = head.strip().lstrip(":").split(" ")
            if mode == FILE:
                named.setdefault(new, path)
    wanted = [id for id, path in named.items() if language_of(path)]
    return Corpus("the repository and its history", _bounded((f"{id[:12]}/{named[id]}", data) for id, data in _blobs(repository, wanted)))


def folder(path: Path, name: str = "") -> Corpus:
    """The files of a folder in languages that guards read."""
    return Corpus(name or path.name, _bounded((str(file.relative_to(path)), file.read_bytes()) for file in _files(path)))


@cache
def standard_library() -> Corpus:
    """Python's own library: the one corpus that is always at hand, and speaks for Python alone."""
    return folder(Path(sysconfig.get_paths()["stdlib"]), "the standard library")


def _files(path: Path) -> Iterable[Path]:
    for place, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED and not name.startswith("."))
        found = (Path(place, name) for name in sorted(names) if language_of(name))
        yield from (file for file in found if file.is_file())


def _blobs(repository: Repository, ids: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    for start in range(0, len(ids), 256):
        yield from repository.blobs(ids[start : start + 256]).items()


def _bounded(files: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    texts: dict[str, str] = {}
    room = _MOST_BYTES
    for path, data in files:
        if len(data) <= _LARGEST and b"\0" not in data[:1000]:
            texts[path] = data.decode("utf-8", "replace")
            room -= len(data)
        if room < 0:
            break
    return texts
