from __future__ import annotations

import random
from datetime import timedelta

import pytest

from mcp_servers.logs import statistics
from mcp_servers.logs.anomalies import spikes
from mcp_servers.logs.anomalies.spikes import Series, Span
from tests.logs.telling import NOW, START, at

HOUR = Span(START - timedelta(hours=1), START)
WINDOW = Span(START, NOW)


def evenly(start: float, end: float, number: int) -> list[float]:
    return [start + (end - start) * n / number for n in range(number)]


def test_a_window_is_looked_at_with_several_widths():
    assert spikes.widths(timedelta(minutes=10)) == [
        timedelta(seconds=10),
        timedelta(minutes=1),
        timedelta(minutes=5),
        timedelta(minutes=10),
    ]
    assert spikes.widths(timedelta(hours=4)) == [timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=4)]
    assert spikes.widths(timedelta(seconds=3)) == [timedelta(seconds=3)]


def test_a_small_rise_that_lasts_is_found_by_a_wide_bucket_only():
    dice = random.Random(1)
    before = sorted(at(dice.uniform(-3600, 0)) for _ in range(120))
    during = sorted(at(dice.uniform(0, 600)) for _ in range(60))
    tested = spikes.test([Series(before, during)], HOUR, WINDOW)
    sure = [spike for spike in tested.spikes[0] if spike.p < 0.01 / tested.tests]
    assert sure
    assert all(spike.width >= timedelta(minutes=5) for spike in sure)
    assert all(spike.low < spike.ratio < spike.high for spike in sure)


@pytest.mark.promise("S4.4")
def test_a_rush_that_comes_every_day_is_no_spike():
    """Two hundred jobs each day at ten o'clock, for five days; on the sixth a thousand."""
    days = [at(-86400 * day + second) for day in range(1, 6) for second in evenly(0, 600, 200)]
    quiet = [at(-86400 * 5 + second) for second in evenly(0, 86400 * 5, 400)]
    baseline = Span(START - timedelta(days=5, hours=1), START)
    past = sorted(days + quiet)
    usual, many = ([at(second) for second in evenly(0, 600, number)] for number in (200, 1000))
    assert not least(spikes.test([Series(past, usual)], baseline, WINDOW))
    assert least(spikes.test([Series(past, many)], baseline, WINDOW))


def least(tested: spikes.Tested) -> bool:
    return any(statistics.benjamini_hochberg([spike.p for spike in tested.spikes[0]], 0.01, tested.tests))


def test_every_bucket_counts_as_a_test_also_the_empty_ones():
    tested = spikes.test([Series([at(-60)], [at(1)])], HOUR, WINDOW)
    assert tested.tests == 60 + 10 + 2 + 1
