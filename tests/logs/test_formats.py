from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mcp_servers.kit.errors import Refusal
from mcp_servers.logs.formats import Parser, severity_of
from mcp_servers.logs.model import LogRecord, Severity
from mcp_servers.logs.times import parse_moment, parse_time

REFERENCE = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
AT = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)


def parse(text: str) -> LogRecord:
    return Parser(REFERENCE, fallback="file").parse(text, "x.log:1")


@pytest.mark.parametrize(
    ("line", "severity", "service", "body"),
    [
        ("2026-11-20 10:15:00,000 - shop.api - ERROR - it broke", Severity.ERROR, "shop.api", "it broke"),
        ("2026-11-20 10:15:00,000 ERROR shop.api: it broke", Severity.ERROR, "shop.api", "it broke"),
        ("2026-11-20 10:15:00,000 [WARNING] it may break", Severity.WARN, "file", "it may break"),
        ("[2026-11-20 10:15:00,000] ERROR in app: Exception on / [GET]", Severity.ERROR, "app", "Exception on / [GET]"),
        ("2026-11-20 10:15:00.000 [main] ERROR com.shop.Cart - it broke", Severity.ERROR, "com.shop.Cart", "it broke"),
        ("2026-11-20T10:15:00.000Z  INFO 1 --- [api] [main] o.s.Boot  : Started", Severity.INFO, "o.s.Boot", "Started"),
        ("2026-11-20T10:15:00.000Z [error]: it broke", Severity.ERROR, "file", "it broke"),
        ("2026/11/20 10:15:00 [crit] 12#12: *3 open() failed", Severity.FATAL, "file", "12#12: *3 open() failed"),
        ('2026-11-20 10:15:00.000 UTC [12] ERROR:  relation "x" is missing', Severity.ERROR, "file", 'relation "x" is missing'),
        ("2026-11-20 10:15:00 a word like error says nothing", Severity.UNSPECIFIED, "file", "a word like error says nothing"),
        ("Nov 20 10:15:00 host sshd[12]: Failed password", Severity.UNSPECIFIED, "sshd", "Failed password"),
        ("<35>Nov 20 10:15:00 host sshd[12]: Failed password", Severity.ERROR, "sshd", "Failed password"),
        ("<34>1 2026-11-20T10:15:00Z host su - ID47 - su root failed", Severity.FATAL, "su", "su root failed"),
        ('time=2026-11-20T10:15:00Z level=error msg="it \\"broke\\"" n=1', Severity.ERROR, "file", 'it "broke"'),
    ],
)
def test_line_layouts(line: str, severity: Severity, service: str, body: str) -> None:
    record = parse(line)

    assert (record.timestamp, record.severity, record.service, record.body) == (AT, severity, service, body)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"timestamp": "2026-11-20T10:15:00Z", "severity": "ERROR", "body": "x", "service.name": "api", "service.version": "r3", "trace_id": "t"}, "api r3 t"),
        ({"@timestamp": "2026-11-20T10:15:00Z", "log.level": "error", "message": "x", "service": {"name": "api", "version": "r3"}, "trace": {"id": "t"}}, "api r3 t"),
        ({"time": 1795169700000, "level": 50, "msg": "x", "name": "ignored", "service": "api", "release": "r3", "req": {"id": "t"}}, "api r3 t"),
        ({"timeUnixNano": "1795169700000000000", "severityNumber": 17, "body": {"stringValue": "x"}, "service_name": "api", "version": "r3", "traceId": "t"}, "api r3 t"),
        ({"timestamp": 1795169700.0, "level": 3, "short_message": "x", "service": "api", "version": "r3", "request_id": "t"}, "api r3 t"),
        ({"asctime": "2026-11-20 10:15:00,000", "levelname": "ERROR", "message": "x", "logger": "api", "release": "r3", "trace_id": "t"}, "api r3 t"),
        ({"timestamp": "2026-11-20T10:15:00Z", "severity": "ERROR", "jsonPayload": {"message": "x"}, "resource": {"labels": {"service_name": "api", "revision_name": "r3"}},
          "logging.googleapis.com/trace": "t"}, "api r3 t"),
    ],
)  # fmt: skip
def test_json_dialects_say_the_same(value: dict[str, Any], expected: str) -> None:
    record = parse(json.dumps(value))

    assert f"{record.service} {record.release} {record.trace_id}" == expected
    assert (record.timestamp, record.severity, record.body) == (AT, Severity.ERROR, "x")


def test_nested_attributes_become_dotted_names() -> None:
    record = parse('{"msg": "x", "http": {"request": {"method": "GET"}}, "tags": ["a"], "none": null}')

    assert record.attributes == {"http.request.method": "GET", "tags": ["a"]}


def test_a_line_of_the_engines_own_file_is_opened_twice() -> None:
    inner = json.dumps({"level": "error", "msg": "boom", "service": "api"}) + "\n"

    record = parse(json.dumps({"log": inner, "stream": "stderr", "time": "2026-11-20T10:15:00.000000000Z"}))

    assert (record.timestamp, record.severity, record.service, record.body) == (AT, Severity.ERROR, "api", "boom")
    assert record.attributes["log.iostream"] == "stderr"


def test_an_access_line_tells_its_request() -> None:
    record = parse('10.0.0.1 - - [20/Nov/2026:11:15:00 +0100] "GET /cart?id=7 HTTP/1.1" 502 12 "-" "curl/8"')

    assert (record.timestamp, record.severity, record.body) == (AT, Severity.ERROR, '"GET /cart?id=7 HTTP/1.1" 502 12')
    assert record.attributes["url.path"] == "/cart"
    assert record.attributes["url.query"] == "id=7"
    assert record.attributes["http.response.status_code"] == 502


@pytest.mark.parametrize("name", ["exception.stacktrace", "exc_info", "stack_trace", "stack"])
def test_a_stack_trace_in_an_attribute_is_parsed(name: str) -> None:
    trace = 'Traceback (most recent call last):\n  File "/app/shop.py", line 3, in total\n    x.y\nAttributeError: no y'

    record = parse(json.dumps({"msg": "failed", name: trace}))

    assert record.trace is not None
    assert (record.trace.root.type, record.severity) == ("AttributeError", Severity.ERROR)


@pytest.mark.parametrize(
    "line",
    ['{"a": broken', "{}", "[]", '"text"', "{" * 10_000, '{"level": true, "time": {}}', '{"time": 1e400, "msg": 1}', "\ufffd\x00", "1"],
)
def test_nonsense_is_a_record_all_the_same(line: str) -> None:
    assert parse(line).body


def test_an_untimed_line_has_the_time_of_the_one_before() -> None:
    parser = Parser(REFERENCE)
    parser.parse("2026-11-20 10:15:00 INFO timed")

    assert parser.parse("untimed").timestamp == AT
    assert Parser(REFERENCE).parse("untimed").timestamp is None


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-20T10:15:00Z", "2026-11-20 10:15:00,000", "2026-11-20T11:15:00.000000000+01:00", "2026/11/20 10:15:00", "20/Nov/2026:10:15:00 +0000",
        "Nov 20 10:15:00", 1795169700, "1795169700", 1795169700000, 1795169700000000, "1795169700000000000", "2026-11-20 10:15:00 UTC", "2026-11-20 11:15:00 +0100",
    ],
)  # fmt: skip
def test_every_way_to_write_a_moment(value: object) -> None:
    assert parse_time(value, REFERENCE) == AT


def test_a_syslog_time_of_december_read_in_january_was_last_year() -> None:
    assert parse_time("Dec 31 23:59:00", datetime(2027, 1, 1, tzinfo=UTC)) == datetime(2026, 12, 31, 23, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("15m", timedelta(minutes=15)),
        ("2 hours ago", timedelta(hours=2)),
        ("last 7 days", timedelta(days=7)),
        ("90s", timedelta(seconds=90)),
    ],
)
def test_relative_moments(text: str, span: timedelta) -> None:
    assert parse_moment(text, REFERENCE) == REFERENCE - span


@pytest.mark.parametrize("text", ["soon", "", "15x", "99999999999999w"])
def test_what_is_no_moment_is_a_sentence(text: str) -> None:
    with pytest.raises(Refusal, match="is not a time; write it like 15m"):
        parse_moment(text, REFERENCE)


@pytest.mark.parametrize(
    ("value", "severity"),
    [
        ("err", 17),
        ("WARNING", 13),
        ("notice", 9),
        ("CRITICAL", 21),
        ("ERROR2", 17),
        (30, 9),
        (60, 21),
        (18, 17),
        ("50", 17),
        ("unheard", 0),
        (None, 0),
        (-3, 0),
        (1e300, 0),
    ],
)
def test_severities_by_word_and_number(value: object, severity: int) -> None:
    assert severity_of(value) == severity
