"""Where in the lines of one shape a value stands: learned from one line, then cut out of every other without parsing it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mcp_servers.logs.formats import Parser
from mcp_servers.logs.model import LogRecord
from mcp_servers.logs.times import Clock

NOWHEN = datetime(1, 1, 2, tzinfo=UTC)
"""Given to a parser as the time of the line before, to see whether the next line tells its own."""

_FINEST = 6  # digits behind the second: microseconds
_NUMBER = re.compile(rb"[0-9]+")
_NEXT_DIGIT = bytes.maketrans(b"0123456789", b"1234567890")
_STARTS = re.compile(rb"(?:^|(?<=[\s\"\[(<>=|:,]))[A-Z0-9@]")
_ENDS = re.compile(rb"(?=[\s\"\]),|:}]|$)")
_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_KEY_BEFORE = re.compile(rb"[A-Za-z_@.-]\\?\"?\s?[:=]\s?\\?\"?$|^<$")
_CLOCK = re.compile(rb"(?<![0-9])[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?")
_YEAR_FIRST = re.compile(rb"[\[(]?[0-9]{4}([-/.])[0-9]{2}\1[0-9]{2}[T ]")
_LONGEST_TIME = 40
_LONGEST_CONTEXT = 48
_FAR = 400
_MOST_STARTS = 24
_STATUSES = (b"200", b"404", b"503")
_LEVELS = (b"2", b"3", b"4", b"6", b"9", b"13", b"17", b"20", b"21", b"30", b"50", b"131", *_STATUSES)


@dataclass(frozen=True, slots=True)
class Place:
    """Behind the nth occurrence of a context (text without digits; empty: the line's start), `width` bytes, then `end`.

    `ends` counts how often `end` stands inside. Where the width differs from line to line, the value still goes up to that `end`.
    """

    context: bytes
    nth: int
    width: int
    end: bytes
    ends: int

    @classmethod
    def of(cls, line: bytes, start: int, stop: int) -> Place | None:
        """The place of line[start:stop]; None where nothing constant stands before it."""
        begin = start
        while begin and start - begin < _LONGEST_CONTEXT and not 48 <= line[begin - 1] <= 57:
            begin -= 1
        while 0 < begin < start and chr(line[begin]).isalnum():
            begin += 1
        context, end = line[begin:start], line[stop : stop + 1]
        if begin and not context:
            return None
        nth = sum(1 for _ in _occurrences(line[:start], context)) - 1 if begin else 0
        return cls(context, nth, stop - start, end, line[start:stop].count(end) if end else 0)

    def start(self, line: bytes) -> int:
        """Where the value begins, -1 in a line of another shape."""
        position = -1
        for _ in range(self.nth + 1):
            position = line.find(self.context, position + 1)
            if position < 0:
                return -1
        return position + len(self.context)

    def keys(self, lines: Sequence[bytes]) -> list[bytes]:
        """The value of each line with the byte behind it."""
        width, context, skip = self.width + 1, self.context, len(self.context)
        if not context:
            return [line[:width] for line in lines]
        if self.nth:
            return [line[(at := self.start(line)) : at + width] for line in lines]
        return [line[(at := line.find(context) + skip) : at + width] for line in lines]

    def holds(self, key: bytes) -> bool:
        """Whether a key of `keys` is the whole value: it has the width of the line that taught the place."""
        if not self.end:
            return len(key) == self.width
        return len(key) == self.width + 1 and key.endswith(self.end) and key.count(self.end) == self.ends + 1

    def sortable(self, keys: Sequence[bytes]) -> bool:
        """Whether these keys order as the moments do: widths and zones alike, and dates alike or written year first."""
        if not keys or not all(map(self.holds, (keys[0], keys[-1]))) or len(set(map(len, keys))) > 1:
            return False
        first = keys[0]
        if first[: self.width].isdigit():
            begin, stop = 0, self.width
        elif clock := _CLOCK.search(first):
            begin, stop = clock.span()
            begin = 0 if _YEAR_FIRST.fullmatch(first, 0, begin) else begin
        else:
            return False
        before, behind = first[:begin], first[stop:]
        return all([key[stop:] == behind for key in keys]) and (not begin or all([key[:begin] == before for key in keys]))

    def cut(self, line: bytes) -> bytes:
        """The value in this line, whatever its width."""
        at = stop = self.start(line)
        if at < 0:
            return b""
        if not self.end:
            return line[at : at + 2 * _LONGEST_TIME]
        for _ in range(self.ends + 1):
            stop = line.find(self.end, stop) + 1
            if not stop:
                return b""
        return line[at : stop - 1]

    def number(self, line: bytes) -> bytes:
        """The digits in this place."""
        at = self.start(line)
        found = _NUMBER.match(line, at) if at >= 0 else None
        return found[0] if found else b""

    def tells(self, key: bytes, line: bytes) -> bool:
        """Whether a key of `keys` holds the whole number that stands in this place of the line."""
        digits = self.number(line)
        return key.startswith(digits) and len(key) > len(digits) and not key[len(digits) : len(digits) + 1].isdigit()


class Probe:
    """Asks a parser what it reads in a line, and which parts of the line it reads it from."""

    def __init__(self, parser: Parser, clock: Clock) -> None:
        self._parser = parser
        self._clock = clock
        self._mute: set[bytes] = set()

    def record(self, line: bytes) -> LogRecord:
        """What the parser reads; its time is NOWHEN where the line tells none."""
        self._parser.parse("", "", NOWHEN)
        return self._parser.parse(text_of_line(line))

    def time(self, line: bytes, moment: datetime, known: Sequence[Place]) -> Place | None:
        """The place that the line's time was read from; None when it cannot be told."""
        for place in known:
            if self._is(place.cut(line), moment) and place.holds(place.keys([line])[0]) and self._moves(line, place, moment):
                return place
        for start, stop in _candidates(line):
            if self._is(line[start:stop], moment):
                place = Place.of(line, start, stop)
                if place and self._moves(line, place, moment) and not self._goes_on(line, stop, moment):
                    return place
        return None

    def telling(self, line: bytes, record: LogRecord) -> tuple[Place, ...] | None:
        """The places of the numbers that severity and service depend on; None when there are too many or one cannot be placed."""
        named = any(character.isdigit() for character in record.service)
        told: list[Place] = []
        for found in _NUMBER.finditer(line):
            before = line[max(found.start() - 12, 0) : found.start()].translate(_ZEROS)
            others = _others(line, found, named=named) if named or before not in self._mute else ()
            if not others:
                continue
            if any(self._differs(line[: found.start()] + other + line[found.end() :], record) for other in others):
                place = Place.of(line, *found.span())
                if place is None or len(told) == 4:
                    return None
                told.append(place)
            elif not named and len(self._mute) < 10_000:
                self._mute.add(before)
        return tuple(told)

    def _is(self, text: bytes, moment: datetime) -> bool:
        return bool(text) and self._clock.read(text.decode("utf-8", "replace")) == moment

    def _moves(self, line: bytes, place: Place, moment: datetime) -> bool:
        """Whether another last digit there is another time; of a finer part than a time holds, the last that it does."""
        at = place.start(line)
        digits = list(_NUMBER.finditer(line, at, at + place.width))
        if not digits:
            return False
        end = min(digits[-1].end(), digits[-1].start() + _FINEST)
        return self._read(line, end - 1, end).timestamp != moment

    def _goes_on(self, line: bytes, stop: int, moment: datetime) -> bool:
        """Whether the digits that follow belong to the time as well."""
        following = _NUMBER.search(line, stop, stop + 12)
        return bool(following) and self._read(line, *following.span()).timestamp != moment

    def _differs(self, line: bytes, record: LogRecord) -> bool:
        read = self._parser.parse(text_of_line(line))
        return (read.severity, read.service) != (record.severity, record.service)

    def _read(self, line: bytes, start: int, stop: int) -> LogRecord:
        return self._parser.parse(text_of_line(line[:start] + line[start:stop].translate(_NEXT_DIGIT) + line[stop:]))


def text_of_line(line: bytes) -> str:
    """A line as every source gives it to a parser."""
    return line.decode("utf-8", "replace").strip("\r\n\0")


def _others(line: bytes, found: re.Match[bytes], *, named: bool) -> Sequence[bytes]:
    """What to try in place of a number: levels after a key or in front, statuses for three digits on their own, another name's digits."""
    start, value = found.start(), found[0]
    tried = [value.translate(_NEXT_DIGIT)] if named else []
    if len(value) > 3:
        return tried
    if _KEY_BEFORE.search(line, max(start - 24, 0), start):
        return [*tried, *_LEVELS]
    alone = len(value) == 3 and b"1" <= value[:1] <= b"5" and start > 0 and line[start - 1] in b' \t"|,'
    return [*tried, *_STATUSES] if alone else tried


def _candidates(line: bytes) -> Iterator[tuple[int, int]]:
    """What may be a time: from the start of a word to the end of a word, short ones first."""
    quoted = line[:1] == b"{"
    starts = [found.start() for found in _STARTS.finditer(line, 0, 4096 if quoted else _FAR)]
    if quoted:
        starts = [start for start in starts if line[start : start + 1].isdigit()]
    for start in starts[: 4 * _MOST_STARTS if quoted else _MOST_STARTS]:
        for end in _ENDS.finditer(line, start + 5, min(start + _LONGEST_TIME, len(line))):
            yield start, end.start()
        if len(line) - start <= _LONGEST_TIME:
            yield start, len(line)


def _occurrences(text: bytes, context: bytes) -> Iterator[int]:
    position = text.find(context)
    while position >= 0:
        yield position
        position = text.find(context, position + 1)
