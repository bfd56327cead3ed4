"""Blocks of lines into a digest: each shape of line is parsed once, the others of its shape are counted and dated.

What comes out is what parsing line by line would give: the same templates, counts, times, severities, services and accounts.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from mcp_servers.logs.bulk.kinds import NO_KIND, NOT_ASKED, LineKinds
from mcp_servers.logs.bulk.lines import ALONE, BLANK, JOINS, joined, standing
from mcp_servers.logs.bulk.places import NOWHEN, Place, Probe, text_of_line
from mcp_servers.logs.bulk.runs import Runs
from mcp_servers.logs.bulk.shapes import Shapes
from mcp_servers.logs.bulk.spans import Spans, Times, extremes, spans_of
from mcp_servers.logs.digest import Digest
from mcp_servers.logs.formats import Parser, jsons
from mcp_servers.logs.model import LogRecord, Query
from mcp_servers.logs.multiline import Entry, unpacked
from mcp_servers.logs.sources import Tally, matches
from mcp_servers.logs.times import Clock

_BATCHES = tuple(start.encode() for start in jsons.BATCHES)
_ESCAPE = re.compile(rb"\\u[0-9a-fA-F]{4}")
_LONGEST_KEY = 64
_MOST_TOLD = 20_000
_LINES_BEFORE = 8
_FEW_KINDS_OF_TIME = 16

_ELSEWHERE = 0

_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Shape:
    """What was learned from the first line of a shape. `kind` is -1 until a line of it is counted.

    `told` are the shapes of its lines by their telling numbers; `read` likewise, by what stands in the place of the only one.
    """

    standing: int
    record: LogRecord | None = None
    time: Place | None = None
    telling: tuple[Place, ...] = ()
    escaped: bool = False
    each: bool = False
    asked: bool = True
    counts: bool = True
    kind: int = NO_KIND
    told: dict[tuple[bytes, ...], int] = field(default_factory=dict[tuple[bytes, ...], int])
    read: dict[bytes, int] = field(default_factory=dict[bytes, int])

    @property
    def plain(self) -> bool:
        """Lines of this shape need no look of their own."""
        return self.standing == BLANK or not (self.telling or self.escaped)


class Columns:
    """Takes one file in blocks of whole lines, books them in the tally and counts them in the digest. `close` ends it."""

    def __init__(
        self, digest: Digest, parser: Callable[[], Parser], reference: datetime, query: Query, tally: Tally, kinds: LineKinds | None = None
    ) -> None:
        self._digest = digest
        self._query = query
        self._tally = tally
        self._clock = Clock(reference)
        self._probe = Probe(parser(), self._clock)
        self._parser = parser()
        self._shapes = Shapes(self._new, heads=True)
        self._known: list[_Shape] = []
        self._standings: list[int] = []
        self._plain: list[bool] = []
        self._fresh: list[int] = []
        self._places: list[Place] = []
        self._times: dict[Place, Times] = {}
        self._last: datetime | None = None
        self._held = b""
        self._any_each = False
        self._entries_known: dict[tuple[int, ...], int] = {}
        self._runs = Runs()
        self._kinds = kinds
        self._register(_Shape(BLANK, counts=False))

    def take(self, block: bytes) -> None:
        """Reads a block of whole lines, without the newline at its end. Its last lines wait for what follows."""
        self._read(self._held + block, final=False)

    def close(self) -> None:
        """Reads what waits. The file has ended."""
        if self._held:
            self._read(self._held[:-1], final=True)

    def _read(self, block: bytes, *, final: bool) -> None:
        lines = block.split(b"\n")
        numbers = self._shapes.numbers(block)
        self._settle(numbers, lines)
        standings = bytes(map(self._standings.__getitem__, numbers))
        entries, end = self._runs.entries(lines, numbers, standings, final=final)
        self._held = b"".join(line + b"\n" for line in lines[end:])
        self._book(lines[:end], numbers[:end], entries)

    def _book(self, lines: list[bytes], numbers: list[int], entries: list[Entry]) -> None:
        """Counts lines that belong together in full."""
        if not lines:
            return
        for entry in entries:
            spots = [number - 1 for number in entry.span]
            together = self._together(entry, lines[spots[0]], [numbers[at] for at in spots])
            for at in spots:
                numbers[at] = _ELSEWHERE
            numbers[spots[0]] = together
        if not all(map(self._plain.__getitem__, set(numbers))):
            numbers = self._told_apart(numbers, lines)
        alone = [at for at, number in enumerate(numbers) if self._known[number].each] if self._any_each else []
        texts = {entry.line - 1: entry.text for entry in entries if entry.lines > 1} if alone else {}
        records = {at: self._records(texts.get(at) or text_of_line(lines[at])) for at in alone}
        for at in records:
            numbers[at] = _ELSEWHERE
        moments, before = list[datetime | None](), self._last
        spans = self._spans_by_keys(lines, numbers) if not records and not self._query.since and not self._query.until else None
        if spans is None:
            moments = self._moments(lines, numbers, {at: _last_told(found) for at, found in records.items()})
            self._last = moments[-1]
            numbers = self._inside(numbers, moments)
            spans = spans_of(numbers, moments)
        kinds = self._counted(numbers, *spans)
        for at, found in records.items():
            last = moments[at - 1] if at else before
            for left, record in zip(range(len(found) - 1, -1, -1), found, strict=True):
                last = record.timestamp or last
                kinds[at] = self._added(record if record.timestamp else replace(record, timestamp=last), int(not left))
        for entry in entries:
            self._tally.lines += entry.lines - 1
            self._tally.continuations += entry.lines - 1
            for number in entry.span:
                kinds[number - 1] = kinds[entry.line - 1]
        if self._kinds:
            self._kinds.take(kinds)

    def _together(self, entry: Entry, line: bytes, numbers: Sequence[int]) -> int:
        """The shape of an entry: of its first line, and of the others in turn."""
        first = self._known[numbers[0]]
        if entry.lines == 1 and first.standing in (ALONE, BLANK):
            return numbers[0]
        key = tuple(numbers) if len(numbers) <= _LONGEST_KEY else (hash(tuple(numbers)),)
        known = self._entries_known.get(key)
        if known is None:
            if len(self._entries_known) >= _MOST_TOLD:
                self._entries_known.clear()
            shape = _Shape(ALONE)
            self._learn(shape, line)
            record = self._record(entry.text)
            own = self.times(shape.time).of(line) if shape.time else None
            shape.each = shape.each or bool(shape.telling) or shape.escaped or record.timestamp != own
            shape.record, shape.telling, shape.escaped = record, (), False
            shape.asked = matches(replace(self._query, since=None, until=None), record)
            known = self._entries_known[key] = self._register(shape)
        return known

    def _moments(self, lines: list[bytes], numbers: list[int], others: Mapping[int, datetime | None]) -> list[datetime | None]:
        """When each line was written. A line that does not tell has the time of the line before."""
        present = set(numbers)
        places = {self._known[number].time for number in present}
        if len(places) == 1 and (place := places.pop()):
            times = self.times(place)
            moments = list(map(times.__getitem__, place.keys(lines)))
            if not times.odd:
                return moments
        moments = self._scattered(lines, numbers)
        for at, moment in others.items():
            moments[at] = moment
        last = self._last
        for at, moment in enumerate(moments):
            if moment is None:
                moments[at] = last
            else:
                last = moment
        return moments

    def _scattered(self, lines: list[bytes], numbers: list[int]) -> list[datetime | None]:
        moments: list[datetime | None] = [None] * len(lines)
        where: defaultdict[Place, list[int]] = defaultdict(list)
        placed = {number: where[place].append for number in set(numbers) if (place := self._known[number].time)}
        for at, number in enumerate(numbers):
            if number in placed:
                placed[number](at)
        for place, found in where.items():
            times = self.times(place)
            for at, key in zip(found, place.keys([lines[at] for at in found]), strict=True):
                moment = times[key]
                moments[at] = times.of(lines[at]) if moment is NOWHEN else moment
        return moments

    def _spans_by_keys(self, lines: list[bytes], numbers: list[int]) -> Spans | None:
        """The first and the last moment of each shape, where all lines tell theirs and times in one place order as their texts do."""
        present = {number for number in set(numbers) if self._known[number].standing != BLANK}
        where: dict[Place, tuple[list[int], list[bytes]]] = {}
        for number in present:
            place = self._known[number].time
            if place is None:
                return None
            where.setdefault(place, ([], []))
        if len(where) == 1 and len(present) == len(set(numbers)):
            where = {place: (numbers, lines) for place in where}
        else:
            takes = {number: where[place] for number in present if (place := self._known[number].time)}
            for number, line in zip(numbers, lines, strict=True):
                if number in takes:
                    group, texts = takes[number]
                    group.append(number)
                    texts.append(line)
        spans: Spans = ({}, {})
        for place, (group, texts) in where.items():
            keys = place.keys(texts)
            if not place.sortable(keys):
                return None
            for found, chosen in zip(spans, extremes(group, keys), strict=True):
                for number, key in chosen.items():
                    moment = self.times(place)[key]
                    if moment is None or moment is NOWHEN:
                        return None
                    found[number] = moment
        at = next((at for at in range(len(numbers) - 1, -1, -1) if numbers[at] in present), None)
        if at is not None and (place := self._known[numbers[at]].time):
            self._last = self.times(place).of(lines[at])
        return spans

    def _counted(self, numbers: list[int], first: Mapping[int, datetime], last: Mapping[int, datetime]) -> list[int]:
        """Books the lines and gives the digest's kind of each."""
        kinds: dict[int, int] = {}
        for number, count in Counter(numbers).items():
            kinds[number] = self._count(self._known[number], count, first.get(number), last.get(number))
        return list(map(kinds.__getitem__, numbers)) if self._kinds else [NO_KIND] * len(numbers)

    def _count(self, shape: _Shape, count: int, first: datetime | None, last: datetime | None) -> int:
        if shape.standing == BLANK:
            if shape.counts:
                self._tally.lines += count
                self._tally.blank += count
            return NO_KIND
        self._tally.lines += count
        if last and (self._tally.newest is None or last > self._tally.newest):
            self._tally.newest = last
        if not shape.asked:
            self._tally.filtered += count
            return NOT_ASKED
        self._tally.matched += count
        if shape.kind == NO_KIND and shape.record is not None:
            shape.kind, shape.record = self._digest.kind(shape.record), None
        self._digest.count(shape.kind, count, first, last)
        return shape.kind

    def _inside(self, numbers: list[int], moments: list[datetime | None]) -> list[int]:
        """The lines outside the window are booked here and now."""
        if not self._query.since and not self._query.until:
            return numbers
        since, until = self._query.since or _FIRST, self._query.until or _LAST
        kept = list(numbers)
        for at, (number, moment) in enumerate(zip(numbers, moments, strict=True)):
            if moment is not None and not since <= moment < until and self._known[number].standing != BLANK:
                kept[at] = _ELSEWHERE
                self._tally.lines += 1
                self._tally.filtered += 1
                self._tally.newest = max(self._tally.newest or moment, moment)
        return kept

    def _added(self, record: LogRecord, lines: int) -> int:
        if not self._tally.count(lines, record, self._query):
            return NOT_ASKED
        kind = self._digest.kind(record)
        self._digest.count(kind, 1, record.timestamp, record.timestamp)
        return kind

    def _record(self, text: str) -> LogRecord:
        """The record of an entry; without a time when it tells none."""
        self._parser.parse("", "", NOWHEN)
        record = self._parser.parse(text)
        return replace(record, timestamp=None) if record.timestamp == NOWHEN else record

    def _records(self, text: str) -> list[LogRecord]:
        """As `_record`, one for each that a batch holds."""
        return [self._record(entry.text) for entry in unpacked(text, 0)]

    # shapes

    def _new(self, line: bytes) -> int:
        text = text_of_line(line)
        shape = _Shape(standing(text))
        if shape.standing == ALONE:
            self._learn(shape, line)
        return self._register(shape)

    def _register(self, shape: _Shape) -> int:
        number = len(self._known)
        self._known.append(shape)
        self._standings.append(shape.standing)
        self._plain.append(shape.plain)
        self._fresh.append(number)
        self._any_each = self._any_each or shape.each
        return number

    def _learn(self, shape: _Shape, line: bytes) -> None:
        record = self._probe.record(line)
        shape.record, shape.escaped = record, b"\\u" in line
        if record.timestamp is not None and record.timestamp != NOWHEN:
            shape.time = self._probe.time(line, record.timestamp, self._places)
            shape.each = shape.each or shape.time is None
            if shape.time and shape.time not in self._places and len(self._places) < _FEW_KINDS_OF_TIME:
                self._places.append(shape.time)
        telling = self._probe.telling(line, record)
        shape.telling, shape.each = telling or (), shape.each or telling is None or line.startswith(_BATCHES)
        shape.asked = matches(replace(self._query, since=None, until=None), record)

    def _settle(self, numbers: Sequence[int], lines: Sequence[bytes]) -> None:
        """Looks at the neighbours that lines of new shapes really have."""
        fresh = {number for number in self._fresh if self._known[number].standing == ALONE}
        self._fresh.clear()
        for index, number in enumerate(numbers if fresh else ()):
            if number in fresh:
                fresh.discard(number)
                before = [text_of_line(line) for line in lines[max(index - _LINES_BEFORE, 0) : index]]
                text = text_of_line(lines[index])
                if before and joined(before[-1:], text) and joined(before, text):
                    self._known[number].standing = self._standings[number] = JOINS
                if not fresh:
                    return

    def _told_apart(self, numbers: list[int], lines: list[bytes]) -> list[int]:
        """The shape of each line among those that differ only in telling numbers."""
        told, plain = list(numbers), self._plain
        where: defaultdict[int, list[int]] = defaultdict(list)
        for at, number in enumerate(numbers):
            if not plain[number]:
                where[number].append(at)
        for number, spots in where.items():
            shape = self._known[number]
            found = [lines[at] for at in spots]
            each = [self._told(shape, line) for line in found] if shape.escaped or len(shape.telling) > 1 else self._read_from(shape, found)
            for at, part in zip(spots, each, strict=True):
                told[at] = part
        return told

    def _read_from(self, shape: _Shape, lines: list[bytes]) -> Iterator[int]:
        """As `_told`, for lines of a shape that one number tells apart."""
        (place,), read = shape.telling, shape.read
        for key, line in zip(place.keys(lines), lines, strict=True):
            known = read.get(key)
            if known is None:
                known = self._told(shape, line)
                if place.tells(key, line) and len(read) < _MOST_TOLD:
                    read[key] = known
            yield known

    def _told(self, shape: _Shape, line: bytes) -> int:
        """The shape of one line among those that differ only in telling numbers."""
        values = tuple([place.number(line) for place in shape.telling] + (_ESCAPE.findall(line) if shape.escaped else []))
        known = shape.told.get(values)
        if known is None:
            if len(shape.told) >= _MOST_TOLD:
                shape.told.clear()
            record = self._probe.record(line)
            part = replace(shape, record=record, telling=(), escaped=False, told={}, read={}, kind=NO_KIND)
            part.asked = matches(replace(self._query, since=None, until=None), record)
            known = shape.told[values] = self._register(part)
            self._fresh.clear()
        return known

    def times(self, place: Place) -> Times:
        known = self._times.get(place)
        if known is None:
            known = self._times[place] = Times(place, self._clock)
        return known


def _last_told(records: Sequence[LogRecord]) -> datetime | None:
    return next((record.timestamp for record in reversed(records) if record.timestamp), None)
