from __future__ import annotations

import random

import pytest

from mcp_servers.logs.anomalies.latency import milliseconds
from mcp_servers.logs.model import LogRecord, Severity
from tests.logs.telling import START, at, kinds, look, served


@pytest.mark.parametrize(
    ("body", "attributes", "expected"),
    [
        ("request", {"event.duration": 2_500_000}, 2.5),
        ("request", {"http.server.request.duration": 0.25}, 250),
        ("request", {"request_time": "0.120"}, 120),
        ("request", {"duration": "1.5s"}, 1500),
        ("query took 123 ms", {}, 123),
        ("Completed 200 OK in 48ms", {}, 48),
        ("job finished in 2.5 seconds", {}, 2500),
        ("GET /x elapsed=7ms", {}, 7),
        ("stored 17 rows", {}, None),
        ("in 3 steps", {}, None),
        ("request", {"duration": True}, None),
    ],
)
def test_durations_are_read_from_attributes_and_words(body: str, attributes: dict[str, object], expected: float | None):
    assert milliseconds(LogRecord(START, Severity.INFO, body, attributes=attributes)) == (
        None if expected is None else pytest.approx(expected)
    )


def requests(begin: float, number: int, ms: float, seed: int, path: str = "/basket") -> list[LogRecord]:
    dice = random.Random(seed)
    return [served(begin + n, path, 200, ms=dice.lognormvariate(0, 0.5) * ms) for n in range(number)]


@pytest.mark.promise("S1.3")
def test_a_route_that_takes_twice_as_long_is_told_and_the_others_are_not():
    before = [*requests(-3600, 300, 40, 1), *requests(-3600, 300, 40, 2, "/home")]
    during = [*requests(0, 120, 90, 3), *requests(0, 120, 40, 4, "/home")]
    (anomaly,) = look(during, before).anomalies
    assert (anomaly.kind, anomaly.title, anomaly.severity, anomaly.error_type) == (
        "latency_shift",
        "GET /basket is slower",
        "MEDIUM",
        "performance",
    )
    assert 1.7 < anomaly.numbers["ratio"] < 2.8
    assert anomaly.numbers["p"] < 1e-6
    assert anomaly.request[0].target == "/basket"


@pytest.mark.promise("S1.3")
def test_words_tell_durations_too():
    before = [LogRecord(at(-3600 + 10 * n), Severity.INFO, f"report built in {200 + n % 37} ms", "jobs") for n in range(300)]
    during = [LogRecord(at(10 * n), Severity.INFO, f"report built in {700 + n % 37} ms", "jobs") for n in range(60)]
    assert kinds(look(during, before)) == ["latency_shift"]


def test_sure_but_small_or_large_but_rare_shifts_are_left_alone():
    assert kinds(look(requests(0, 400, 50, 2), requests(-3600, 3000, 40, 1))) == []
    assert kinds(look([*requests(0, 95, 40, 2), *requests(95, 5, 400, 3)], requests(-3600, 300, 40, 1))) == []
    assert kinds(look(requests(0, 5, 400, 2), requests(-3600, 300, 40, 1))) == []
