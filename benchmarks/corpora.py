"""Lines to measure on: the labelled sets beside the project when they are there, else lines generated from templates of our own."""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.miniatures import SENTENCES, Kinds, filled, truth_of
from benchmarks.newcomer_values import KINDS as NEWCOMER_KINDS
from benchmarks.newcomers import SENTENCES as NEWCOMERS
from benchmarks.stranger_values import KINDS
from benchmarks.strangers import SENTENCES as STRANGERS

LABELLED = Path(__file__).resolve().parents[2] / "shared" / "data" / "loghub-2k"
_DIGITS = re.compile(r"\d+")


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


def original_truth(one: LabelledSet) -> tuple[str, ...]:
    """The annotation as first published, for a labelled set that is beside the project; empty for a generated one."""
    table = LABELLED / one.name / f"{one.name}_2k.log_structured.csv"
    return tuple(row["EventTemplate"] for row in _rows(table)) if table.is_file() else ()


def generated(count: int, seed: int = 1) -> LabelledSet:
    """So many messages of our own templates, a few of them frequent and most of them rare."""
    return _drawn("generated", [sentence for sentences in SENTENCES.values() for sentence in sentences], count, seed)


def miniatures(count: int, seed: int = 1) -> list[LabelledSet]:
    """A small log for each kind of system, of so many messages each."""
    return [_drawn(name, sentences, count, seed) for name, sentences in SENTENCES.items()]


def strangers(count: int, seed: int = 1) -> list[LabelledSet]:
    """A log for each well-known program that no rule was made for, of so many messages each."""
    return [_drawn(name, sentences, count, seed, KINDS) for name, sentences in STRANGERS.items()]


def newcomers(count: int, seed: int = 1) -> list[LabelledSet]:
    """A log in each of eight more styles, of so many messages each."""
    return [_drawn(name, sentences, count, seed, NEWCOMER_KINDS) for name, sentences in NEWCOMERS.items()]


def redrawn(messages: Sequence[str], times: int, seed: int = 1) -> list[str]:
    """The messages so many times over, with every run of digits drawn anew (same length): the values vary, the templates do not."""
    source = random.Random(seed)

    def draw(found: re.Match[str]) -> str:
        return "".join(source.choices("0123456789", k=len(found[0])))

    return [_DIGITS.sub(draw, message) for _ in range(times) for message in messages]


def _drawn(name: str, sentences: Sequence[str], count: int, seed: int, kinds: Kinds | None = None) -> LabelledSet:
    source = random.Random(seed)
    order = source.sample(sentences, len(sentences))
    chosen = source.choices(order, [1 / (place + 1) ** 2 for place in range(len(order))], k=count)
    messages = tuple(filled(sentence, source, kinds) for sentence in chosen)
    lines = tuple(f"2026-01-01T00:{n // 60 % 60:02}:{n % 60:02}Z INFO shop.worker - {message}" for n, message in enumerate(messages))
    return LabelledSet(name, messages, tuple(truth_of(sentence) for sentence in chosen), lines)


def _labelled(folder: Path) -> LabelledSet:
    stem = f"{folder.name}_2k.log"
    rows = _rows(folder / f"{stem}_structured_corrected.csv")
    lines = (folder / stem).read_text(encoding="utf-8", errors="replace").splitlines()
    return LabelledSet(folder.name, tuple(row["Content"] for row in rows), tuple(row["EventTemplate"] for row in rows), tuple(lines))


def _rows(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", errors="replace", newline="") as file:
        return list(csv.DictReader(file))
