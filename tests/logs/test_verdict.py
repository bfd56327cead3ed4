from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_servers.logs.verdicts.verdict import Clumping, Exposure, compare


def minutes(events: int, length: float) -> Exposure:
    return Exposure(events, 0, length)


@pytest.mark.promise("S0.19")
def test_three_errors_and_then_silence_for_as_long_is_not_a_proof():
    verdict = compare(minutes(3, 60), minutes(0, 60))
    assert verdict.word == "not_shown_yet"
    assert verdict.p > 0.125
    assert verdict.needed is not None
    assert verdict.needed > 60


@pytest.mark.parametrize(("before", "share", "p"), [(3, 2, 0.037), (10, 0.5, 0.017), (10, 1, 0.001), (30, 0.25, 0.0012)])
def test_silence_weighs_little_less_than_in_an_exact_test_that_may_look_once(before: int, share: float, p: float):
    assert p < compare(minutes(before, 60), minutes(0, 60 * share)).p < 1.8 * p


@pytest.mark.promise("S0.19")
def test_long_silence_after_many_errors_verifies():
    verdict = compare(minutes(40, 30), minutes(0, 30))
    assert (verdict.word, verdict.ratio, verdict.needed) == ("verified", 0.0, 0.0)
    assert verdict.high is not None
    assert verdict.high < 0.5


def test_the_event_that_the_time_before_begins_with_is_no_evidence_for_its_rate():
    assert compare(minutes(9, 60), minutes(0, 60)).p == compare(minutes(10, 60), minutes(0, 60), opening=1).p
    assert compare(minutes(1, 60), minutes(0, 6_000), opening=1).needed is None


@pytest.mark.promise("S0.19")
def test_events_that_came_in_clumps_count_for_less():
    calm, bursty = (compare(minutes(40, 30), minutes(0, 10), clumping=Clumping(many, many)) for many in (1.0, 8.0))
    assert (calm.word, bursty.word) == ("verified", "not_shown_yet")
    assert "about 8 at a time" in bursty.explain


def test_fewer_errors_that_do_not_prove_a_halving_are_an_improvement():
    verdict = compare(minutes(100, 60), minutes(50, 60))
    assert verdict.word == "improved"
    assert verdict.ratio == pytest.approx(0.5)


def test_more_errors_are_worse():
    assert compare(minutes(10, 60), minutes(40, 60)).word == "worse"


def test_traffic_counts_before_time_does():
    """Ten minutes of silence at night are no silence: only 20 of the usual 10,000 requests came."""
    assert compare(Exposure(20, 10_000, 60), Exposure(0, 20, 600)).word == "not_shown_yet"
    assert compare(minutes(20, 60), minutes(0, 600)).word == "verified"


def test_a_path_that_nobody_used_since_proves_nothing():
    verdict = compare(Exposure(20, 10_000, 60), Exposure(0, 0, 600))
    assert verdict.word == "no_exposure"
    assert "no requests were seen after the fix" in verdict.explain


def test_events_after_the_fix_are_not_lost_when_requests_are_not_counted_any_more():
    verdict = compare(Exposure(20, 10_000, 60), Exposure(60, 0, 60))
    assert (verdict.word, verdict.unit) == ("worse", "minutes")


def test_something_never_seen_cannot_be_verified():
    verdict = compare(minutes(0, 60), minutes(0, 60))
    assert (verdict.word, verdict.needed) == ("not_shown_yet", None)


def test_something_first_seen_after_the_fix_has_no_upper_bound():
    verdict = compare(minutes(0, 60), minutes(12, 60))
    assert (verdict.word, verdict.ratio, verdict.high, verdict.needed) == ("worse", None, None, None)


@settings(deadline=None)
@given(before=st.integers(1, 200), after=st.integers(0, 50), length=st.floats(1, 10_000), later=st.floats(0.1, 10_000))
def test_the_silence_that_is_asked_for_verifies_and_slightly_less_does_not(before: int, after: int, length: float, later: float):
    verdict = compare(minutes(before, length), minutes(after, later))
    if verdict.needed is None:  # nothing that was seen so rarely, and still is, can be shown to have halved
        assert before <= 2
        return
    assert compare(minutes(before, length), minutes(after, later + verdict.needed * 1.001)).word == "verified"
    if verdict.word != "verified":
        assert compare(minutes(before, length), minutes(after, later + verdict.needed * 0.99)).word != "verified"


@settings(deadline=None)
@given(before=st.integers(0, 300), after=st.integers(0, 300), length=st.floats(1, 1e5), later=st.floats(1, 1e5))
def test_the_interval_holds_the_ratio(before: int, after: int, length: float, later: float):
    verdict = compare(minutes(before, length), minutes(after, later))
    if verdict.ratio is not None and verdict.low is not None:
        assert verdict.low <= verdict.ratio * (1 + 1e-9)
        assert verdict.high is None or verdict.ratio <= verdict.high * (1 + 1e-9)
