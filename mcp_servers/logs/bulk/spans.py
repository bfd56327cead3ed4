"""When lines were written, and those of each shape first and last."""

from __future__ import annotations

import operator
from datetime import datetime
from itertools import islice
from typing import cast

from mcp_servers.logs.bulk.places import NOWHEN, Place
from mcp_servers.logs.times import Clock

_MOST_TIMES = 50_000

Spans = tuple[dict[int, datetime], dict[int, datetime]]
"""The first and the last moment of each shape."""


class Times(dict[bytes, datetime | None]):
    """The moments of the values in one place. NOWHEN stands for a value of another width than usual."""

    def __init__(self, place: Place, clock: Clock) -> None:
        super().__init__()
        self.place = place
        self._clock = clock
        self.odd = False

    def __missing__(self, key: bytes) -> datetime | None:
        if len(self) >= _MOST_TIMES:
            self.clear()
        value = key[: self.place.width].decode("utf-8", "replace")
        moment = self[key] = self._clock.read(value) if self.place.holds(key) else NOWHEN
        self.odd = self.odd or moment is None or moment is NOWHEN
        return moment

    def of(self, line: bytes) -> datetime | None:
        """The moment that this line tells."""
        moment = self[self.place.keys([line])[0]]
        return self._clock.read(self.place.cut(line).decode("utf-8", "replace")) if moment is NOWHEN else moment


def extremes(numbers: list[int], keys: list[bytes]) -> tuple[dict[int, bytes], dict[int, bytes]]:
    """The least and the greatest key of each shape."""
    if all(map(operator.le, keys, islice(keys, 1, None))):
        return dict(zip(reversed(numbers), reversed(keys), strict=True)), dict(zip(numbers, keys, strict=True))
    least = dict(zip(numbers, keys, strict=True))
    greatest = dict(least)
    for number, key in zip(numbers, keys, strict=True):
        if key < least[number]:
            least[number] = key
        elif key > greatest[number]:
            greatest[number] = key
    return least, greatest


def spans_of(numbers: list[int], moments: list[datetime | None]) -> Spans:
    """The first and the last moment of each shape."""
    rising = cast("list[datetime]", moments)
    if moments and moments[0] is not None and all(map(operator.le, rising, islice(rising, 1, None))):
        return dict(zip(reversed(numbers), reversed(rising), strict=True)), dict(zip(numbers, rising, strict=True))
    first: dict[int, datetime] = {}
    last: dict[int, datetime] = {}
    for number, moment in zip(numbers, moments, strict=True):
        if moment is None:
            continue
        if number not in first:
            first[number] = last[number] = moment
        elif moment < first[number]:
            first[number] = moment
        elif moment > last[number]:
            last[number] = moment
    return first, last
