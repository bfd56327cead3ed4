"""The tests behind the judgements, against scipy and against chance."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as untyped

from mcp_servers.logs import statistics
from mcp_servers.logs.health import rates
from mcp_servers.logs.health.observation import Period
from mcp_servers.logs.health.together import co_occurring
from mcp_servers.logs.health.trends import trend_p
from mcp_servers.logs.statistics.ranks import mann_whitney_greater

stats: Any = untyped
START = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = Period(START, START + timedelta(hours=1))


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=4, max_size=60), st.lists(st.integers(0, 9), min_size=4, max_size=60))
def test_ranks_agree_with_scipy(values: list[int], others: list[int]):
    if len({*values, *others}) > 1:
        expected = stats.mannwhitneyu(values, others, alternative="greater", method="asymptotic").pvalue
        assert mann_whitney_greater(values, others) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_nothing_and_sameness_prove_nothing():
    assert mann_whitney_greater([], [1.0]) == mann_whitney_greater([2.0, 2.0], [2.0]) == 1.0


@settings(deadline=None)
@given(after=st.integers(0, 60), before=st.integers(0, 60), length=st.floats(0.1, 50))
def test_two_rates_agree_with_the_binomial_test_of_scipy(after: int, before: int, length: float):
    share = length / (length + 1)
    higher = stats.binomtest(after, after + before, share, alternative="greater").pvalue if after + before else 1.0
    lower = stats.binomtest(after, after + before, share, alternative="less").pvalue if after + before else 1.0
    assert rates.p_higher(after, length, before, 1) == pytest.approx(higher, rel=1e-6)
    assert rates.p_lower(after, length, before, 1) == pytest.approx(lower, rel=1e-6)


def test_independent_counts_look_clumped_hardly_more_often_than_promised():
    chance = random.Random(2)
    counts = [[sum(chance.random() < 0.05 for _ in range(100)) for _ in range(30)] for _ in range(120)]
    assert sum(statistics.overdispersion(some) > 1 for some in counts) <= 12
    assert statistics.overdispersion([0, 20, 0, 0, 25, 0, 0, 18]) > 5


@pytest.mark.promise("S3.14")
def test_a_steady_rate_seldom_seems_to_have_a_slope_and_a_slope_does():
    chance = random.Random(4)
    bursty = [[sum(chance.random() < 0.1 for _ in range(int(chance.gammavariate(2, 60)))) for _ in range(12)] for _ in range(200)]
    assert sum(trend_p(counts) < 0.05 for counts in bursty) <= 20
    assert trend_p([1, 2, 2, 4, 3, 5, 7, 6, 9, 8, 11, 12]) < 0.001


@pytest.mark.promise("S0.29")
def test_services_that_have_nothing_in_common_are_seldom_called_together():
    chance = random.Random(7)
    found = 0
    for _ in range(15):
        errors = {name: sorted(START + timedelta(hours=chance.random()) for _ in range(60)) for name in "abc"}
        found += len(co_occurring(errors, {}, HOUR))
    assert found <= 3
