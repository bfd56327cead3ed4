"""Lines of one layout have the same bytes but for their hexadecimal characters: what is a value in one of them is a value in all.

A line is read as one large number, so that telling constants and values apart costs a few machine operations per byte and no loop.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

_DIGITS = b"0123456789"
_HEXADECIMAL = _DIGITS + b"abcdefABCDEF"
_FLAT = bytes.maketrans(_HEXADECIMAL, b"0" * len(_HEXADECIMAL))
_WORD = re.compile(rb"(?<![A-Za-z0-9\x80-\xff])[A-Za-z]*+[0-9][A-Za-z0-9]*+(?![\x80-\xff])")
_LETTERS_THEN_DIGITS = re.compile(rb"[A-Za-z]+[0-9]+")
_ORDER: Literal["big"] = "big"
_LETTER = 0x40  # the bit that a hexadecimal letter has and a digit has not
_CONSTANT = b"c"
_TELLING = ord("t")
_NUMBERS = bytes(_TELLING if byte in _DIGITS else ord("c") for byte in range(256))
_IGNORED = bytes(ord("i") if byte in _HEXADECIMAL else ord("c") for byte in range(256))


def _table(**bits: int) -> bytes:
    return bytes(bits.get(chr(mark), 0) for mark in range(256))


_TABLES = (
    _table(c=0xFF, t=_LETTER),
    _table(t=_LETTER),
    _table(f=_LETTER, m=_LETTER, l=_LETTER, s=_LETTER),
    _table(f=0xFF, m=0xFF, l=0xC0, s=0xC0),
    _table(f=1, s=1),
)
"""Of marks (constant, telling, and the first, middle, last or single character of a value): the bits of a layout, as they are named there."""

_KNOWN_LAYOUTS = 4_000
_KNOWN_BYTES = 8 * 1024 * 1024
_KNOWN_FORMS = 2_000
_LONGEST = 8_192
_MOSTLY_NEW = 0.25

Strict = Callable[[bytes], Sequence[int]]
"""The stretches of a line where digits and letters are told apart, place by place: begin, end, begin, end …, rising."""


@dataclass(slots=True)
class _Layout:
    """`constant`: the bits that tell the shape, of which `told` must be `telling` for the others not to matter.

    `values`: a letter's bit in the words that are values when they hold a digit. `most` is added to those of them that are digits:
    a word that holds one carries into the bit of `carried` before it.
    """

    constant: int
    told: int
    telling: int
    values: int
    most: int
    carried: int
    usual: int = -1
    shape: int = -1
    others: dict[int, int] = field(default_factory=dict[int, int])


@dataclass(slots=True)
class Layouts:
    """Numbers lines by layout and constants; `number` is asked for a line that is new."""

    number: Callable[[bytes], int]
    strict: Strict
    _known: dict[bytes, _Layout] = field(default_factory=dict[bytes, _Layout])
    _size: int = 0

    def numbers(self, block: bytes, lines: Sequence[bytes]) -> list[int] | None:
        """The shape of each of the block's lines; None where most of their layouts are new."""
        keys = block.translate(_FLAT).split(b"\n")
        known = self._known
        if sum(key not in known for key in set(keys)) > _MOSTLY_NEW * len(keys):
            return None
        return list(map(self._of, keys, lines))

    def _of(self, key: bytes, line: bytes) -> int:
        layout = self._known.get(key)
        if layout is None:
            if len(line) > _LONGEST:
                return self.number(line)
            layout = self._learn(key, line)
        bits = int.from_bytes(line, _ORDER)
        values = layout.values
        if ((bits & values ^ values) + layout.most) & layout.carried != layout.carried:
            return self.number(line)
        constant = bits & layout.constant
        if constant == layout.usual:
            return layout.shape
        number = layout.others.get(constant)
        if number is None:
            number = self.number(line)
            if layout.usual < 0:
                layout.usual, layout.shape = constant, number
            elif constant & layout.told == layout.telling and len(layout.others) < _KNOWN_FORMS:
                layout.others[constant] = number
        return number

    def _learn(self, key: bytes, line: bytes) -> _Layout:
        if len(self._known) >= _KNOWN_LAYOUTS or self._size >= _KNOWN_BYTES:
            self._known.clear()
            self._size = 0
        layout = self._known[key] = _learned(line, self.strict(line))
        self._size += len(line)
        return layout


def _learned(line: bytes, strict: Sequence[int]) -> _Layout:
    marks = bytearray(_CONSTANT * len(line))
    for word in _WORD.finditer(line):
        start, stop = word.span()
        marks[start:stop] = word[0].translate(_NUMBERS) if bisect(strict, start) % 2 else _marked(word[0])
    constant, told, values, most, first = (int.from_bytes(marks.translate(table), _ORDER) for table in _TABLES)
    return _Layout(constant, told, int.from_bytes(line, _ORDER) & told, values, most, first << 8)


def _marked(word: bytes) -> bytes:
    """Which characters of a word that holds a digit are constant, tell whether it is a value, or are one."""
    if not word.translate(None, _HEXADECIMAL):
        return b"f" + b"m" * (len(word) - 2) + b"l" if len(word) > 1 else b"s"
    if _LETTERS_THEN_DIGITS.fullmatch(word):
        return word.translate(_NUMBERS)
    first = next(place for place, byte in enumerate(word) if byte in _DIGITS)
    letters = word[first:].translate(None, _DIGITS)
    marks = bytearray(word.translate(_IGNORED))
    marks[first] = _TELLING
    if not letters.translate(None, _HEXADECIMAL):  # a letter behind the first digit has to be one in other lines as well
        marks[word.index(letters[:1], first)] = _TELLING
    return bytes(marks)
