"""Every stack trace in the sources of a project, with its first and last line and its identity, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from mcp_servers.kit.project import Project
from mcp_servers.kit.redaction import clean
from mcp_servers.kit.stack import Frame, StackTrace
from mcp_servers.logs import fingerprint
from mcp_servers.logs.fingerprint import Fingerprint
from mcp_servers.logs.fingerprint.naming import module_of
from mcp_servers.logs.groupings import Grouping, grouping_of
from mcp_servers.logs.model import LogRecord, Query, Severity
from mcp_servers.logs.reading import Reader
from mcp_servers.logs.sources import LogSource, Tally
from mcp_servers.logs.sources.files import Part, lines
from mcp_servers.logs.stacktrace import mark_in_app
from mcp_servers.logs.traces.finder import HINT, Found, find
from mcp_servers.logs.traces.lines import read

_WINDOW = 20_000
_TAIL = 400
_NEAR = 80
_LONGEST_MESSAGE = 2_000


@runtime_checkable
class InParts(Protocol):
    """A source that opens its files one by one."""

    def each_part(self, query: Query, tally: Tally, take: Callable[[Part], None]) -> None: ...


@runtime_checkable
class InStreams(Protocol):
    """A source that gives the lines of named streams."""

    def each_stream(self, query: Query, take: Callable[[str, Iterator[str]], None]) -> None: ...


@dataclass(frozen=True, slots=True)
class Traced:
    """One stack trace of a source; lines count from 1 and both are counted in. `computed` is the identity before a person's
    decision, which `decided` tells."""

    source: str
    first: int
    last: int
    trace: StackTrace
    fingerprint: Fingerprint
    computed: Fingerprint
    decided: str = ""

    def as_json(self) -> dict[str, Any]:
        """The value that a script reads: exceptions root cause first, frames of ours nearest the throw first."""
        own = [frame for exception in self.trace.exceptions for frame in reversed(exception.frames) if frame.in_app]
        value: dict[str, Any] = {
            "first_line": self.first,
            "last_line": self.last,
            "language": self.trace.language,
            "exceptions": [{"type": one.type, "message": clean(one.message[:_LONGEST_MESSAGE])} for one in self.trace.exceptions],
            "in_app": [self._frame(frame) for frame in own],
            "coarse": self.fingerprint.coarse,
            "fine": self.fingerprint.fine,
            "version": self.fingerprint.version,
            "identity": clean(fingerprint.fine_text(self.trace)),
        }
        return {**value, "grouping": self.decided} if self.decided else value

    def _frame(self, frame: Frame) -> dict[str, Any]:
        module = module_of(frame, self.trace.language) or frame.function.rpartition(".")[0]
        return {"module": clean(module), "function": clean(frame.function), "file": clean(frame.file), "line": frame.line}


@dataclass(slots=True)
class Survey:
    """All traces, how many lines were read of which source, and what could not be read."""

    traces: list[Traced] = field(default_factory=list[Traced])
    lines: dict[str, int] = field(default_factory=dict[str, int])
    notes: list[str] = field(default_factory=list[str])


def surveyed(project: Project, table: Mapping[str, Any]) -> Survey:
    """Every trace in all sources of the project, grouped as a `[grouping]` table says; raises what the sources raise when none could be read."""
    survey, tally, grouping = Survey(), Tally(), grouping_of(table)

    def use(source: LogSource) -> None:
        if isinstance(source, InParts):
            source.each_part(Query(), tally, lambda part: _survey(survey, part.origin, lines(part.stream, part.encoding, [0]), grouping))
        elif isinstance(source, InStreams):
            source.each_stream(Query(), lambda name, texts: _survey(survey, name, texts, grouping))

    Reader(project).visit(None, tally, use)
    survey.notes += [note for note in dict.fromkeys(tally.notes) if note not in survey.notes]
    return survey


def _survey(survey: Survey, name: str, texts: Iterable[str], grouping: Grouping) -> None:
    counted = 0

    def counting() -> Iterator[str]:
        nonlocal counted
        for text in texts:
            counted += 1
            yield text

    for found in found_in(counting()):
        trace = mark_in_app(found.trace, grouping.app_roots, grouping.library_roots)
        record = LogRecord(None, Severity.ERROR, "", trace=trace, grouping=grouping)
        identity, own = fingerprint.of(record), fingerprint.computed(record)
        if identity is None or own is None:
            continue
        decision = grouping.decided(own.coarse)
        survey.traces.append(Traced(name, found.first, found.last, trace, identity, own, str(decision) if decision else ""))
        if decision and str(decision) not in survey.notes:
            survey.notes.append(str(decision))
    survey.lines[name] = survey.lines.get(name, 0) + counted


def found_in(texts: Iterable[str]) -> Iterator[Found]:
    """The traces of a stream of lines, which is held in windows: a trace that reaches the end of one is looked at again in the next."""
    held: list[str] = []
    first = 1
    for text in texts:
        held.append(text)
        if len(held) >= _WINDOW:
            found = list(_found(held, first))
            end = first + len(held)
            open_from = min((one.first for one in found if one.last >= end - _TAIL), default=end - _TAIL)
            done = [one for one in found if one.first < open_from or one.first < end - _WINDOW // 2]
            yield from done
            begin = max(min(open_from, end - _TAIL), max((one.last + 1 for one in done), default=first), first + 1)
            held, first = held[begin - first :], begin
    yield from _found(held, first)


def _found(texts: list[str], first: int) -> Iterator[Found]:
    """As `find`, looking only at lines near one that may belong to a trace: most lines of most logs are read no further."""
    hints = [position for position, text in enumerate(texts) if HINT.search(text)]
    begin = 0
    for index, position in enumerate(hints):
        if index + 1 < len(hints) and hints[index + 1] - position <= 2 * _NEAR:
            continue
        near = texts[max(hints[begin] - _NEAR, 0) : position + _NEAR]
        yield from find(list(read(near, first + max(hints[begin] - _NEAR, 0))))
        begin = index + 1
