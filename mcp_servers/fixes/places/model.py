"""The nouns of places: a function of the project, and what speaks for the mistake being in it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Spot:
    """A function by the file it stands in and its qualified name (`Cart.total`); an empty name is the module itself."""

    file: str
    function: str


Line = tuple[Spot, int]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the mistake may be. `line` is the failing line when the trace knows it, else the first of the function; `score` is a share of 1."""

    file: str
    function: str
    line: int
    last: int
    score: float
    reasons: tuple[str, ...]

    @property
    def spot(self) -> Spot:
        return Spot(self.file, self.function)


@dataclass(frozen=True, slots=True)
class Spectrum:
    """The lines that ran in each test, by the test's id, and which of the tests failed. `edges` counts the calls seen in failing tests."""

    lines: dict[str, frozenset[Line]]
    failed: frozenset[str]
    edges: dict[tuple[Spot, Spot], int]

    def ran(self, test: str) -> frozenset[Spot]:
        """The functions that ran in a test."""
        return frozenset(spot for spot, _ in self.lines.get(test, ()))
