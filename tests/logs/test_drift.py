from __future__ import annotations

import random

import pytest

from mcp_servers.logs.anomalies.drift import fill_level
from mcp_servers.logs.model import LogRecord, Severity
from tests.logs.telling import kinds, look, said


@pytest.mark.parametrize(
    ("body", "thing", "percent"),
    [
        ("memory usage 71.5% of 4 GiB", "memory", 71.5),
        ("disk /dev/sda1 is 82% full", "disk", 82),
        ("93 % of heap used", "heap", 93),
        ("connections 80/100", "connections", 80),
        ("pool: 15 of 20 in use", "pool", 75),
        ("heap 512 MB / 1024 MB", "heap", 50),
    ],
)
def test_fill_levels_are_read(body: str, thing: str, percent: float):
    told = fill_level(body)
    assert told is not None
    assert told[:2] == (thing, pytest.approx(percent))


@pytest.mark.parametrize(
    "body", ["GET /disk/42 answered 200", "step 3 of 4", "disk replaced", "memory 512 MB / 1 GB", "queue 7/0", "cpu 250%"]
)
def test_other_numbers_are_no_fill_levels(body: str):
    assert fill_level(body) is None


def levels(slope: float, seed: int = 1) -> list[LogRecord]:
    dice = random.Random(seed)
    return [said(10 * n, f"heap at {50 + slope * n + dice.uniform(-2, 2):.1f}% after collection") for n in range(60)]


@pytest.mark.promise("S3.14")
def test_a_steady_growth_is_told_with_its_slope_and_its_end():
    (anomaly,) = look(levels(0.5)).anomalies
    assert (anomaly.kind, anomaly.title, anomaly.severity, anomaly.healable) == ("trend", "heap fills up in api", "HIGH", False)
    assert anomaly.numbers["slope_per_hour"] == pytest.approx(180, rel=0.1)
    assert "full at 2026-11-20 10:1" in anomaly.explain


@pytest.mark.promise("S3.14")
def test_levels_that_swing_or_fall_are_no_trend():
    assert [kinds(look(levels(0, seed))) for seed in range(5)] == [[]] * 5
    assert kinds(look(levels(-0.5))) == []
    saw = [said(10 * n, f"heap at {40 + 5 * (n % 8):.0f}% after collection", Severity.INFO) for n in range(60)]
    assert kinds(look(saw)) == []
