from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as untyped

from mcp_servers.logs.statistics import monotone

stats: Any = untyped


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40))
def test_the_slope_agrees_with_scipy(values: list[float]):
    places = list(range(len(values)))
    assert monotone.theil_sen(places, values) == pytest.approx(stats.theilslopes(values, places).slope, rel=1e-9, abs=1e-9)


@given(st.floats(-30, 30))
def test_normal_tails_agree_with_scipy(z: float):
    assert monotone.normal_above(z) == pytest.approx(stats.norm.sf(z), rel=1e-9)


def test_noise_has_no_trend_and_neither_has_noise_that_remembers():
    dice = random.Random(4)
    alarms = remembered = 0
    for _ in range(400):
        noise = [dice.gauss(0, 1) for _ in range(20)]
        alarms += monotone.mann_kendall(noise) < 0.01
        remembered += monotone.mann_kendall([sum(noise[max(0, place - 2) : place + 1]) for place in range(20)]) < 0.01
    assert alarms <= 12
    assert remembered <= 24


def test_a_climb_is_seen_and_a_fall_is_none():
    climb = [n + (n * 7 % 5) for n in range(20)]
    assert monotone.mann_kendall(climb) < 1e-4
    assert monotone.mann_kendall(climb[::-1]) > 0.9
    assert monotone.mann_kendall([5.0] * 20) == 1.0
    assert monotone.mann_kendall([1, 2, 3]) == 1.0


def test_events_that_come_ever_faster_have_a_large_z():
    assert monotone.laplace([1 - 0.5**n for n in range(12)]) > 3
    assert abs(monotone.laplace([n / 20 for n in range(21)])) < 1e-9
    assert monotone.laplace([]) == 0.0
