"""When lines of each shape were written first and last."""

from __future__ import annotations

import operator
from datetime import datetime
from itertools import islice
from typing import cast

Spans = tuple[dict[int, datetime], dict[int, datetime]]
"""The first and the last moment of each shape."""


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
