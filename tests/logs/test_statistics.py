from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as untyped

from mcp_servers.logs import statistics

stats: Any = untyped
SIZES = st.floats(0.05, 5_000)
SHARES = st.floats(0.001, 0.999)


@settings(deadline=None)
@given(x=SHARES, a=SIZES, b=SIZES)
def test_the_beta_distribution_agrees_with_scipy(x: float, a: float, b: float):
    assert statistics.beta_cdf(x, a, b) == pytest.approx(stats.beta.cdf(x, a, b), rel=1e-8, abs=1e-12)


@settings(deadline=None)
@given(q=st.floats(0.01, 0.99), a=st.floats(0.5, 500), b=st.floats(0.5, 500))
def test_beta_quantiles_agree_with_scipy(q: float, a: float, b: float):
    assert statistics.beta_quantile(q, a, b) == pytest.approx(stats.beta.ppf(q, a, b), rel=1e-7)


@settings(deadline=None)
@given(n=st.integers(1, 100_000), part=SHARES, p=SHARES)
def test_binomial_tails_agree_with_scipy(n: int, part: float, p: float):
    k = round(n * part)
    assert statistics.binomial_at_most(k, n, p) == pytest.approx(stats.binom.cdf(k, n, p), rel=1e-7, abs=1e-12)
    assert statistics.binomial_at_least(k, n, p) == pytest.approx(stats.binom.sf(k - 1, n, p), rel=1e-7, abs=1e-12)


@settings(deadline=None)
@given(k=st.integers(0, 2_000), shape=st.floats(0.2, 500), mean=st.floats(0.01, 1_000))
def test_negative_binomial_tails_agree_with_scipy(k: int, shape: float, mean: float):
    expected = stats.nbinom.sf(k - 1, shape, shape / (shape + mean))
    assert statistics.negative_binomial_at_least(k, shape, mean) == pytest.approx(expected, rel=1e-7, abs=1e-12)


@settings(deadline=None)
@given(n=st.integers(1, 5_000), part=st.floats(0, 1))
def test_clopper_pearson_agrees_with_scipy(n: int, part: float):
    k = round(n * part)
    interval = stats.binomtest(k, n).proportion_ci(method="exact")
    assert statistics.clopper_pearson(k, n) == pytest.approx((interval.low, interval.high), rel=1e-6, abs=1e-12)


def test_an_interval_over_nothing_is_everything():
    assert statistics.clopper_pearson(0, 0) == (0.0, 1.0)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.floats(0.001, 0.5))
def test_false_discovery_control_agrees_with_scipy(p_values: list[float], q: float):
    adjusted = stats.false_discovery_control(p_values, method="bh")
    for kept, value in zip(statistics.benjamini_hochberg(p_values, q), adjusted, strict=True):
        if abs(value - q) > 1e-9:
            assert kept == (value <= q)


def test_no_tests_have_no_discoveries():
    assert statistics.benjamini_hochberg([], 0.01) == []


def test_a_beta_without_mass_is_refused():
    with pytest.raises(ValueError, match="positive parameters"):
        statistics.beta_cdf(0.5, 0, 1)
