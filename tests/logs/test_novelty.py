from __future__ import annotations

import random

import pytest

from mcp_servers.logs.model import LogRecord, Severity
from tests.logs.telling import START, kinds, look, said, served

WORDS = [
    "cache warmed for tenant", "order stored under key", "invoice rendered as document", "mail handed to relay", "session refreshed by gateway",
    "stock synchronised with warehouse", "price list imported again", "thumbnail written to bucket",
]  # fmt: skip


def chatter(begin: float, end: float, seed: int = 1, words: list[str] = WORDS) -> list[LogRecord]:
    dice = random.Random(seed)
    return [said(dice.uniform(begin, end), f"{word} {dice.randrange(999)}") for word in words for _ in range(int((end - begin) / 20))]


BEFORE, DURING = chatter(-3600, 0), chatter(0, 600, 2)


@pytest.mark.promise("S4.4")
def test_a_heartbeat_that_stops_is_missed():
    beats = [said(60 * n + 0.5, f"scheduler heartbeat {n}", service="api") for n in range(-60, 2)]
    found = look([*DURING, *beats[60:]], [*BEFORE, *beats[:60]], since=START)
    (missing,) = found.anomalies
    assert (missing.kind, missing.title, missing.severity) == ("vanished", "missing: scheduler heartbeat <*>", "MEDIUM")
    assert missing.onset == beats[-1].timestamp
    assert missing.explain == "It came every 60 s and is 8 beats late; last seen 10:01:00."
    assert not missing.healable


@pytest.mark.promise("S4.4")
def test_lines_that_come_at_random_are_missed_by_a_test():
    dice = random.Random(3)
    before = [said(dice.uniform(-3600, 0), "basket emptied by visitor") for _ in range(240)]
    (missing,) = look(DURING, [*BEFORE, *before], since=START).anomalies
    assert (missing.kind, missing.title) == ("vanished", "missing: basket emptied by visitor")
    assert missing.explain.startswith("Expected 4")
    assert missing.numbers["p"] < 1e-4


@pytest.mark.promise("S4.4")
def test_a_service_that_falls_silent_is_grave_and_told_once():
    other = [said(n, f"tick {n}", service="web") for n in range(-3600, 600, 5)]
    found = look([one for one in other if one.timestamp and one.timestamp >= START], [*BEFORE, *other[:720]], since=START)
    assert [(one.title, one.severity) for one in found.anomalies] == [("api fell silent", "HIGH")]


def test_what_was_rare_anyway_is_not_missed_and_a_quiet_night_is_no_fault():
    rare = [said(-3000, "certificate renewed for site"), said(-900, "certificate renewed for site")]
    assert look(DURING, [*BEFORE, *rare], since=START).anomalies == ()
    quiet = [record for place, record in enumerate(DURING) if place % 4 == 0]
    assert "vanished" not in kinds(look(quiet, BEFORE, since=START))


def test_failing_requests_that_stay_away_are_no_loss():
    before = [served(-3600 + n, "/basket", 500 if n % 2 else 200) for n in range(3600)]
    found = look([served(n, "/basket", 200) for n in range(600)], before, since=START)
    assert kinds(found) == []


def test_a_flood_of_one_kind_does_not_make_the_others_missing():
    flood = [said(n / 8, f"polling upstream {n}") for n in range(4_800)]
    assert "vanished" not in kinds(look([*DURING, *flood], BEFORE, since=START))


@pytest.mark.promise("S4.4")
def test_a_new_kind_of_line_is_told_with_its_surprise():
    fresh = [said(30 * n, f"falling back to secondary ledger {n}") for n in range(12)]
    (anomaly,) = look([*DURING, *fresh], BEFORE, since=START).anomalies
    assert (anomaly.kind, anomaly.severity, anomaly.count, anomaly.healable) == ("new_template", "LOW", 12, False)
    assert anomaly.numbers["surprise"] < 0.05
    assert "Never seen in a baseline of 1440 lines over 60 minutes" in anomaly.explain


def test_a_source_that_always_makes_new_kinds_of_line_is_said_to_do_so():
    dice = random.Random(9)

    def stream(begin: int, end: int, severity: Severity) -> list[LogRecord]:
        words = [" ".join("".join(dice.choices("abcdefgh", k=6)) for _ in range(5)) for _ in range(begin, end, 20)]
        return [said(begin + 20 * n + i, word, severity) for n, word in enumerate(words) for i in range(3)]

    for severity in (Severity.INFO, Severity.WARN):
        found = look([*DURING, *stream(0, 600, severity)], [*BEFORE, *stream(-3600, 0, severity)], since=START)
        assert found.anomalies == ()
        told = next(one for one in found.left_alone if "this source always makes new kinds" in one.reason)
        assert told.title == "30 new kinds of line in api"


def test_noise_with_the_same_rates_as_ever_has_no_findings():
    assert [kinds(look(chatter(0, 600, seed), chatter(-3600, 0, seed + 50), since=START)) for seed in range(2)] == [[]] * 2
