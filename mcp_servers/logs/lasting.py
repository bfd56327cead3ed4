"""Lasting ids of a project's templates: what was called so yesterday is called so today, whatever else was read since."""

from __future__ import annotations

import fcntl
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_servers.kit.errors import Misconfigured
from mcp_servers.kit.redaction import clean
from mcp_servers.logs.digest import Digest, Line, text_of
from mcp_servers.logs.templates import catalogue_file
from mcp_servers.logs.templates.catalogue import Catalogue, Entry, Mined

if TYPE_CHECKING:  # the store and the detectors cost a command more to import than its work
    from mcp_servers.kit.deps import Deps
    from mcp_servers.logs.anomalies.novelty import SeenFirst


@dataclass(frozen=True, slots=True)
class Ids:
    """The lasting id of each template by the id of its content, and how the ids of before read now."""

    lasting: Mapping[str, str]
    catalogue: Catalogue

    def of(self, template: str) -> str:
        """The lasting id of a template that was just mined, told by the id of its content."""
        return self.lasting.get(template, template)

    def lines(self, digest: Digest) -> list[Line]:
        """The lines of a digest, their templates under lasting ids."""
        return [replace(line, template=replace(line.template, id=self.of(line.template.id))) for line in digest.lines()]


class Lasting:
    """The templates of one project, in a file of the state folder that processes change one after the other."""

    def __init__(self, folder: Path, project: Path) -> None:
        self._folder = folder
        self._name = str(project)

    @classmethod
    def of(cls, deps: Deps) -> Lasting:
        """Those of the watched project."""
        return cls(deps.scratch / "templates", deps.watched().root)

    def settled(self, mined: Sequence[Mined], notes: list[str]) -> Ids:
        """The ids of these templates, remembered from now on. What hinders remembering is noted, and they hold for this answer."""
        try:
            with self._alone():
                known = self._known(notes)
                later, settled = known.settle(mined)
                later = _cleaned(known, later)
                if _says(later) != _says(known):
                    catalogue_file.save(self._folder, self._name, later)
        except OSError as error:
            notes.append(f"The ids of templates could not be kept in {self._folder}: {error}. They hold for this answer only.")
            later, settled = Catalogue().settle(mined)
        return Ids({name: one.id for one in settled for name in (one.mined.id, *one.mined.also)}, later)

    def seen_first(self) -> SeenFirst:
        """When a kind of record was first written, by what is remembered; never raises for a file that cannot be read."""
        try:
            known = catalogue_file.load(self._folder, self._name)
        except Misconfigured:
            known = Catalogue()
        return lambda record: known.first_of(text_of(record))

    def _known(self, notes: list[str]) -> Catalogue:
        try:
            return catalogue_file.load(self._folder, self._name)
        except Misconfigured as error:
            aside = catalogue_file.set_aside(self._folder, self._name)
            notes.append(f"The file of template ids could not be read and was set aside as {aside}; templates may have new ids. {error}")
            return Catalogue()

    @contextmanager
    def _alone(self) -> Generator[None]:
        """One process at a time; the system lets go of the lock when a process dies."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with catalogue_file.path_of(self._folder, self._name).with_suffix(".lock").open("w", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _cleaned(before: Catalogue, after: Catalogue) -> Catalogue:
    """What is kept on disk holds no secrets, as what leaves a server."""
    known = {entry.text for entry in before.entries}
    entries = (entry if entry.text in known else replace(entry, text=clean(entry.text)) for entry in after.entries)
    return Catalogue(tuple(entries), after.rounds)


def _says(catalogue: Catalogue) -> list[Entry]:
    """What a catalogue tells, without when it was asked."""
    return [replace(entry, seen=0) for entry in catalogue.entries]
