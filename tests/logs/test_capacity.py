"""How much room a service has, and when its day is quiet."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from mcp_servers.logs.health.capacity import quiet, rooms
from mcp_servers.logs.health.observation import Period
from mcp_servers.logs.model import LogRecord, Severity

START = datetime(2026, 11, 18, tzinfo=UTC)
DAY = Period(START, START + timedelta(days=1))


def line(hours: float, body: str) -> LogRecord:
    return LogRecord(START + timedelta(hours=hours), Severity.INFO, body, "cart")


def request(hours: float) -> LogRecord:
    told = {"http.request.method": "GET", "url.path": "/", "http.response.status_code": 200}
    return LogRecord(START + timedelta(hours=hours), Severity.INFO, "request", "cart", attributes=told)


@pytest.mark.promise("S1.24")
def test_a_level_that_rises_is_told_with_the_time_when_it_is_full() -> None:
    [room] = rooms([line(hour + 0.5, f"disk usage at {40 + hour}%") for hour in range(24)], DAY)
    assert (room.thing, room.level, room.peak, room.full_at) == ("disk", 63, 63, None)
    assert room.full == START + timedelta(hours=23.5 + 37)


@pytest.mark.promise("S1.24")
def test_a_level_that_goes_with_traffic_is_told_with_the_traffic_that_fills_it() -> None:
    chance, records = random.Random(5), list[LogRecord]()
    for hour in range(24):
        load = chance.randrange(60, 600)
        records += [request(hour + k / load) for k in range(load)]
        records.append(line(hour + 0.5, f"pool: {10 + load // 10} of 100 connections in use"))
    [room] = rooms(records, DAY)
    assert room.full_at == pytest.approx(15, abs=0.3)
    assert room.full is None


def test_a_level_that_only_swings_has_no_end() -> None:
    chance = random.Random(6)
    [room] = rooms([line(hour + 0.5, f"heap at {chance.randrange(40, 60)}%") for hour in range(24)], DAY)
    assert (room.full, room.full_at) == (None, None)


@pytest.mark.promise("S1.24")
def test_the_quiet_hours_of_the_day_are_found_over_several_days() -> None:
    whole = Period(START, START + timedelta(days=3))
    busy = [request(24 * day + hour + k / 50) for day in range(3) for hour in range(24) for k in range(2 if hour in (2, 3, 4) else 40)]
    found = quiet(busy, whole)
    assert found is not None
    assert (found.start, found.end) == (2, 5)
    assert found.share < 0.01
    assert quiet(busy[: len(busy) // 3], DAY) is None
    assert quiet([request(hour / 4) for hour in range(288)], whole) is None
