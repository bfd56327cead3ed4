"""Since when? The moments at which the rate of events changed, and whether they come by the clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import accumulate, pairwise
from math import log
from statistics import median

from mcp_servers.logs import statistics
from mcp_servers.logs.anomalies.spikes import Span

_PARTS = 120
_EVENTS = 6
_NEAR = 0.2
_BY_CHANCE = 0.2
_REGULAR = 0.6
_SURE = 0.001


def change_points(counts: Sequence[int]) -> list[int]:
    """The indices where a new rate begins: the segmentation of least Poisson cost, 3 log n for each change.

    Optimal partitioning (Jackson et al. 2005) with the pruning of PELT (Killick, Fearnhead & Eckley 2012); exact.
    """
    n = len(counts)
    sums = [0, *accumulate(counts)]
    penalty = 3 * log(max(n, 2))

    def cost(start: int, end: int) -> float:
        events = sums[end] - sums[start]
        return 2 * events * (1 - log(events / (end - start))) if events else 0.0

    best = [-penalty] + [0.0] * n
    last = [0] * (n + 1)
    candidates = [0]
    for end in range(1, n + 1):
        costs = {start: best[start] + cost(start, end) for start in candidates}
        last[end] = min(candidates, key=lambda start: costs[start])
        best[end] = costs[last[end]] + penalty
        candidates = [start for start in candidates if costs[start] <= best[end]] + [end]
    found: list[int] = []
    place = last[n]
    while place:
        found.append(place)
        place = last[place]
    return found[::-1]


def began(times: Sequence[datetime], span: Span) -> datetime | None:
    """The first event after the greatest rise of the rate within the span; None when the rate never rose."""
    if len(times) < _EVENTS or span.length <= timedelta(0):
        return None
    step = span.length / _PARTS
    counts = [0] * _PARTS
    for time in times:
        counts[min(_PARTS - 1, max(0, (time - span.start) // step))] += 1
    edges = [0, *change_points(counts), _PARTS]
    rates = [sum(counts[start:end]) / (end - start) for start, end in pairwise(edges)]
    rises = [(rates[n + 1] - rates[n], edges[n + 1]) for n in range(len(rates) - 1) if rates[n + 1] > rates[n]]
    if not rises:
        return None
    begin = span.start + step * max(rises)[1]
    return next((time for time in times if time >= begin), None)


def period(times: Sequence[datetime]) -> timedelta | None:
    """The beat of events that come by the clock, None when chance could have spaced them so.

    Of gaps between chance events hardly one in seven lies within a fifth of their median (one in five is granted, since the median
    is taken from them); that so many do is tested binomially.
    """
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(sorted(set(times)))]
    if len(gaps) < _EVENTS - 1:
        return None
    usual = median(gaps)
    near = sum(abs(gap - usual) <= _NEAR * usual for gap in gaps)
    by_chance = statistics.binomial_at_least(near, len(gaps), _BY_CHANCE)
    return timedelta(seconds=usual) if near >= _REGULAR * len(gaps) and by_chance < _SURE else None
