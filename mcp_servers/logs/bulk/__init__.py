"""Sources of any size into a digest or into templates: in blocks where a source gives them, record by record where it does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol, runtime_checkable

from mcp_servers.kit.project import Project
from mcp_servers.logs.bulk.halves import read_on_two_cores
from mcp_servers.logs.bulk.kinds import NO_KIND, LineKinds
from mcp_servers.logs.bulk.portions import Advance, Target, unseen
from mcp_servers.logs.digest import Digest
from mcp_servers.logs.lasting import Lasting
from mcp_servers.logs.model import Query
from mcp_servers.logs.reading import Reader
from mcp_servers.logs.sources import LogSource, Tally
from mcp_servers.logs.sources.files import Part
from mcp_servers.logs.templates import Template, template_id

BLANK_LINE = "(blank line)"

Progress = Callable[[str, int, int], None]
"""Told which file is read, how many bytes of it came since the last call, and its size (0: not known)."""


@runtime_checkable
class InParts(Protocol):
    """A source that can be read in blocks."""

    def each_part(self, query: Query, tally: Tally, take: Callable[[Part], None]) -> None: ...


@dataclass(frozen=True, slots=True)
class Mined:
    """The templates of all sources; every line is counted in one of them. `behind` names the template of each kind of line.

    `sources` are the files in the order read, with their lines. `close` it when done.
    """

    lines: int
    templates: tuple[Template, ...]
    notes: tuple[str, ...]
    sources: tuple[tuple[str, int], ...]
    behind: dict[int, Template]
    kinds: LineKinds

    def assigned(self) -> Iterator[tuple[str, int, Template]]:
        """Source, number (from 1) and template of every line in order, where `mined` was asked to keep them."""
        each = iter(self.kinds)
        for source, count in self.sources:
            for line in range(1, count + 1):
                yield source, line, self.behind[next(each)]

    def close(self) -> None:
        self.kinds.close()


def digested(reader: Reader, names: Sequence[str] | None, query: Query, advance: Advance = unseen) -> tuple[Digest, Tally]:
    """The digest of what a query asks for, and where every line went; raises as `Reader.scan`.

    `advance` is told how many bytes came, several times a second; what it raises ends the reading.
    """
    target = Target(Digest(), Tally(), query)

    def use(source: LogSource) -> None:
        if query.text or not isinstance(source, InParts):
            for record in source.scan(query, target.tally):
                target.digest.add(record)
                advance(0)
        else:
            source.each_part(query, target.tally, lambda part: read_on_two_cores(part, target, advance))

    reader.visit(names, target.tally, use)
    return target.digest, target.tally


def mined(
    project: Project, *, content: bool = False, assign: bool = False, progress: Progress | None = None, lasting: Path | None = None
) -> Mined:
    """All templates of a project's sources, over all services and severities. `content`: each line is a message without a header.

    With `assign` the template of each line is kept (four bytes a line, on disk), with the folder `lasting` templates have ids that last.
    Raises as `Reader.scan`.
    """
    kinds = LineKinds(keep=assign)
    target = Target(Digest(apart=False), Tally(), content=content, kinds=kinds)
    sources: list[tuple[str, int]] = []

    def use(source: LogSource) -> None:
        if isinstance(source, InParts):
            source.each_part(target.query, target.tally, take)
        else:
            _read_records(source, target)
            sources.append((source.name, kinds.counts.total() - sum(count for _, count in sources)))

    def told(origin: str, came: int, size: int) -> None:
        if progress:
            progress(origin, came, size)

    def take(part: Part) -> None:
        size = part.path.stat().st_size if part.path else 0
        try:
            read_on_two_cores(part, target, partial(told, part.origin, size=size))
        finally:
            sources.append((part.origin, kinds.counts.total() - sum(count for _, count in sources)))

    try:
        Reader(project).visit(None, target.tally, use)
    except BaseException:
        kinds.close()
        raise
    return _mined(target, kinds, sources, Lasting(lasting, project.root) if lasting else None)


def _mined(target: Target, kinds: LineKinds, sources: list[tuple[str, int]], lasting: Lasting | None) -> Mined:
    behind = {kind: target.digest.line_of(kind).template for kind in kinds.counts if kind != NO_KIND}
    if lasting:
        ids = lasting.settled(target.digest.forms(), target.tally.notes)
        behind = {kind: replace(template, id=ids.of(template.id)) for kind, template in behind.items()}
    behind[NO_KIND] = Template(template_id(BLANK_LINE), BLANK_LINE, 0, None, None, "")
    counts: Counter[str] = Counter()
    for kind, count in kinds.counts.items():
        counts[behind[kind].id] += count
    by_id = {template.id: template for template in behind.values()}
    found = [replace(by_id[one], count=count) for one, count in counts.items()]
    found.sort(key=lambda template: (-template.count, template.text))
    notes = tuple(dict.fromkeys(target.tally.notes))
    return Mined(kinds.counts.total(), tuple(found), notes, tuple(sources), behind, kinds)


def _read_records(source: LogSource, target: Target) -> None:
    """Lines booked before a record are its own, but for the blank ones."""
    tally, kinds = target.tally, target.kinds or LineKinds()
    lines, blank = tally.lines, tally.blank
    for record in source.scan(target.query, tally):
        kind = target.digest.kind(record)
        target.digest.count(kind, 1, record.timestamp, record.timestamp)
        empty = tally.blank - blank
        kinds.take([NO_KIND] * empty + [kind] * (tally.lines - lines - empty))
        lines, blank = tally.lines, tally.blank
    kinds.take([NO_KIND] * (tally.lines - lines))
