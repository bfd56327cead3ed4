"""Reports of tests and coverage, now and before: of the run, of the runs beside it, and as earlier commits had them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from kintsugi.wisdom.history import is_code, is_test
from kintsugi.wisdom.paths import Paths
from kintsugi.wisdom.reading import read, walk
from kintsugi.wisdom.reports import Report, report
from kintsugi.wisdom.reports.model import Coverage, Outcome, Results, results, together
from mcp_servers.kit.errors import KintsugiError
from mcp_servers.kit.git import Repository

_SUFFIXES = frozenset({".xml", ".json", ".jsonl", ".info", ".lcov", ".out", ".trx", ".txt"})
_HINT = re.compile(r"(?i)junit|tests?\b|test[-_.]|TEST-|coverage|cobertura|clover|jacoco|lcov|cover|report|results?")
_RUNS, _COMMITS, _PAST_BYTES = 30, 30, 8 << 20


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement: when (ISO), of what run or commit, from which reports."""

    label: str
    at: str
    sources: tuple[str, ...]
    results: Results | None = None
    coverage: Coverage | None = None
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """The measurement of now, if there is one, the earlier ones (oldest first), and which files could not be read, and why."""

    now: Point | None = None
    earlier: tuple[Point, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()

    def before(self, noun: str) -> Point | None:
        """The newest earlier point that has `results` or `coverage`."""
        return next((point for point in reversed(self.earlier) if getattr(point, noun)), None)

    def over_time(self) -> list[Point]:
        """All points with coverage, oldest first."""
        return [point for point in (*self.earlier, *([self.now] if self.now else [])) if point.coverage]


def measure(repository: Repository, root: Path, run: Path, head: str) -> Measured:
    """What the reports of the run say; where it has none, those of the repository outside of its tests' own files."""
    entries = {entry.path: entry.id for entry in repository.entries(head)}
    reader = _Reader(root, Paths(entries), [])
    found = reader.below(run, by_name=run == root) or (reader.below(root, by_name=True) if run != root else [])
    now = reader.point("this run", found)
    past = [*reader.beside(root, run), *_committed(repository, head, reader, now, entries)]
    return Measured(now, tuple(sorted(past, key=lambda point: (point.at, point.label))), tuple(reader.unread))


@dataclass(frozen=True, slots=True)
class _Reader:
    root: Path
    paths: Paths
    unread: list[tuple[str, str]]

    def below(self, folder: Path, *, by_name: bool) -> list[tuple[Path, Report]]:
        def wanted(path: Path) -> bool:
            told = path.relative_to(self.root).as_posix()
            return path.suffix.lower() in _SUFFIXES and (not by_name or (bool(_HINT.search(path.name)) and not is_test(told)))

        return [(path, one) for path in walk(folder, wanted) if (one := self.report(path))]

    def report(self, path: Path) -> Report | None:
        try:
            return report(read(self.root, path))
        except KintsugiError as error:
            self.unread.append((path.relative_to(self.root).as_posix(), str(error).replace(f"{self.root}/", "")))
            return None

    def point(self, label: str, found: Sequence[tuple[Path, Report]]) -> Point | None:
        if not found:
            return None
        names = tuple(path.relative_to(self.root).as_posix() for path, _ in found)
        newest = max(path.stat().st_mtime for path, _ in found)
        at = datetime.fromtimestamp(int(newest), UTC).isoformat()
        return Point(label, at, names, *self.joined(one for _, one in found))

    def joined(self, reports: Iterable[Report]) -> tuple[Results | None, Coverage | None]:
        """Several reports as one, their files named as the repository names them."""
        told = list(reports)
        named = _by_name(self.paths) if any(isinstance(part, Results) for part in told) else {}
        tests = [_here(one, self.paths, named) for part in told if isinstance(part, Results) for one in part.outcomes.values()]
        lines = [
            Coverage({self.paths.of(path) or path: one}) for part in told if isinstance(part, Coverage) for path, one in part.files.items()
        ]
        return (results(tests) if tests else None), (together(lines) if lines else None)

    def beside(self, root: Path, run: Path) -> Iterator[Point]:
        """A point for each run in the folders beside this one."""
        if run == root or run.parent == root:
            return
        others = sorted(path for path in run.parent.iterdir() if path.is_dir() and not path.is_symlink() and path != run)
        for other in others[-_RUNS:]:
            if point := self.point(other.name, self.below(other, by_name=False)):
                yield point


def _here(one: Outcome, paths: Paths, named: Mapping[str, list[str]]) -> Outcome:
    """The outcome with its file named as here, also where the name of the test begins with it; a class or module may name the file too."""
    file = paths.of(one.file) if one.file else _file_of(one.id, named)
    id = one.id.replace(one.file, file, 1) if file and one.file and one.id.startswith(one.file) else one.id
    return Outcome(id, one.status, one.seconds, one.told, file)


def _by_name(paths: Paths) -> dict[str, list[str]]:
    """The files of tests by their names without suffix."""
    named: dict[str, list[str]] = {}
    for path in sorted(paths.files):
        if is_test(path) and is_code(path):
            named.setdefault(PurePosixPath(path).stem, []).append(path)
    return named


def _file_of(id: str, named: Mapping[str, list[str]]) -> str:
    """The one file of tests whose dotted path ends as the test's name begins: of `tests.test_a.test_b`, `com.shop.PriceTest.sums`; or empty."""
    parts = id.partition("[")[0].split(".")
    for last in range(len(parts) - 1, 0, -1):
        dotted = ".".join(parts[:last])
        fits = [path for path in named.get(parts[last - 1], ()) if f".{path.rpartition('.')[0].replace('/', '.')}".endswith(f".{dotted}")]
        if len(fits) == 1:
            return fits[0]
    return ""


def _committed(repository: Repository, head: str, reader: _Reader, now: Point | None, entries: dict[str, str]) -> Iterator[Point]:
    """What the same reports said at earlier commits, where they are tracked."""
    states: dict[str, dict[str, str]] = {}
    times: dict[str, str] = {}
    for source in now.sources if now else ():
        for commit in repository.log(head, source, limit=_COMMITS) if source in entries else ():
            entry = repository.entry(commit.id, source)
            if entry and entry.id != entries[source]:
                states.setdefault(commit.id, {})[source] = entry.id
                times[commit.id] = commit.at
    sizes = _sizes(repository, [id for files in states.values() for id in files.values()])
    for commit, files in states.items():
        told = list(filter(None, (_past(repository, id) for id in files.values() if sizes.get(id, 0) <= _PAST_BYTES)))
        if told:
            yield Point(commit[:12], _utc(times[commit]), tuple(files), *reader.joined(told), commit=commit)


def _past(repository: Repository, blob: str) -> Report | None:
    try:
        return report(repository.blobs([blob])[blob])
    except KintsugiError:
        return None


def _sizes(repository: Repository, ids: Sequence[str]) -> dict[str, int]:
    done = repository.run("cat-file", "--batch-check", stdin="\n".join(ids).encode() + b"\n") if ids else None
    rows = [line.split() for line in done.stdout.decode().splitlines()] if done else []
    return {row[0]: int(row[2]) for row in rows if len(row) == 3}


def _utc(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone(UTC).isoformat()
