"""`kintsugi.toml` in the watched repository: it describes the project. It never loosens a lock: policy lives elsewhere."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mcp_servers.kit.errors import Misconfigured

FILE_NAME = "kintsugi.toml"
ENDPOINT = "endpoint"
"""The name of the source that LOGS_ENDPOINT adds."""
_DOCKER = "docker:"


@dataclass(frozen=True, slots=True)
class Source:
    """Where log records come from: the name of a source type and its own settings, checked by that source."""

    name: str
    type: str
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def at(cls, address: str) -> Source | None:
        """The source behind an address: files (a pattern too), or `docker:NAME`; None for a system that nothing here reads."""
        if address.startswith(_DOCKER):
            return cls(ENDPOINT, "docker", {"containers": [address.removeprefix(_DOCKER)]})
        path = address.removeprefix("file://")
        return None if "://" in path else cls(ENDPOINT, "files", {"paths": [path]})


@dataclass(frozen=True, slots=True)
class Tests:
    """How the project's tests are run. `python` is the interpreter that has the project's dependencies, relative to the root or absolute.
    `command` runs one test file of any other language: `{path}` stands for it, and leaving with 0 is passing."""

    runner: str = "pytest"
    python: str = ""
    paths: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deduplication:
    """What counts as the same problem: the least likeness (0–1), and how many days a closed ticket is looked back for."""

    similarity_threshold: float = 0.85
    lookback_days: int = 7


@dataclass(frozen=True, slots=True)
class Project:
    """A watched repository: its root folder, the branch that production runs, its log sources, its tests, how its errors are grouped,
    the forge of its pull requests, and who judges: `reasoners` in their order (none: as shipped), and `models`, what each is told;
    `routing`, which roles take which sort of problem."""

    root: Path
    name: str
    branch: str = "main"
    sources: tuple[Source, ...] = ()
    tests: Tests = Tests()
    grouping: Mapping[str, Any] = field(default_factory=dict[str, Any])
    forge: Mapping[str, Any] = field(default_factory=dict[str, Any])
    reasoners: tuple[str, ...] = ()
    models: Mapping[str, Any] = field(default_factory=dict[str, Any])
    routing: Mapping[str, Any] = field(default_factory=dict[str, Any])
    deduplication: Deduplication = Deduplication()

    def widened(self, environ: Mapping[str, str]) -> Project:
        """The project with the source of LOGS_ENDPOINT beside its own, where it is an address that can be read."""
        address = environ.get("LOGS_ENDPOINT", "")
        known = {source.name for source in self.sources} | {""}
        added = None if address in known or ENDPOINT in known else Source.at(address)
        return replace(self, sources=(*self.sources, added)) if added else self

    @classmethod
    def load(cls, root: Path) -> Project:
        """Reads `root/kintsugi.toml`; raises `Misconfigured` when it is missing, not TOML, or holds a key we do not know."""
        path = root / FILE_NAME
        try:
            data = tomllib.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            raise Misconfigured(f"{root} has no {FILE_NAME}; write one with `kintsugi init`.", code="no_project") from None
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise Misconfigured(f"{path} cannot be read: {error}. Mend it, or write a new one with `kintsugi init --force`.") from error
        return cls.parse(root, data)

    @classmethod
    def parse(cls, root: Path, data: Mapping[str, Any]) -> Project:
        _known(data, {"project", "sources", "tests", "grouping", "forge", "reasoners", "models", "routing", "deduplication"}, FILE_NAME)
        project = _table(data, "project")
        _known(project, {"name", "branch"}, "[project]")
        tests = _table(data, "tests")
        _known(tests, {"runner", "python", "paths", "command"}, "[tests]")
        return cls(
            root=root,
            name=str(project.get("name", root.name)),
            branch=str(project.get("branch", "main")),
            grouping=_table(data, "grouping"),
            forge=_table(data, "forge"),
            routing=_table(data, "routing"),
            reasoners=_words(data, "reasoners"),
            models=_table(data, "models"),
            deduplication=_deduplication(_table(data, "deduplication")),
            sources=tuple(_source(name, value) for name, value in _table(data, "sources").items()),
            tests=Tests(
                runner=str(tests.get("runner", "pytest")),
                python=str(tests.get("python", "")),
                paths=tuple(str(path) for path in tests.get("paths", ())),
                command=tuple(str(word) for word in tests.get("command", ())),
            ),
        )


def folder_of(environ: Mapping[str, str]) -> Path:
    """The folder in which the project is looked for, and upward: KINTSUGI_PROJECT, else the current one; raises `Misconfigured` when that is none."""
    named = environ.get("KINTSUGI_PROJECT", "")
    if named and not Path(named).is_dir():
        raise Misconfigured(f"KINTSUGI_PROJECT names {named}, which is no folder; name one, or take the variable away.", code="no_project")
    return Path(named) if named else Path.cwd()


def find_project(folder: Path) -> Project | None:
    """The project of the nearest folder upward that has a kintsugi.toml, or None."""
    for candidate in (folder, *folder.parents):
        if (candidate / FILE_NAME).is_file():
            return Project.load(candidate)
    return None


def _source(name: str, value: Any) -> Source:
    if not isinstance(value, dict):
        raise Misconfigured(f'[sources.{name}] in {FILE_NAME} must be a table, for example: type = "files", paths = ["logs/*.log"].')
    settings: dict[str, Any] = {str(key): item for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return Source(name, str(settings.pop("type", "files")), settings)


def _deduplication(data: Mapping[str, Any]) -> Deduplication:
    _known(data, {"similarity_threshold", "lookback_days"}, "[deduplication]")
    threshold, days = data.get("similarity_threshold", 0.85), data.get("lookback_days", 7)
    if isinstance(threshold, bool) or not isinstance(threshold, (int, float)) or not 0.8 < threshold <= 1:
        raise Misconfigured(
            f"deduplication.similarity_threshold in {FILE_NAME} is {threshold!r}; give a number over 0.8 (below, words alone would be called the same) and at most 1."
        )
    if isinstance(days, bool) or not isinstance(days, int) or days < 0:
        raise Misconfigured(f"deduplication.lookback_days in {FILE_NAME} is {days!r}; give a whole number of days, 0 or more.")
    return Deduplication(float(threshold), days)


def _table(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = data.get(name, {})
    if not isinstance(value, dict):
        raise Misconfigured(f"[{name}] in {FILE_NAME} must be a table, not {type(value).__name__}.")
    return value  # pyright: ignore[reportUnknownVariableType]


def _words(data: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value: Any = data.get(name, [])
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):  # pyright: ignore[reportUnknownVariableType]
        raise Misconfigured(f'{name} in {FILE_NAME} must be a list of names, for example {name} = ["recipes", "anthropic"].')
    return tuple(value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _known(data: Mapping[str, Any], keys: set[str], where: str) -> None:
    unknown = sorted(set(data) - keys)
    if unknown:
        raise Misconfigured(f"{where} has the unknown key {unknown[0]!r}; it knows {', '.join(sorted(keys))}.", code="unknown_key")
