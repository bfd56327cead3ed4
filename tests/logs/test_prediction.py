from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as untyped

from benchmarks import alarms
from mcp_servers.logs.statistics.prediction import USUAL, Baseline, learned

stats: Any = untyped
COUNTS = st.lists(st.integers(0, 60), min_size=1, max_size=60)


def flat(counts: list[int]) -> Baseline:
    return Baseline(counts, [1.0] * len(counts))


def test_a_long_calm_baseline_predicts_as_poisson_does():
    baseline = flat([4, 5, 6, 5] * 500)
    for count in (12, 14, 16):
        expected = (stats.poisson.sf(count - 1, 5) + stats.poisson.sf(count, 5)) / 2
        assert baseline.at_least(count, 1.0) == pytest.approx(expected, rel=0.1)


@settings(deadline=None)
@given(counts=COUNTS, count=st.integers(1, 200), exposure=st.floats(0.1, 10))
def test_more_events_are_never_less_surprising_and_fewer_never_less_missed(counts: list[int], count: int, exposure: float):
    baseline = flat(counts)
    assert 0 <= baseline.at_least(count + 1, exposure) <= baseline.at_least(count, exposure) + 1e-12
    assert baseline.at_most(count - 1, exposure) <= baseline.at_most(count, exposure) + 1e-12


@settings(deadline=None)
@given(counts=COUNTS, factor=st.integers(2, 50), count=st.integers(1, 100))
def test_the_unit_of_exposure_does_not_matter(counts: list[int], factor: int, count: int):
    scaled = Baseline(counts, [float(factor)] * len(counts))
    assert scaled.at_least(count, float(factor)) == pytest.approx(flat(counts).at_least(count, 1.0), rel=1e-6)


def test_a_short_or_bursty_baseline_is_doubted():
    assert flat([5] * 48).at_least(16, 1.0) < flat([5] * 2).at_least(16, 1.0)
    assert flat([5] * 48).at_least(16, 1.0) < 0.001 < flat([0, 0, 20, 0, 0, 10] * 8).at_least(16, 1.0)


def test_a_baseline_without_exposure_says_nothing():
    assert Baseline([0, 0], [0.0, 0.0]).at_least(9, 1.0) == 1.0
    assert Baseline([3, 0], [10.0, 0.0]).at_most(0, 0.0) == 1.0


def test_scattered_series_teach_the_others_to_doubt():
    bursty = [flat([0, 0, 30, 1, 0, 0, 12, 0, 0, 45, 0, 3] * 4) for _ in range(20)]
    prior = learned(bursty)
    assert sum(prior) == pytest.approx(1)
    assert prior[0] < USUAL[0]
    short = [4, 6, 5]
    assert Baseline(short, [1.0] * 3, prior).at_least(20, 1.0) > 5 * flat(short).at_least(20, 1.0)


@pytest.mark.promise("S4.4")
@pytest.mark.parametrize("row", [row for row in alarms.TABLE if row.mean <= 5], ids=lambda row: f"{row.mean}-{row.dispersion}")
def test_false_alarms_stay_rare_where_simple_rules_cry_wolf(row: alarms.Row):
    false, hits = alarms.rates(alarms.ours, row, 60)
    assert false <= 0.0125
    assert hits >= row.published - 0.075
    assert alarms.rates(alarms.three_sigma, row, 60)[0] >= false
