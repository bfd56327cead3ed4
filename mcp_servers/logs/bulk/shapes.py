"""Lines that differ only in values are of one shape. Told a block of lines at a time, so that the work for a line is done in C."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from mcp_servers.logs.templates.masking import canonical

_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_HEX_LETTERS = b"abcdefABCDEF"
_KNOWN_LINES = 200_000
_KNOWN_SHAPES = 100_000
_KNOWN_WORDS = 20_000
_LONGEST_WORD = 1_024
_STAMP_WORD = 40
_SHORTEST_ID = 8
_KNOWN_LENGTHS = 1_000
_HEAD_WORDS = 4
_MOSTLY_NEW = 0.6
_LOOK_AGAIN = 16  # blocks

_ASCII_WORD = re.compile(rb"(?<![A-Za-z0-9\x80-\xff])[A-Za-z0-9]*0[A-Za-z0-9]*(?![A-Za-z0-9\x80-\xff])")

New = Callable[[bytes], int]
"""Gives a number to a line of a shape not seen before."""


class _Words(dict[bytes, bytes]):
    """The canonical spelling of words in which every digit is a zero already. Bounded: emptied when it is full."""

    def __init__(self, spell: Callable[[bytes], bytes]) -> None:
        super().__init__()
        self._spell = spell

    def __missing__(self, word: bytes) -> bytes:
        spelt = self._spell(word)
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
    _head_words: _Words = field(default_factory=lambda: _Words(_spelt_in_head))
    _between: _Words = field(default_factory=lambda: _Words(_spelt_between))
    _ids: dict[int, tuple[int, ...]] = field(default_factory=dict[int, tuple[int, ...]])
    _skip: int = 0

    def counts(self, block: bytes) -> Counter[int]:
        """How many lines of the block each shape has."""
        flat = block.translate(_ZEROS).split(b"\n")
        if self._skip:
            return Counter(self._numbers_of_new(flat, block))
        found = Counter(flat)
        self._learn(flat, found, block)
        counts: Counter[int] = Counter()
        for line, count in found.items():
            counts[self._lines[line]] += count
        return counts

    def numbers(self, block: bytes) -> list[int]:
        """The shape of each line of the block."""
        flat = block.translate(_ZEROS).split(b"\n")
        if self._skip:
            return self._numbers_of_new(flat, block)
        self._learn(flat, set(flat), block)
        return list(map(self._lines.__getitem__, flat))

    def _learn(self, flat: Sequence[bytes], found: Iterable[bytes], block: bytes) -> None:
        """Gives numbers to the lines that are new in the first form."""
        unknown = [line for line in found if line not in self._lines]
        if not unknown:
            return
        if len(self._lines) + len(unknown) > _KNOWN_LINES:
            self._lines.clear()
            unknown = list(found)
        if len(unknown) > _MOSTLY_NEW * len(flat) and len(flat) > 1_000:
            self._skip = _LOOK_AGAIN
        raw = block.split(b"\n")
        first = dict(zip(reversed(flat), reversed(raw), strict=True))
        for line in unknown:
            self._lines[line] = self._number(line, first[line])

    def _numbers_of_new(self, flat: Sequence[bytes], block: bytes) -> list[int]:
        self._skip -= 1
        if not self._skip:
            self._lines.clear()
        return list(map(self._number, flat, block.split(b"\n")))

    def _number(self, flat: bytes, raw: bytes) -> int:
        shape = self._shape(flat)
        number = self._shapes.get(shape)
        if number is None:
            number = self.new(raw)
            if len(self._shapes) >= _KNOWN_SHAPES:
                self._shapes.clear()
            self._shapes[shape] = number
        return number

    def _spell_ids(self, words: list[bytes]) -> None:
        """Spells the ids that stand where the first line of so many words had some: they would never be found among the words known."""
        places = self._ids.get(len(words))
        if places is None:
            if len(self._ids) >= _KNOWN_LENGTHS:
                self._ids.clear()
            found = enumerate(words)
            places = self._ids[len(words)] = tuple(
                at for at, word in found if len(word) >= _SHORTEST_ID and _is_id(word) and word.strip(b"0")
            )
        for at in places:
            if _is_id(words[at]) and len(words[at]) >= _SHORTEST_ID:
                words[at] = b"0"

    def _shape(self, flat: bytes) -> bytes:
        if flat.count(b'"', 0, 400) >= 8:
            parts = flat.split(b'"')
            self._spell_ids(parts)
            if self.heads:
                parts[::2] = map(self._between.__getitem__, parts[::2])
                parts[1::2] = map(self._words.__getitem__, parts[1::2])
                return b'"'.join(parts)
            return b'"'.join(map(self._words.__getitem__, parts))
        words = flat.split(b" ")
        self._spell_ids(words)
        if not self.heads:
            return b" ".join(map(self._words.__getitem__, words))
        head = map(self._head_words.__getitem__, words[:_HEAD_WORDS])
        return b" ".join([*head, *map(self._words.__getitem__, words[_HEAD_WORDS:])])


def _is_id(word: bytes) -> bool:
    """Whether a word is hexadecimal with a digit: its canonical spelling is a zero."""
    return b"0" in word and not word.translate(None, b"0abcdefABCDEF")


def _spelt_in_head(word: bytes) -> bytes:
    """What stands in front of a message: a number keeps its length, by which dates and levels are told from other numbers."""
    if len(word) <= _STAMP_WORD and b"0" in word and len(word.strip(b"0123456789TZ:.,/-+|[]()<>_IWEFD")) <= 3:
        return word
    return _spelt(word)


def _spelt_between(word: bytes) -> bytes:
    """What stands between quoted texts: numbers, and what must not be taken for one."""
    if b"0" not in word or word.translate(None, b"0123456789.,:-[]{}() truefalsn"):
        return word
    return _spelt(word)


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
