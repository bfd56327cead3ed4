# ruff: noqa
from __future__ import annotations

from datetime import datetime

from croniter import CroniterBadCronError, CroniterBadDateError, croniter, croniter_range

BASE = datetime(2024, 1, 31, 23, 58)


def following(expression, count=2, base=BASE):
    made = croniter(expression, base)
    return [made.get_next(datetime).strftime("%m-%d %H:%M") for _ in range(count)]


def test_every_minute():
    assert following("* * * * *") == ["01-31 23:59", "02-01 00:00"]


def test_steps():
    assert following("*/20 * * * *", 3) == ["02-01 00:00", "02-01 00:20", "02-01 00:40"]


def test_range_and_list():
    assert following("0 9-10,15 * * *", 3) == ["02-01 09:00", "02-01 10:00", "02-01 15:00"]


def test_range_with_step():
    assert following("5-20/5 0 * * *", 4) == ["02-01 00:05", "02-01 00:10", "02-01 00:15", "02-01 00:20"]


def test_names():
    assert following("0 0 * feb mon") == ["02-05 00:00", "02-12 00:00"]


def test_day_or_weekday():
    assert following("0 0 13 * fri", 3) == ["02-02 00:00", "02-09 00:00", "02-13 00:00"]


def test_day_and_weekday():
    made = croniter("0 0 13 * fri", BASE, day_or=False)
    assert made.get_next(datetime) == datetime(2024, 9, 13)


def test_leap_day():
    assert following("0 0 29 2 *", 2) == ["02-29 00:00", "02-29 00:00"]
    made = croniter("0 0 29 2 *", datetime(2025, 1, 1))
    assert made.get_next(datetime).year == 2028


def test_last_day_of_month():
    assert following("0 0 l * *") == ["02-29 00:00", "03-31 00:00"]


def test_third_friday():
    assert following("0 0 * * fri#3") == ["02-16 00:00", "03-15 00:00"]


def test_last_friday():
    assert following("0 0 * * L5") == ["02-23 00:00", "03-29 00:00"]


def test_seconds():
    made = croniter("* * * * * 15,45", BASE)
    assert [made.get_next(datetime).second for _ in range(3)] == [15, 45, 15]


def test_previous():
    made = croniter("0 12 * * *", BASE)
    assert made.get_prev(datetime) == datetime(2024, 1, 31, 12)
    assert made.get_prev(datetime) == datetime(2024, 1, 30, 12)


def test_previous_month_end():
    assert croniter("0 0 31 * *", datetime(2024, 3, 30)).get_prev(datetime) == datetime(2024, 1, 31)


def test_nicknames():
    assert following("@monthly", 1) == ["02-01 00:00"]
    assert following("@hourly", 1) == ["02-01 00:00"]


def test_sunday_is_seven():
    assert following("0 0 * * 7", 1) == following("0 0 * * 0", 1)


def test_match():
    assert croniter.match("0 0 * * *", datetime(2024, 1, 1))
    assert not croniter.match("0 0 * * *", datetime(2024, 1, 1, 0, 1))


def test_validity():
    assert croniter.is_valid("0 0 1 1 *")
    assert not croniter.is_valid("0 0 1 13 *")
    assert not croniter.is_valid("0 0 1")


def test_refused_with_reason():
    try:
        croniter("61 * * * *")
    except CroniterBadCronError as error:
        assert "out of range" in str(error)
    else:
        raise AssertionError("accepted")


def test_never():
    try:
        croniter("0 0 31 2 *", BASE).get_next()
    except CroniterBadDateError as error:
        assert "next date" in str(error)
    else:
        raise AssertionError("found")


def test_range_of_dates():
    found = list(croniter_range(datetime(2024, 1, 1), datetime(2024, 1, 3), "0 12 * * *"))
    assert found == [datetime(2024, 1, 1, 12), datetime(2024, 1, 2, 12)]


def test_wrapped_range():
    assert following("0 22-2 * * *", 3)[0] == "02-01 00:00"


def test_timestamp():
    assert croniter("0 0 * * *", 0).get_next(float) == 86400.0
