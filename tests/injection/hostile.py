"""The corpus: each hostile text with what it asks for and where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle
from typing import Literal, get_args

from tests.injection.disguises import BOMBS, FRAMED, PLACES, RECODED, SPLIT, Disguise
from tests.injection.orders import DIRECT, LANGUAGES, PRESSURE, WISHES, Wish

Place = Literal["log", "trace", "service", "trace id", "ticket", "page", "lesson", "commit", "file name", "config"]
PLACES_OF_TEXT: tuple[Place, ...] = get_args(Place)
_SHORT: tuple[Place, ...] = ("service", "trace id", "file name")
"""Where only a line of some length can stand."""


@dataclass(frozen=True, slots=True)
class Hostile:
    """One hostile text."""

    name: str
    text: str
    wish: Wish
    place: Place


def _written() -> Iterator[tuple[str, str, Wish]]:
    """Every order as it is said: plainly, in each language, under pressure."""
    for wish, text in DIRECT.items():
        yield f"plain: {wish}", text, wish
    for language, orders in LANGUAGES.items():
        for wish, text in orders.items():
            yield f"{language}: {wish}", text, wish
    for wish, text in PRESSURE.items():
        yield f"pressure: {wish}", text, wish


def _disguised(kind: str, disguises: Mapping[str, Disguise], each: int) -> Iterator[tuple[str, str, Wish]]:
    """Every disguise over `each` different orders, so that each order is worn by several."""
    for number, (name, disguise) in enumerate(disguises.items()):
        for step in range(each):
            wish = WISHES[(number * each + step) % len(WISHES)]
            yield f"{kind} {name}: {wish}", disguise(DIRECT[wish]), wish


def _placed(said: Iterator[tuple[str, str, Wish]]) -> Iterator[Hostile]:
    places = cycle(PLACES_OF_TEXT)
    for name, text, wish in said:
        place = next(places)
        if place in _SHORT and len(text) > 200:
            place = "log"
        yield Hostile(name, text, wish, place)


def _all() -> Iterator[Hostile]:
    yield from _placed(_written())
    yield from _placed(_disguised("recoded", RECODED, 2))
    yield from _placed(_disguised("split", SPLIT, 2))
    yield from _placed(_disguised("framed", FRAMED, 2))
    for name, text, wish in _disguised("in a trace", PLACES, 2):
        yield Hostile(name, text, wish, "trace")
    for name, text, wish in _disguised("bomb", BOMBS, 1):
        yield Hostile(name, text, wish, "log")


CORPUS: tuple[Hostile, ...] = tuple(_all())
