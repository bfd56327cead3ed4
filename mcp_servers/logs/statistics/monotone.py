"""Does it rise? Tests of a trend on ranks: no assumption on how memory grows or how errors come, only on what comes after what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations, pairwise
from math import erfc, sqrt
from statistics import median

_MOST = 400


def mann_kendall(values: Sequence[float]) -> float:
    """The chance that values without a trend rise so steadily (one-sided), ties and serial dependence accounted for.

    Mann 1945, Kendall 1975; the variance is inflated by (1 + r) / (1 − r), r the lag-one correlation of what the trend leaves over
    (Bayley & Hammersley 1946; Yue & Wang 2004). 1 for fewer than four values.
    """
    n = len(values)
    if n < 4:
        return 1.0
    s = sum((later > earlier) - (later < earlier) for earlier, later in combinations(values, 2))
    ties = sum(count * (count - 1) * (2 * count + 5) for count in Counter(values).values())
    spread = (n * (n - 1) * (2 * n + 5) - ties) / 18
    slope = theil_sen(range(n), values)
    r = _lag_one([value - slope * place for place, value in enumerate(values)])
    return normal_above((s - 1) / sqrt(spread * (1 + r) / (1 - r))) if spread > 0 and s > 0 else 1.0


def laplace(places: Sequence[float]) -> float:
    """The z of events at these places of a unit interval: positive when they come ever faster (Laplace's trend test; Cox & Lewis 1966)."""
    n = len(places)
    return (sum(places) / n - 0.5) * sqrt(12 * n) if n else 0.0


def theil_sen(places: Sequence[float], values: Sequence[float]) -> float:
    """The median slope between all pairs (Theil 1950, Sen 1968); 0 for fewer than two values."""
    step = max(1, len(values) // _MOST)
    pairs = list(zip(places[::step], values[::step], strict=True))
    slopes = [(b - a) / (y - x) for (x, a), (y, b) in combinations(pairs, 2) if y != x]
    return median(slopes) if slopes else 0.0


def normal_above(z: float) -> float:
    """P(Z ≥ z) for a standard normal Z."""
    return erfc(z / sqrt(2)) / 2


def _lag_one(rest: Sequence[float]) -> float:
    """Between 0 and 0.9: a negative correlation is not used to sharpen a test."""
    mean = sum(rest) / len(rest)
    whole = sum((value - mean) ** 2 for value in rest)
    pairs = sum((a - mean) * (b - mean) for a, b in pairwise(rest))
    return min(0.9, max(0.0, pairs / whole)) if whole > 1e-12 else 0.0
