"""Lines to measure on: the labelled sets beside the project when they are there, else lines generated from templates of our own."""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LABELLED = Path(__file__).resolve().parents[2] / "shared" / "data" / "loghub-2k"
_DIGITS = re.compile(r"\d+")
_HOLE = re.compile(r"<\*>")

_SENTENCES = (
    "Accepted publickey for <*> from <*> port <*> ssh2",
    "Connection to <*> closed after <*> ms",
    "GET <*> answered <*> in <*> ms",
    "Pool exhausted: limit=<*> waiting=<*>",
    "Retry <*> of <*> for order <*>",
    "block <*> received from <*>, size <*>",
    "cache miss for key <*>",
    "container <*> started on node <*>",
    "disk <*> is <*> full",
    "session <*> of user <*> expired",
    "starting worker",
    "worker stopped",
    "wrote <*> rows to <*> in <*> s",
)


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Bare messages with the template each one really has, and the lines as they stand in the file, header and all."""

    name: str
    messages: tuple[str, ...]
    truth: tuple[str, ...]
    lines: tuple[str, ...]


def labelled_sets() -> list[LabelledSet]:
    """Every labelled set that is beside the project (corrected annotation); without any, one generated set."""
    if not LABELLED.is_dir():
        return [generated(2000)]
    return [_labelled(folder) for folder in sorted(LABELLED.iterdir()) if folder.is_dir()]


def generated(count: int, seed: int = 1) -> LabelledSet:
    """So many messages of our own templates, a few of them frequent and most of them rare."""
    source = random.Random(seed)
    weights = [1 / (place + 1) ** 2 for place in range(len(_SENTENCES))]
    truth = tuple(source.choices(_SENTENCES, weights, k=count))
    messages = tuple(_HOLE.sub(lambda _: _value(source), template) for template in truth)
    lines = tuple(f"2026-01-01T00:{n // 60 % 60:02}:{n % 60:02}Z INFO shop.worker - {message}" for n, message in enumerate(messages))
    return LabelledSet("generated", messages, truth, lines)


def redrawn(messages: Sequence[str], times: int, seed: int = 1) -> list[str]:
    """The messages so many times over, with every run of digits drawn anew (same length): the values vary, the templates do not."""
    source = random.Random(seed)

    def draw(found: re.Match[str]) -> str:
        return "".join(source.choices("0123456789", k=len(found[0])))

    return [_DIGITS.sub(draw, message) for _ in range(times) for message in messages]


def _value(source: random.Random) -> str:
    kinds = (
        lambda: str(source.randrange(100_000)),
        lambda: f"10.{source.randrange(256)}.{source.randrange(256)}.{source.randrange(256)}",
        lambda: f"{source.getrandbits(48):012x}1",
        lambda: f"/srv/data/{source.randrange(1000)}.csv",
    )
    return source.choice(kinds)()


def _labelled(folder: Path) -> LabelledSet:
    stem = f"{folder.name}_2k.log"
    with (folder / f"{stem}_structured_corrected.csv").open(encoding="utf-8", errors="replace", newline="") as table:
        rows = list(csv.DictReader(table))
    lines = (folder / stem).read_text(encoding="utf-8", errors="replace").splitlines()
    return LabelledSet(folder.name, tuple(row["Content"] for row in rows), tuple(row["EventTemplate"] for row in rows), tuple(lines))
