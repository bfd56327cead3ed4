"""What tests said, and what they reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

WORST = ("passed", "skipped", "flaky", "failed", "error")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test: what it is called, and how it ended (a word of `WORST`). `told` is what it said where it failed: text of strangers."""

    id: str
    status: str
    seconds: float = 0.0
    told: str = ""
    file: str = ""

    @property
    def bad(self) -> bool:
        return self.status in {"failed", "error"}


@dataclass(frozen=True, slots=True)
class Results:
    """The tests of one or several reports, by id."""

    outcomes: Mapping[str, Outcome] = field(default_factory=dict[str, Outcome])

    def count(self, *statuses: str) -> int:
        return sum(one.status in statuses for one in self.outcomes.values())

    @property
    def failing(self) -> list[Outcome]:
        return [one for one in self.outcomes.values() if one.bad]


def results(outcomes: Iterable[Outcome]) -> Results:
    """One outcome for each id. A test that passed and failed in one run is flaky; else the worst word counts."""
    kept: dict[str, Outcome] = {}
    for one in outcomes:
        known = kept.get(one.id)
        kept[one.id] = _joined(known, one) if known else one
    return Results(dict(sorted(kept.items())))


def _joined(first: Outcome, second: Outcome) -> Outcome:
    worse = max(first, second, key=lambda one: WORST.index(one.status))
    both = {first.status, second.status}
    if "flaky" in both or ("passed" in both and both & {"failed", "error"}):
        return Outcome(worse.id, "flaky", worse.seconds, worse.told, worse.file)
    return worse


@dataclass(frozen=True, slots=True)
class Reached:
    """Lines of one file: how many count and how many were run; which, where the report says so."""

    covered: int
    total: int
    hit: frozenset[int] = frozenset()
    missed: frozenset[int] = frozenset()

    @classmethod
    def of(cls, hit: Iterable[int], missed: Iterable[int]) -> Reached:
        run = frozenset(hit)
        left = frozenset(missed) - run
        return cls(len(run), len(run) + len(left), run, left)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Lines that tests reached, by file."""

    files: Mapping[str, Reached]

    @property
    def covered(self) -> int:
        return sum(one.covered for one in self.files.values())

    @property
    def total(self) -> int:
        return sum(one.total for one in self.files.values())

    @property
    def share(self) -> float:
        return self.covered / self.total if self.total else 0.0


def together(parts: Iterable[Coverage]) -> Coverage:
    """Several reports of one run as one: a line is reached when one of them reached it, and counts once."""
    files: dict[str, Reached] = {}
    for part in parts:
        for path, one in part.files.items():
            known = files.get(path)
            files[path] = _both(known, one) if known else one
    return Coverage(dict(sorted(files.items())))


def _both(first: Reached, second: Reached) -> Reached:
    if (first.hit or first.missed) and (second.hit or second.missed):
        return Reached.of(first.hit | second.hit, first.missed | second.missed)
    lined = [one for one in (first, second) if one.hit or one.missed]
    return lined[0] if lined else max(first, second, key=lambda one: (one.total, one.covered))
