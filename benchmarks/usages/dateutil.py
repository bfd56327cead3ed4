# ruff: noqa
from __future__ import annotations

import unittest
from datetime import date, datetime, timedelta

from dateutil import tz
from dateutil.easter import easter
from dateutil.parser import ParserError, isoparse, parse
from dateutil.relativedelta import FR, MO, relativedelta
from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrule, rruleset, rrulestr

START = datetime(2024, 1, 31, 9, 30)


class RelativeDeltaTest(unittest.TestCase):
    def test_months_end(self):
        self.assertEqual(START + relativedelta(months=1), datetime(2024, 2, 29, 9, 30))

    def test_difference(self):
        between = relativedelta(datetime(2024, 3, 15), datetime(2022, 1, 31))
        self.assertEqual((between.years, between.months, between.days), (2, 1, 15))

    def test_weekday(self):
        self.assertEqual(START + relativedelta(weekday=FR(-1)), datetime(2024, 1, 26, 9, 30))
        self.assertEqual(date(2024, 1, 1) + relativedelta(weekday=MO(+2)), date(2024, 1, 8))

    def test_absolute(self):
        self.assertEqual(START + relativedelta(day=1, hour=0), datetime(2024, 1, 1, 0, 30))

    def test_normalised(self):
        self.assertEqual(relativedelta(hours=50).normalized(), relativedelta(days=2, hours=2))
        self.assertEqual(relativedelta(months=14), relativedelta(years=1, months=2))

    def test_arithmetic(self):
        self.assertEqual(relativedelta(days=3) * 2 - relativedelta(days=1), relativedelta(days=5))
        self.assertEqual(-relativedelta(years=1), relativedelta(years=-1))

    def test_leap_days(self):
        self.assertEqual(date(2024, 2, 28) + relativedelta(yearday=60), date(2024, 2, 29) + timedelta(days=1) - timedelta(days=1))

    def test_text(self):
        self.assertEqual(repr(relativedelta(days=+2, hour=5)), "relativedelta(days=+2, hour=5)")


class ParserTest(unittest.TestCase):
    def test_words(self):
        self.assertEqual(parse("Thu Sep 25 10:36:28 2003"), datetime(2003, 9, 25, 10, 36, 28))

    def test_day_first(self):
        self.assertEqual(parse("10/09/2003", dayfirst=True), datetime(2003, 9, 10))
        self.assertEqual(parse("10/09/2003"), datetime(2003, 10, 9))

    def test_year_first(self):
        self.assertEqual(parse("03-09-25", yearfirst=True), datetime(2003, 9, 25))

    def test_half_day(self):
        self.assertEqual(parse("Sep 25 2003 10pm").hour, 22)
        self.assertEqual(parse("2003-09-25 12am").hour, 0)

    def test_zone(self):
        self.assertEqual(parse("2003-09-25T10:49:41-03:00").utcoffset(), timedelta(hours=-3))
        self.assertEqual(parse("2003-09-25 10:00 UTC").tzinfo, tz.tzutc())

    def test_default(self):
        self.assertEqual(parse("10:36", default=datetime(2003, 9, 25)), datetime(2003, 9, 25, 10, 36))

    def test_fuzzy(self):
        self.assertEqual(parse("Today is 25 of September of 2003, exactly at 10:49:41", fuzzy=True), datetime(2003, 9, 25, 10, 49, 41))

    def test_fraction(self):
        self.assertEqual(parse("20030925T104941.5").microsecond, 500000)

    def test_refused(self):
        with self.assertRaises(ParserError):
            parse("no date at all")

    def test_iso(self):
        self.assertEqual(isoparse("2018-W05-3"), datetime(2018, 1, 31))
        self.assertEqual(isoparse("20180131T0930Z").tzinfo, tz.tzutc())
        self.assertEqual(isoparse("2018-01-31T24:00"), datetime(2018, 2, 1))


class RuleTest(unittest.TestCase):
    def days(self, rule):
        return [each.strftime("%m-%d") for each in rule]

    def test_daily(self):
        self.assertEqual(self.days(rrule(DAILY, count=3, interval=2, dtstart=START)), ["01-31", "02-02", "02-04"])

    def test_weekly_on_days(self):
        self.assertEqual(self.days(rrule(WEEKLY, count=4, byweekday=(MO, FR), dtstart=START)), ["02-02", "02-05", "02-09", "02-12"])

    def test_monthly_skips(self):
        self.assertEqual(self.days(rrule(MONTHLY, count=3, dtstart=START)), ["01-31", "03-31", "05-31"])

    def test_last_friday(self):
        rule = rrule(MONTHLY, count=2, byweekday=FR(-1), dtstart=START)
        self.assertEqual(self.days(rule), ["02-23", "03-29"])

    def test_yearly_easter(self):
        self.assertEqual(rrule(YEARLY, count=1, byeaster=0, dtstart=START)[0].date(), easter(2024))

    def test_position(self):
        rule = rrule(MONTHLY, count=2, byweekday=range(5), bysetpos=-1, dtstart=datetime(2024, 1, 1))
        self.assertEqual(self.days(rule), ["01-31", "02-29"])

    def test_between_and_after(self):
        rule = rrule(DAILY, dtstart=START)
        found = rule.between(START, START + timedelta(days=3))
        self.assertEqual(len(found), 2)
        self.assertEqual(rule.after(START), START + timedelta(days=1))
        self.assertEqual(rule.before(START + timedelta(days=1), inc=True), START + timedelta(days=1))

    def test_set(self):
        made = rruleset()
        made.rrule(rrule(DAILY, count=3, dtstart=START))
        made.exdate(START + timedelta(days=1))
        made.rdate(START + timedelta(days=9))
        self.assertEqual(self.days(made), ["01-31", "02-02", "02-09"])

    def test_text(self):
        rule = rrulestr("DTSTART:20240131T093000\nRRULE:FREQ=WEEKLY;COUNT=2;BYDAY=SU")
        self.assertEqual(self.days(rule), ["02-04", "02-11"])
        self.assertIn("FREQ=WEEKLY", str(rule))


def test_easter_methods():
    assert easter(2025) == date(2025, 4, 20)
    assert easter(2016, method=2) == date(2016, 5, 1)


def test_offsets():
    zone = tz.tzoffset("X", 3600)
    moment = datetime(2024, 6, 1, 12, tzinfo=zone)
    assert moment.astimezone(tz.tzutc()).hour == 11
    assert zone.tzname(moment) == "X"


def test_rule_zone():
    zone = tz.tzstr("EST5EDT")
    assert datetime(2024, 7, 1, tzinfo=zone).utcoffset() == timedelta(hours=-4)
    assert datetime(2024, 1, 1, tzinfo=zone).tzname() == "EST"
