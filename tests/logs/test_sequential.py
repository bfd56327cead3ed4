from __future__ import annotations

import random
from math import exp

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_servers.logs.statistics.sequential import Rates, below, interval, p_less, p_more


def poisson(number: int, mean: float) -> float:
    probability = exp(-mean)
    for k in range(1, number + 1):
        probability *= mean / k
    return probability


@pytest.mark.promise("S0.19")
def test_whoever_waits_for_silence_is_wrong_no_more_often_than_promised():
    """Exact: if the rate only halved, how often does the watcher who asks at every moment see silence long enough to say less than half?"""
    needed = {before: _until(before) for before in range(1, 120)}
    for usual in (0.5, 1, 2, 3, 5, 8, 13, 20, 40):
        wrong = sum(poisson(before, usual) * exp(-0.5 * usual * long) for before, long in needed.items())
        assert wrong <= 0.025, usual


def _until(before: int) -> float:
    wrong, right = 0.0, 1e5
    for _ in range(80):
        middle = (wrong + right) / 2
        wrong, right = (wrong, middle) if below(Rates(before, 0, 1, middle), 0.5) else (middle, right)
    return right


def arrivals(chance: random.Random, rate: float, end: float) -> list[float]:
    times, time = list[float](), chance.expovariate(rate)
    while time < end:
        times.append(time)
        time += chance.expovariate(rate)
    return times


@pytest.mark.promise("S0.19")
@pytest.mark.parametrize("usual", [4, 25])
def test_asking_after_every_event_finds_no_change_where_there_is_none(usual: float):
    chance, wrong, runs = random.Random(11), 0, 150
    for _ in range(runs):
        before, later = len(arrivals(chance, usual, 1)), arrivals(chance, usual, 3)
        looks = [(number, time + nudge) for number, time in enumerate(later) for nudge in (-1e-9, 1e-9)]
        counts = [(Rates(before, number + (position % 2), 1, time)) for position, (number, time) in enumerate(looks)]
        wrong += any(min(p_less(rates), p_more(rates)) < 0.05 for rates in counts)
    assert wrong <= 0.1 * runs


@settings(deadline=None)
@given(before=st.integers(0, 300), after=st.integers(0, 300), length=st.floats(1, 1e5), later=st.floats(1, 1e5))
def test_the_interval_holds_what_was_seen_and_its_ends_are_where_it_stops(before: int, after: int, length: float, later: float):
    rates = Rates(before, after, length, later)
    low, high = interval(rates)
    assert low <= rates.ratio * (1 + 1e-9)
    if high is not None:
        assert rates.ratio <= high * (1 + 1e-9)
        assert below(rates, high * 1.001)
        assert not below(rates, high * 0.999)
