"""Are these values larger than those? By ranks, so that no shape is assumed and one outlier decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from math import erfc, sqrt


def mann_whitney_greater(values: Sequence[float], others: Sequence[float]) -> float:
    """The chance that `values` rank so high above `others` if both came from one distribution.

    Normal approximation with the correction for ties and for continuity (Mann & Whitney 1947); 1 when either is empty or all are equal.
    """
    m, n = len(values), len(others)
    total = m + n
    if not m or not n:
        return 1.0
    ranks, ties, before = 0.0, 0.0, 0
    ordered = sorted([(value, 1) for value in values] + [(value, 0) for value in others])
    for _, group in groupby(ordered, key=lambda item: item[0]):
        members = [ours for _, ours in group]
        size = len(members)
        ranks += sum(members) * (before + (size + 1) / 2)
        ties += size**3 - size
        before += size
    variance = m * n / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    above = ranks - m * (m + 1) / 2 - m * n / 2 - 0.5
    return erfc(above / sqrt(2 * variance)) / 2
