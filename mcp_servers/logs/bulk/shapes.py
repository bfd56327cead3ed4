"""Lines that differ only in values are of one shape. Told a block of lines at a time, so that the work for a line is done in C."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from itertools import accumulate

from mcp_servers.logs.bulk.skeletons import Skeletons, Stretches
from mcp_servers.logs.templates.masking import canonical

_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_ESCAPED = b'\\"'
_HEX_LETTERS = b"abcdefABCDEF"
_KNOWN_LINES = 200_000
_KNOWN_SHAPES = 100_000
_KNOWN_WORDS = 20_000
_LONGEST_WORD = 1_024
_OF_NUMBERS = b"0123456789.,:-[]{}() truefalsn"
_STAMP_WORD = 40
_SHORTEST_ID = 8
_HEAD_WORDS = 4
_QUOTED_FROM, _QUOTES = 400, 8  # a line with so many quotes among its first characters is read by them
_FEW_LINES = 1_000
_MOSTLY_NEW = 0.3
_LOOK_AGAIN = 16  # blocks

_ID = re.compile(rb"(?<![A-Za-z0-9\x80-\xff])[a-fA-F]*+0[0a-fA-F]*+(?![A-Za-z0-9\x80-\xff])")
_PARTED_ID = re.compile(rb"(?<![^ \"(\[=])0(?:-(?:0|[a-fA-F]{4,}))+(?![^ \",;)\]])")
_ASCII_WORD = re.compile(rb"(?<![A-Za-z0-9\x80-\xff])[A-Za-z0-9]*0[A-Za-z0-9]*(?![A-Za-z0-9\x80-\xff])")

New = Callable[[bytes], int]
"""Gives a number to a line of a shape not seen before."""


class _Words(dict[bytes, bytes]):
    """The canonical spelling of words in which every digit is a zero already. Bounded: emptied when it is full.

    What holds an id is looked up by the spelling of its ids, which would else fill the memory with words never seen again.
    """

    def __init__(self, spell: Callable[[bytes], bytes], ids_from: int = _SHORTEST_ID) -> None:
        super().__init__()
        self._spell = spell
        self._ids_from = ids_from

    def __missing__(self, word: bytes) -> bytes:
        if len(word) >= self._ids_from and (short := _ID.sub(b"0", word)) != word:
            return self[_PARTED_ID.sub(_spelt_parts, short)]
        spelt = self._spell(word)
        if len(word) > _LONGEST_WORD:
            return spelt
        if len(self) >= _KNOWN_WORDS:
            self.clear()
        self[word] = spelt
        return spelt


@dataclass(slots=True)
class Shapes:
    """Numbers lines by shape: with every digit as zero, else, where that is new, with every word in its canonical spelling.

    Lines of one shape have the same canonical text. With `heads`, the words in front and all times keep the lengths of their numbers.
    Where most lines are new in the first form (an id in each), the second is taken at once.
    """

    new: New
    heads: bool = False
    _lines: dict[bytes, int] = field(default_factory=dict[bytes, int])
    _shapes: dict[bytes, int] = field(default_factory=dict[bytes, int])
    _words: _Words = field(default_factory=lambda: _Words(_spelt))
    _head_words: _Words = field(default_factory=lambda: _Words(_spelt_in_head, sys.maxsize))
    _between: _Words = field(default_factory=lambda: _Words(_spelt_between, sys.maxsize))
    _skeletons: Skeletons = field(init=False)
    _skip: int = 0

    def __post_init__(self) -> None:
        self._skeletons = Skeletons(self.number, self.stretches)

    def counts(self, block: bytes) -> Counter[int]:
        """How many lines of the block each shape has."""
        if self._skip:
            return Counter(self._numbers_of_new(block))
        whole = block.translate(_ZEROS)
        flat = whole.split(b"\n")
        found = Counter(flat)
        if not self._learned(found, len(flat), whole, block):
            return Counter(self._numbers_of_new(block))
        counts: Counter[int] = Counter()
        for line, count in found.items():
            counts[self._lines[line]] += count
        return counts

    def numbers(self, block: bytes) -> list[int]:
        """The shape of each line of the block."""
        if self._skip:
            return self._numbers_of_new(block)
        whole = block.translate(_ZEROS)
        flat = whole.split(b"\n")
        if not self._learned(dict.fromkeys(flat), len(flat), whole, block):
            return self._numbers_of_new(block)
        return list(map(self._lines.__getitem__, flat))

    def _learned(self, found: Collection[bytes], lines: int, whole: bytes, block: bytes) -> bool:
        """Gives numbers to the lines that are new in the first form, in the order they come in; False where that does not pay."""
        unknown = [line for line in found if line not in self._lines]
        if len(unknown) > _MOSTLY_NEW * lines and lines > _FEW_LINES:
            self._skip = _LOOK_AGAIN
            return False
        if not unknown:
            return True
        if len(self._lines) + len(unknown) > _KNOWN_LINES:
            self._lines.clear()
            unknown = list(found)
        framed, at = b"\n%b\n" % whole, 0
        for line in unknown:
            shape = self._shape(line)
            number = self._shapes.get(shape)
            if number is None:
                at = framed.index(b"\n%b\n" % line, at)
                number = self._numbered(shape, block[at : at + len(line)])
            self._lines[line] = number
        return True

    def _numbers_of_new(self, block: bytes) -> list[int]:
        self._skip -= 1
        if not self._skip:
            self._lines.clear()
        lines = block.split(b"\n")
        numbers = self._skeletons.numbers(block, lines)
        return list(map(self.number, lines)) if numbers is None else numbers

    def number(self, raw: bytes) -> int:
        """The shape of one line."""
        shape = self._shape(raw.translate(_ZEROS))
        number = self._shapes.get(shape)
        return self._numbered(shape, raw) if number is None else number

    def _numbered(self, shape: bytes, raw: bytes) -> int:
        """The number of a new shape, of which this is the first line."""
        number = self.new(raw)
        if len(self._shapes) >= _KNOWN_SHAPES:
            self._shapes.clear()
        self._shapes[shape] = number
        return number

    def stretches(self, line: bytes) -> Stretches:
        """Where numbers keep their lengths, or are all that differs."""
        return _told_apart(line) if self.heads else Stretches()

    def _shape(self, flat: bytes) -> bytes:
        if flat.count(b'"', 0, _QUOTED_FROM) >= _QUOTES:
            return self._quoted(flat)
        words = flat.split(b" ")
        if not self.heads:
            return b" ".join(map(self._words.__getitem__, words))
        head = map(self._head_words.__getitem__, words[:_HEAD_WORDS])
        return b" ".join([*head, *map(self._words.__getitem__, words[_HEAD_WORDS:])])

    def _quoted(self, flat: bytes) -> bytes:
        if not self.heads:
            return b'"'.join(map(self._words.__getitem__, flat.split(b'"')))
        stretches: list[bytes] = []
        for quote, parts, between in _stretches(flat):
            parts[between::2] = map(self._between.__getitem__, parts[between::2])
            parts[1 - between :: 2] = map(self._words.__getitem__, parts[1 - between :: 2])
            stretches.append(quote.join(parts))
        return _ESCAPED.join(stretches)


def _stretches(line: bytes) -> list[tuple[bytes, list[bytes], int]]:
    """A line cut at its quotes: the quote, the parts, and whether the first part (0) or the second (1) is the first between quoted texts.

    What a quoted text quotes (an engine's object around a service's) is a stretch of its own, from the first to the last such quote.
    """
    first, last = line.find(_ESCAPED), line.rfind(_ESCAPED)
    if first < 0:
        return [(b'"', line.split(b'"'), 0)]
    outer, behind = (b'"', line[:first].split(b'"'), 0), (b'"', line[last + 2 :].split(b'"'), 1)
    return [outer, (_ESCAPED, line[first + 2 : last].split(_ESCAPED), 1), behind] if first < last else [outer, behind]


def _told_apart(line: bytes) -> Stretches:
    """The words in front; of a line with quoted texts what stands between them: fixed, unless it is numbers and their like."""
    if line.count(b'"', 0, _QUOTED_FROM) < _QUOTES:
        return Stretches((0, len(b" ".join(line.split(b" ", _HEAD_WORDS)[:_HEAD_WORDS]))))
    fixed: list[int] = []
    numbers: list[int] = []
    at = 0
    for quote, parts, between in _stretches(line):
        starts = list(accumulate((len(part) + len(quote) for part in parts), initial=at))
        for start, part in zip(starts[between:-1:2], parts[between::2], strict=True):
            (fixed if part.translate(None, _OF_NUMBERS) else numbers).extend((start, start + len(part)))
        at = starts[-1] - len(quote) + len(_ESCAPED)
    return Stretches(fixed, numbers)


def _spelt_in_head(word: bytes) -> bytes:
    """What stands in front of a message: a number keeps its length, by which dates and levels are told from other numbers."""
    if len(word) <= _STAMP_WORD and b"0" in word and len(word.strip(b"0123456789TZ:.,/-+|[]()<>_IWEFD")) <= 3:
        return word
    return _spelt(word)


def _spelt_between(word: bytes) -> bytes:
    """What stands between quoted texts: numbers, and what must not be taken for one."""
    if b"0" not in word or word.translate(None, _OF_NUMBERS):
        return word
    return _spelt(word)


def _spelt_parts(found: re.Match[bytes]) -> bytes:
    """As the mask reads it: one value, also where a part of it holds no digit."""
    return b"0" + b"-0" * found[0].count(b"-")


def _spelt(word: bytes) -> bytes:
    if b"0" not in word or len(word) > _LONGEST_WORD:
        return word
    if word.isalnum():
        letters = word.rstrip(b"0")
        named = letters.isalpha() and letters.strip(_HEX_LETTERS)
        return letters + b"0" if named else b"0"
    if not word.translate(None, b"-0abcdefABCDEF") and b"0" in word.partition(b"-")[0] and b"--" not in word and word[-1:] != b"-":
        return b"0" + b"-0" * word.count(b"-")  # as the mask reads it: one value, also where a part of it holds no digit
    if word.isascii():
        return canonical(word.decode("ascii")).encode("utf-8")
    return _ASCII_WORD.sub(lambda found: _spelt(found[0]), word)
