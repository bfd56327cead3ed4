from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

import pytest

from benchmarks import alarms
from mcp_servers.logs import fingerprint, stacktrace
from mcp_servers.logs.anomalies.anomaly import Anomaly, Findings
from mcp_servers.logs.anomalies.finding import find
from mcp_servers.logs.model import LogRecord, Severity
from tests.logs.telling import NOW, START, at, look, raised, said, served


def only(records: Sequence[LogRecord], baseline: Sequence[LogRecord] = ()) -> Anomaly:
    found = look(records, baseline)
    assert len(found.anomalies) == 1, [anomaly.title for anomaly in found.anomalies]
    return found.anomalies[0]


def failing(
    number: int, error: str = "AttributeError: 'NoneType' object has no attribute 'strip'", function: str = "format_phone"
) -> list[LogRecord]:
    """Requests that fail in the api, with their access records there and in the web service that called it."""
    records: list[LogRecord] = []
    for n in range(number):
        trace = f"{function}-{n}"
        records += [
            raised(n, error, function, trace_id=trace),
            served(n + 0.1, f"/customers/{n}", 500, trace_id=trace, query="full=1"),
            said(n + 0.2, "upstream answered 500", Severity.ERROR, "web", trace),
            served(n + 0.3, f"/page/{n}", 502, "web", trace),
        ]
    return records


def healthy(number: int, service: str = "api") -> list[LogRecord]:
    return [served(n / 2, f"/items/{n}", 200, service, f"fine-{service}-{n}") for n in range(number)]


# --- thresholds ---


@pytest.mark.promise("S3.1")
@pytest.mark.parametrize(("count", "severity"), [(3, "HIGH"), (12, "HIGH"), (2, "MEDIUM"), (1, "MEDIUM")])
def test_the_same_error_three_times_is_grave_and_one_fresh_traceback_is_worth_a_case(count: int, severity: str):
    anomaly = only([raised(n, f"KeyError: 'row {n}'", "load") for n in range(count)])
    assert (anomaly.severity, anomaly.count) == (severity, count)
    assert anomaly.kind == ("repeated_error" if count >= 3 else "new_error")


@pytest.mark.promise("S3.1")
def test_an_error_without_a_stack_needs_three_occurrences():
    errors = [said(n, f"payment {n} failed", Severity.ERROR) for n in range(3)]
    assert only(errors).severity == "HIGH"
    found = look(errors[:2])
    assert found.anomalies == ()
    assert [(left.title, left.count) for left in found.left_alone] == [("payment 0 failed", 2)]


@pytest.mark.promise("S3.1")
@pytest.mark.parametrize(
    ("body", "count", "kind", "severity"),
    [
        ("answer truncated: finish_reason=length max_tokens=64", 2, "truncation", "MEDIUM"),
        ("slow query took 2100 ms", 2, "slow", "MEDIUM"),
        ("duplicate event evt_17 received", 11, "duplicate", "LOW"),
    ],
)
def test_truncation_and_slowness_twice_and_duplicates_more_than_ten_times(body: str, count: int, kind: str, severity: str):
    anomaly = only([said(n, body, Severity.WARN) for n in range(count)])
    assert (anomaly.kind, anomaly.severity) == (kind, severity)
    assert look([said(n, body, Severity.WARN) for n in range(count - 1)]).anomalies == ()


@pytest.mark.promise("S3.1")
def test_an_event_that_comes_again_and_again_is_a_duplicate_though_no_word_says_so():
    assert only([said(n, "processing event evt_9f3 for shop") for n in range(11)]).kind == "duplicate"
    assert look([said(n, f"processing event evt_{n} for shop") for n in range(40)]).anomalies == ()


# --- signals that are no verdicts ---


@pytest.mark.promise("S2.2")
@pytest.mark.parametrize(
    "line",
    ["an error occurred in step 4", "unhandled exception in loop", "backup failed", "panic: out of cheese", "call answered HTTP 503 again"],
)
def test_the_detector_words_are_heard_in_plain_lines(line: str):
    assert only([said(n, line, Severity.UNSPECIFIED) for n in range(3)]).severity == "HIGH"


@pytest.mark.promise("S2.2")
def test_a_traceback_and_a_failed_request_are_heard():
    assert only([raised(1, "ValueError: x", "f")]).trace is not None
    assert only([served(n, "/x", 503) for n in range(3)]).title == "GET /x answered 503"


@pytest.mark.parametrize("line", ["finished with 0 errors", "no error found", "errors=0 rows=17", "terror alert exercise"])
def test_words_that_deny_an_error_are_none(line: str):
    assert look([said(n, line, Severity.UNSPECIFIED) for n in range(5)]).anomalies == ()


@pytest.mark.promise("S2.2")
def test_noise_is_left_alone_with_a_reason():
    noise = [said(n, "DeprecationWarning: old_api failed to die, use new_api", Severity.WARN, trace_id=f"fine-api-{n}") for n in range(20)]
    noise += [served(n, f"/customers/{n}", 404, trace_id=f"miss-{n}") for n in range(9)]
    noise += [said(n, "cache error, going on without", Severity.WARN, trace_id=f"fine-api-{n}") for n in range(5)]
    found = look([*noise, *healthy(40)])
    assert found.anomalies == ()
    told = {left.title: (left.count, left.reason.split(":")[0]) for left in found.left_alone}
    assert told["GET /customers/<*> answered 404"] == (9, "an expected refusal")
    assert told["DeprecationWarning: old_api failed to die, use new_api"] == (20, "a deprecation warning")
    assert told["cache error, going on without"] == (5, "a warning only")


@pytest.mark.parametrize("ids", [True, False])
@pytest.mark.parametrize("severity", [Severity.WARN, Severity.ERROR])
def test_a_retry_that_succeeded_is_left_alone(ids: bool, severity: Severity):
    records: list[LogRecord] = []
    for n in range(6):
        trace = f"job-{n}" if ids else ""
        records.append(said(n * 3, "mail server busy, retrying (1/3)", severity, "worker", trace))
        records.append(said(n * 3 + 1, "sent after 2 attempts", Severity.INFO, "worker", trace))
    found = look(records)
    assert found.anomalies == ()
    assert "a retry that succeeded" in found.left_alone[0].reason
    assert found.left_alone[0].count == 6


def test_retries_that_never_succeed_are_an_error():
    records = [said(n, "mail server busy, retrying (1/3)", Severity.ERROR, "worker", f"job-{n}") for n in range(6)]
    assert only(records).severity == "HIGH"


# --- one problem per request ---


def test_the_callers_of_a_failing_service_add_nothing_to_its_one_anomaly():
    anomaly = only([*failing(12), *healthy(60)])
    assert anomaly.title == "AttributeError in format_phone: 'NoneType' object has no attribute 'strip'"
    assert (anomaly.service, anomaly.count, anomaly.requests) == ("api", 12, 72)
    assert {symptom.title for symptom in anomaly.also} == {
        "upstream answered 500",
        "GET /customers/<*> answered 500",
        "GET /page/<*> answered 502",
    }


def test_a_caller_of_several_failing_functions_is_their_consequence():
    found = look([*failing(12), *failing(9, "TypeError: 'NoneType' object is not subscriptable", "percent")])
    assert [anomaly.error_type for anomaly in found.anomalies] == ["bug", "bug"]
    assert {anomaly.title.partition(" in ")[2].partition(":")[0] for anomaly in found.anomalies} == {"format_phone", "percent"}
    caller = next(left for left in found.left_alone if left.title == "upstream answered 500")
    assert caller.count == 21
    assert caller.reason.startswith("consequence of AttributeError in format_phone")


def test_a_caller_with_a_longer_stack_does_not_lead_when_it_spoke_later():
    records: list[LogRecord] = []
    for n in range(8):
        records.append(raised(n, "KeyError: 'x'", "coupon", "api", f"t{n}"))
        records.append(raised(n + 0.5, "RuntimeError: api said 500", "page", "web", f"t{n}", callers=9))
    assert only(records).title == "KeyError in coupon: 'x'"


def test_a_truncated_answer_and_the_parse_error_after_it_are_one_problem_that_names_the_limit():
    records: list[LogRecord] = []
    for n in range(10):
        records.append(said(n, "answer truncated: finish_reason=length max_tokens=64", Severity.WARN, trace_id=f"t{n}"))
        if n < 9:
            records.append(raised(n + 0.1, f"json.decoder.JSONDecodeError: Unterminated string: char {n}", "advice", trace_id=f"t{n}"))
    anomaly = only([*records, *healthy(50)])
    assert anomaly.title.startswith("JSONDecodeError in advice")
    assert anomaly.error_type == "configuration"
    (symptom,) = anomaly.also
    assert "max_tokens=64" in symptom.title
    assert "max_tokens=64" in symptom.sample
    assert symptom.count == 10


def test_a_warning_of_every_request_is_no_symptom_of_the_failing_ones():
    chatter = [said(n, "config reloaded late", Severity.WARN, trace_id=f"fine-api-{n}") for n in range(60)]
    chatter += [said(n, "config reloaded late", Severity.WARN, trace_id=f"format_phone-{n}") for n in range(12)]
    anomaly = only([*failing(12), *healthy(60), *chatter])
    assert "config reloaded late" not in {symptom.title for symptom in anomaly.also}


def test_failed_requests_of_a_log_without_ids_are_the_errors_that_were_logged():
    records = [entry for n in range(6) for entry in (raised(n, "KeyError: 1", "f"), served(n + 0.1, "/x", 500))]
    assert only(records).title == "KeyError in f: 1"


def test_two_services_with_an_error_of_one_name_are_two_problems():
    records = [
        raised(n, "OSError: [Errno 24] Too many open files", "connect", service, f"{service}{n}")
        for n in range(5)
        for service in ("api", "worker")
    ]
    assert sorted(anomaly.service for anomaly in look(records).anomalies) == ["api", "worker"]


def test_a_spent_resource_is_one_problem_that_shows_our_code():
    accept = 'Traceback (most recent call last):\n  File "/usr/lib/python3.11/asyncio/a.py", line 1, in accept\n    x()\nOSError: [Errno 24] Too many open files\n'
    records = [LogRecord(at(n), Severity.ERROR, "accept failed", "api", trace=stacktrace.parse(accept)) for n in range(30)]
    records += [raised(n, "httpx2.ConnectError: [Errno 24] Too many open files", "related", trace_id=f"t{n}") for n in range(5)]
    records += [said(n, "could not log: [Errno 24] Too many open files", Severity.ERROR) for n in range(4)]
    anomaly = only(records)
    assert (anomaly.title, anomaly.count, anomaly.error_type) == (
        "ConnectError in related: [Errno 24] Too many open files",
        39,
        "infrastructure",
    )


# --- evidence ---


def test_what_fails_after_a_resource_is_spent_and_what_callers_miss_are_consequences():
    spent = [raised(n, "OSError: [Errno 24] Too many open files", "related", trace_id=f"r{n}") for n in range(5)]
    outside = (
        'Traceback (most recent call last):\n  File "/usr/lib/python3.11/asyncio/base.py", line 7, in accept\n    go()\nValueError: -1'
    )
    later = LogRecord(at(3), Severity.ERROR, "accept failed", "api", trace=stacktrace.parse(outside))
    caller = raised(4, "httpx.ReadTimeout", "ask", "web", "w1")
    own = raised(4, "KeyError: 'x'", "page", "web", "w2")
    before = raised(-5, "httpx.ReadTimeout", "fetch", "web", "w3")

    found = look([*spent, later, caller, own, before])

    assert {anomaly.title.partition(":")[0] for anomaly in found.anomalies} == {
        "OSError in related",
        "KeyError in page",
        "ReadTimeout in fetch",
    }
    assert {quiet.reason.partition(" of ")[0] for quiet in found.left_alone} == {"consequence"}


@pytest.mark.promise("S0.8")
def test_an_anomaly_tells_frequency_user_impact_and_timing():
    anomaly = only([*failing(30), *healthy(60)])
    assert anomaly.rate_per_minute == pytest.approx(61, abs=1)
    assert "Seen 30 times in api, 61.0 a minute." in anomaly.explain
    assert "requests ended 30 with 500 (33.3% of 90 requests failed by it)" in anomaly.explain
    assert "Timing: steady since 10:00:00." in anomaly.explain
    assert "Only in release r3." in anomaly.explain


@pytest.mark.promise("S0.8")
def test_a_burst_is_told_from_a_steady_error():
    records = [raised(300 + n / 10, "KeyError: 1", "f") for n in range(20)]
    assert "in one burst around 10:05:01" in only([*records, *healthy(1200)]).explain


def test_an_anomaly_carries_the_failing_requests_and_the_load():
    records = failing(9)
    records += [served(20, f"/slow/{n}", 200, trace_id=f"s{n}", ms=500) for n in range(17)]
    anomaly = only(records)
    assert anomaly.concurrency == 17
    assert len(anomaly.request) == 5
    assert anomaly.request[0].as_json() == {"method": "GET", "target": "/customers/0?full=1", "status": 500}


def test_the_body_of_a_failing_request_is_kept():
    access = served(1.1, "/cart", 500, trace_id="t")
    error = raised(1, "ValueError: total", "check", trace_id="t")
    told = {"http.request.method": "POST", "url.path": "/cart", "http.request.body.content": '{"items": [1]}'}
    error = LogRecord(error.timestamp, error.severity, error.body, "api", "t", "r3", told, error.trace)
    assert only([error, access]).request[0].as_json() == {"method": "POST", "target": "/cart", "body": '{"items": [1]}', "status": 500}


def test_an_anomaly_is_plain_json():
    anomaly = only([*failing(4), *healthy(10)])
    value = json.loads(json.dumps(anomaly.as_json()))
    assert value["fingerprint"]["version"] == fingerprint.VERSION
    assert stacktrace.StackTrace.from_json(value["trace"]) == anomaly.trace
    assert value["samples"][0]["at"] == START.isoformat()
    assert len(value["samples"]) <= 3
    assert value["releases"] == {"r3": 4}
    assert (value["first_seen"], value["last_seen"]) == (START.isoformat(), at(3).isoformat())
    assert set(value) == {
        *(
            "id",
            "kind",
            "title",
            "service",
            "severity",
            "error_type",
            "healable",
            "fingerprint",
            "template",
            "count",
            "requests",
            "rate_per_minute",
        ),
        *(
            "first_seen",
            "last_seen",
            "onset",
            "releases",
            "trace",
            "message",
            "numbers",
            "samples",
            "request",
            "concurrency",
            "also",
            "explain",
        ),
    }


def test_the_order_of_the_records_does_not_matter():
    records = [*failing(12), *failing(9, "TypeError: no", "percent"), *healthy(40)]
    assert look(records) == look(sorted(records, key=lambda record: (record.service, record.timestamp or START)))


def test_nothing_is_found_in_nothing():
    assert look([]) == Findings((), ())


def test_records_without_a_time_are_judged_too():
    timeless = [LogRecord(None, Severity.ERROR, f"payment {n} failed", "api") for n in range(4)]
    anomaly = only(timeless)
    assert (anomaly.count, anomaly.first_seen) == (4, NOW)


def test_roots_tell_which_frames_are_ours():
    record = raised(1, "KeyError: 1", "f")
    trace = find([record], now=NOW, app_roots=["/app/shop/api.py"]).anomalies[0].trace
    assert trace is not None
    assert trace.top_in_app is not None


# --- against a baseline ---


def before(records: Sequence[LogRecord], hours: float = 2) -> list[LogRecord]:
    return [
        LogRecord(
            (r.timestamp or START) - timedelta(hours=hours), r.severity, r.body, r.service, r.trace_id, r.release, r.attributes, r.trace
        )
        for r in records
    ]


def test_an_error_that_the_baseline_does_not_know_is_new():
    assert only(failing(12), before(healthy(500))).kind == "new_error"


def test_an_error_that_goes_on_as_ever_is_repeated_and_one_that_jumps_is_a_spike():
    usual = [raised(n * 60, "KeyError: 1", "f") for n in range(118)]
    now = [raised(n * 60, "KeyError: 1", "f") for n in range(5)]
    assert only(now, before(usual)).kind == "repeated_error"
    jump = only([raised(n, "KeyError: 1", "f") for n in range(240)], before(usual))
    assert jump.kind == "rate_spike"
    assert jump.numbers["p"] < 1e-6
    assert jump.numbers["ratio"] > 20
    assert jump.numbers["baseline"] == 118


def test_more_errors_with_as_much_more_traffic_are_no_spike():
    usual = [
        entry for n in range(120) for entry in (raised(n * 60, "KeyError: 1", "f"), *(served(n * 60 + i, "/x", 200) for i in range(20)))
    ]
    busy = [
        entry for n in range(100) for entry in (raised(n * 3, "KeyError: 1", "f"), *(served(n * 3 + i / 20, "/x", 200) for i in range(20)))
    ]
    assert only(busy, before(usual)).kind == "repeated_error"


def test_a_warning_never_seen_before_is_a_new_template_of_low_weight():
    warnings = [said(n, f"queue lag {n} grows", Severity.WARN) for n in range(5)]
    anomaly = only(warnings, before(healthy(100)))
    assert (anomaly.kind, anomaly.severity, anomaly.template.text) == ("new_template", "LOW", "queue lag <*> grows")
    assert look(warnings, before(warnings)).anomalies == ()


def test_chatty_noise_raises_few_false_alarms():
    """Forty warnings and forty notices of many rates, calm and bursty ones, as often as ever: at q = .01 hardly a call should tell of one."""
    calls = [alarms.noise_call(seed, stream=seed % 2 == 1, kinds=80) for seed in range(4)]
    assert sum(call.false for call in calls) <= 1
    assert sum(call.naive for call in calls) > 50
