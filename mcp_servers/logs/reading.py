"""The project's sources read as one: a source that fails is a note, as long as another one answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches

from mcp_servers.kit.errors import KintsugiError, Misconfigured, Refusal
from mcp_servers.kit.project import Project, Source
from mcp_servers.kit.work import wanted
from mcp_servers.logs import fingerprint
from mcp_servers.logs.groupings import AS_IT_IS, grouping_of
from mcp_servers.logs.model import LogRecord, Query, Reading, Severity
from mcp_servers.logs.sources import LogSource, Tally, newest, open_source
from mcp_servers.logs.stacktrace import mark_in_app


class Reader:
    """Reads the sources that a project describes. They are opened once: what a source remembers serves the next call."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._opened: dict[str, LogSource] = {}
        self._grouping = grouping_of(project.grouping)

    def chosen(self, names: Sequence[str] | None) -> list[Source]:
        """The sources of these names, or all; raises `Refusal` for a name that is not there and `Misconfigured` when there are none."""
        known = {source.name: source for source in self.project.sources}
        if not known:
            raise Misconfigured(
                'kintsugi.toml describes no log sources; add for example [sources.app] with type = "files" and paths = ["logs/*.log"].',
                code="no_sources",
            )
        for name in names or ():
            if name not in known:
                close = get_close_matches(name, known, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}."
                raise Refusal(f"There is no log source named {name!r}; {hint}", code="unknown_name")
        return [known[name] for name in names or known]

    def scan(self, names: Sequence[str] | None, query: Query, tally: Tally) -> Iterator[LogRecord]:
        """Streams what matches, source by source, while it is wanted; raises what the sources raised when not one could be read."""
        failed: list[KintsugiError] = []
        chosen = self.chosen(names)
        for source in chosen:
            try:
                for record in self._grouped(self._open(source).scan(query, tally), tally):
                    wanted()
                    yield record
            except KintsugiError as error:
                failed.append(error)
                tally.notes.append(f"{source.name}: {error}")
        if failed and len(failed) == len(chosen):
            raise failed[0]

    def _grouped(self, records: Iterator[LogRecord], tally: Tally) -> Iterator[LogRecord]:
        """The records with what a person decided about the project's errors; a decision that applied is noted once."""
        if self._grouping is AS_IT_IS:
            yield from records
            return
        roots = self._grouping.app_roots, self._grouping.library_roots
        for record in records:
            trace = mark_in_app(record.trace, *roots) if record.trace and any(roots) else record.trace
            record = replace(record, trace=trace, grouping=self._grouping)
            own = fingerprint.computed(record) if trace or record.severity >= Severity.ERROR else None
            decision = self._grouping.decided(own.coarse) if own else None
            if decision is not None and str(decision) not in tally.notes:
                tally.notes.append(str(decision))
            yield record

    def visit(self, names: Sequence[str] | None, tally: Tally, use: Callable[[LogSource], None]) -> None:
        """Gives each source to `use`; notes and raises as `scan` does."""
        failed: list[KintsugiError] = []
        chosen = self.chosen(names)
        for source in chosen:
            try:
                use(self._open(source))
            except KintsugiError as error:
                failed.append(error)
                tally.notes.append(f"{source.name}: {error}")
        if failed and len(failed) == len(chosen):
            raise failed[0]

    def _open(self, source: Source) -> LogSource:
        if source.name not in self._opened:
            self._opened[source.name] = open_source(source, self.project.root)
        return self._opened[source.name]

    def read(self, names: Sequence[str] | None, query: Query, keep: Callable[[LogRecord], bool] | None = None) -> tuple[Reading, Tally]:
        """The newest matching records in time order, and where every line went. `keep` chooses further."""
        tally = Tally()
        matching = self.scan(names, query, tally)
        kept = 0

        def counted() -> Iterator[LogRecord]:
            nonlocal kept
            for record in matching:
                if keep is None or keep(record):
                    kept += 1
                    yield record

        records = newest(counted(), query.limit)
        return Reading(records, tally.lines, cut=kept > len(records), notes=tuple(dict.fromkeys(tally.notes))), replace(tally, matched=kept)
