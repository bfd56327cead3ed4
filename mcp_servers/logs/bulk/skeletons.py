"""Long lines in which ids change: what is left of a line without its hexadecimal characters tells which pattern it may fit.

Taking characters away is done for a block at once, and a pattern reads a line in one call, so that no work in Python grows with a line's length.
A pattern is made of a line that was read with care. It has the line's own characters, but for the words that hold a digit: what fits it is of
the same shape, whatever the skeleton.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

_HEXADECIMAL = b"0123456789abcdefABCDEF"
_HEX_LETTERS = b"abcdefABCDEF"
_WORD = re.compile(
    rb"(?P<parts>(?<![^ \"(\[=])[a-fA-F]*+[0-9][0-9a-fA-F]*+(?:-[0-9a-fA-F]{4,}+)++(?![^ \",;)\]]))"
    rb"|(?<![A-Za-z0-9\x80-\xff])[A-Za-z]*+[0-9][A-Za-z0-9]*+(?![\x80-\xff])"
)
_LETTERS_THEN_DIGITS = re.compile(rb"([A-Za-z]+)[0-9]+")
_ID = rb"[a-fA-F]*+[0-9][0-9a-fA-F]*+"
_VALUE = rb"[a-fA-F]*+[0-9][A-Za-z0-9]*+"
_MIXED = rb"[A-Za-z]++[0-9]++[A-Za-z][A-Za-z0-9]*+"
_DIGIT = re.compile(rb"[0-9]")

_WORTH_A_PATTERN = 16  # lines read with care cost as much as a pattern
_MOST_OF_ONE = 4
_MOST_PATTERNS = 1_000
_KNOWN_SKELETONS = 20_000
_KNOWN_BYTES = 8 * 1024 * 1024
_LONGEST = 8_192
_MOSTLY_NEW = 0.5


def _fits_nothing(_: bytes) -> object:
    return None


@dataclass(frozen=True, slots=True)
class Stretches:
    """The parts of a line where words are told apart place by place, and those where only numbers may differ: begin, end, begin, end …"""

    fixed: Sequence[int] = ()
    numbers: Sequence[int] = ()


@dataclass(slots=True)
class _Skeleton:
    """What lines of one skeleton may be: `usual` where `fits` says so, else one of the `others`."""

    fits: Callable[[bytes], object] = _fits_nothing
    usual: int = -1
    others: list[tuple[Callable[[bytes], object], int]] = field(default_factory=list[tuple[Callable[[bytes], object], int]])
    missed: int = 0


class _Known(dict[bytes, _Skeleton]):
    """The skeletons seen, without patterns at first."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 0

    def __missing__(self, key: bytes) -> _Skeleton:
        if len(self) >= _KNOWN_SKELETONS or self.size >= _KNOWN_BYTES:
            self.clear()
            self.size = 0
        self.size += len(key)
        found = self[key] = _Skeleton()
        return found


@dataclass(slots=True)
class Skeletons:
    """Numbers lines by skeleton and pattern; `number` is asked for a line that fits none."""

    number: Callable[[bytes], int]
    stretches: Callable[[bytes], Stretches]
    _known: _Known = field(default_factory=_Known)
    _patterns: int = 0

    def numbers(self, block: bytes, lines: Sequence[bytes]) -> list[int] | None:
        """The shape of each of the block's lines; None where most of their skeletons are new."""
        keys = block.translate(None, _HEXADECIMAL).split(b"\n")
        known = self._known
        if sum(key not in known for key in set(keys)) > _MOSTLY_NEW * len(keys):
            return None
        return [
            skeleton.usual if skeleton.fits(line) else self._number(skeleton, line)
            for skeleton, line in zip(map(known.__getitem__, keys), lines, strict=True)
        ]

    def _number(self, skeleton: _Skeleton, line: bytes) -> int:
        for fits, usual in skeleton.others:
            if fits(line):
                return usual
        number = self.number(line)
        skeleton.missed += 1
        if skeleton.missed >= _WORTH_A_PATTERN and len(skeleton.others) < _MOST_OF_ONE and len(line) <= _LONGEST:
            self._learn(skeleton, line, number)
        return number

    def _learn(self, skeleton: _Skeleton, line: bytes, number: int) -> None:
        if self._patterns >= _MOST_PATTERNS:
            self._known.clear()
            self._patterns = 0
        self._patterns += 1
        skeleton.missed = 0
        fits = re.compile(_pattern(line, self.stretches(line))).fullmatch
        if skeleton.usual < 0:
            skeleton.fits, skeleton.usual = fits, number
        else:
            skeleton.others.append((fits, number))


def _pattern(line: bytes, stretches: Stretches) -> bytes:
    """What fits every line that differs from this one in the values of its words only."""
    parts: list[bytes] = []
    end = 0
    for word in _WORD.finditer(line):
        start, stop = word.span()
        parts.append(re.escape(line[end:start]))
        if bisect(stretches.fixed, start) % 2:
            parts.append(_DIGIT.sub(b"[0-9]", re.escape(word[0])))
        elif bisect(stretches.numbers, start) % 2:
            parts.append(b"[0-9]++" if word[0].isdigit() else _DIGIT.sub(b"[0-9]", re.escape(word[0])))
        else:
            parts.append(_ID + rb"-[0-9a-fA-F]{4,}+" * word[0].count(b"-") if word["parts"] else _slot(word[0]))
        end = stop
    return b"".join([*parts, re.escape(line[end:])])


def _slot(word: bytes) -> bytes:
    """All words with the canonical spelling of this one, or many of them."""
    if named := _LETTERS_THEN_DIGITS.fullmatch(word):
        return _VALUE if not named[1].strip(_HEX_LETTERS) else named[1] + b"[0-9]++"
    return _MIXED if _DIGIT.split(word, 1)[0].strip(_HEX_LETTERS) else _VALUE
