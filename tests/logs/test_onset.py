from __future__ import annotations

import random
from datetime import timedelta
from itertools import combinations, pairwise
from math import log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_servers.logs.anomalies import onset
from mcp_servers.logs.anomalies.spikes import Span
from tests.logs.telling import NOW, START, at


def cost(counts: list[int], edges: tuple[int, ...]) -> float:
    total = -3 * log(max(len(counts), 2))
    for start, end in pairwise((0, *edges, len(counts))):
        events = sum(counts[start:end])
        total += 3 * log(max(len(counts), 2)) + (2 * events * (1 - log(events / (end - start))) if events else 0)
    return total


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=9))
def test_the_segmentation_is_the_cheapest_of_all(counts: list[int]):
    places = range(1, len(counts))
    cheapest = min(cost(counts, edges) for number in range(len(counts)) for edges in combinations(places, number))
    assert cost(counts, tuple(onset.change_points(counts))) == pytest.approx(cheapest)


def test_the_moment_of_a_change_is_found_and_noise_has_none():
    dice = random.Random(3)
    quiet = sorted(at(dice.uniform(0, 600)) for _ in range(40))
    loud = sorted(at(dice.uniform(400, 600)) for _ in range(120))
    span = Span(START, NOW)
    began = onset.began(sorted(quiet + loud), span)
    assert began is not None
    assert abs(began - at(400)) < timedelta(seconds=15)
    assert onset.began(quiet, span) is None
    assert onset.began(quiet[:3], span) is None


@pytest.mark.promise("S0.8")
def test_a_beat_is_told_from_chance():
    dice = random.Random(5)
    beats = [at(60 * n + dice.gauss(0, 2)) for n in range(10)]
    found = onset.period(beats)
    assert found is not None
    assert abs(found - timedelta(minutes=1)) < timedelta(seconds=4)
    chance = [onset.period([at(dice.uniform(0, 600)) for _ in range(dice.randint(6, 40))]) for _ in range(300)]
    assert sum(one is not None for one in chance) <= 3
