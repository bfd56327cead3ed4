from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_servers.logs.times import Clock, parse_time

REFERENCE = datetime(2026, 11, 20, 12, tzinfo=UTC)
AT = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-20T10:15Z", "2026-11-20T10:15:00,000Z", "[2026-11-20 10:15:00.000]", "2026-11-20T11:15:00+01:00[Europe/Berlin]", "2026-11-20 05:15:00 EST",
        "2026-11-20 11:15:00 CET", "2026-11-20-10.15.00.000000", "20261120T101500Z", "20261120101500", "20261120-10:15:0:000",
        "Fri, 20 Nov 2026 10:15:00 GMT", "20 Nov 2026 10:15:00.000", "20-Nov-2026 11:15:00 +0100", "Fri Nov 20 10:15:00 2026", "Fri Nov 20 10:15:00.000000 2026",
        "Nov 20, 2026 10:15:00 AM", "Nov 20 2026 10:15:00", "20/Nov/2026 10:15:00", "11/20/2026, 10:15:00 AM", "20/11/2026 10:15:00", "11/20/26 10:15:00",
        "26/11/20 10:15:00", "20.11.2026 10:15:00", "261120 101500", "261120 10:15:00", "11-20 10:15:00.000", "11.20 10:15:00", "10:15:00.000", "10:15AM",
        "1795169700.000", 1795169700.0, "@400000006b001dae00000000",
    ],
)  # fmt: skip
def test_more_ways_to_write_a_moment(value: object) -> None:
    assert parse_time(value, REFERENCE) == AT


def test_a_fraction_is_kept_to_the_microsecond() -> None:
    for value in (
        "2026-11-20T10:15:00.123456789Z",
        "20/Nov/2026:10:15:00.123456",
        "1795169700123456789",
        1795169700123456,
        "1795169700.123456",
    ):
        assert parse_time(value, REFERENCE) == AT.replace(microsecond=123456)


def test_the_day_comes_first_once_a_number_above_twelve_has_told_so() -> None:
    clock = Clock(REFERENCE)

    assert clock.read("03/04/2026 00:00:00") == datetime(2026, 3, 4, tzinfo=UTC)
    assert clock.read("13/04/2026 00:00:00") == datetime(2026, 4, 13, tzinfo=UTC)
    assert clock.read("05/04/2026 00:00:00") == datetime(2026, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "reference", "expected"),
    [
        ("Dec 31 23:59:00", datetime(2027, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, 23, 59, tzinfo=UTC)),
        ("Feb 29 10:00:00", datetime(2026, 3, 1, tzinfo=UTC), datetime(2024, 2, 29, 10, tzinfo=UTC)),
        ("23:59:00", datetime(2026, 11, 20, 0, 5, tzinfo=UTC), datetime(2026, 11, 19, 23, 59, tzinfo=UTC)),
    ],
)
def test_what_is_missing_is_the_latest_that_is_past(text: str, reference: datetime, expected: datetime) -> None:
    assert parse_time(text, reference) == expected


@pytest.mark.parametrize(
    "value",
    ["", "[", "soon", "2026-13-40 10:15:00", "0001-01-01T00:00:00+14:00", "99:99:99", "²", "٢٠٢٦", "9" * 400, "1e400", float("nan"), float("inf"), 10**400, -1, 0, True, [], {}],
)  # fmt: skip
def test_nonsense_is_no_moment(value: object) -> None:
    assert parse_time(value, REFERENCE) is None


def test_an_hour_that_a_zone_skips_or_repeats_is_a_moment_all_the_same() -> None:
    assert parse_time("2026-03-29 02:30:00 CET", REFERENCE) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert parse_time("2026-10-25 02:30:00 CEST", REFERENCE) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@given(st.text(alphabet="0123456789:/.-, TZ+[]@abNovAM", max_size=40) | st.floats() | st.integers())
def test_every_value_is_a_moment_in_utc_or_none(value: object) -> None:
    moment = parse_time(value, REFERENCE)

    assert moment is None or moment.utcoffset() == REFERENCE.utcoffset()


@given(st.datetimes(datetime(2002, 1, 1), datetime(2037, 1, 1)))
def test_a_moment_written_in_any_full_layout_is_read_back(moment: datetime) -> None:
    exact = moment.replace(microsecond=0, tzinfo=UTC)
    clock = Clock(REFERENCE)

    for layout in (
        "%Y-%m-%d %H:%M:%S",
        "%d/%b/%Y:%H:%M:%S +0000",
        "%a %b %d %H:%M:%S %Y",
        "%a, %d %b %Y %H:%M:%S GMT",
        "%b %d, %Y %I:%M:%S %p",
        "%s000",
    ):
        written = str(int(exact.timestamp()) * 1000) if layout == "%s000" else exact.strftime(layout)
        assert clock.read(written) == exact
