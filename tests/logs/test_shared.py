"""What failing services share by the record, and what a window of logs shows of who uses what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mcp_servers.logs.health.calls import Use, uses
from mcp_servers.logs.health.correlation import correlate
from mcp_servers.logs.health.observation import Period
from mcp_servers.logs.model import LogRecord, Severity

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
PERIOD = Period(START, START + timedelta(minutes=10))
RECORD = [Use(service, "database", "db.acme.io", "configured") for service in ("cart", "billing", "mail")]


def wrong(*services: str, body: str = "the job failed", sound: tuple[str, ...] = ()) -> list[LogRecord]:
    """Five errors of each service and a quiet line of the sound ones, joined by nothing."""
    errors = [
        LogRecord(START + timedelta(seconds=20 * n + k), Severity.ERROR, f"{body} ({service})", service)
        for n in range(5)
        for k, service in enumerate(services)
    ]
    return [*errors, *(LogRecord(START, Severity.INFO, "all is well", service) for service in sound)]


@pytest.mark.promise("S0.29")
def test_services_that_fail_together_share_what_the_record_says_though_no_error_names_it() -> None:
    (problem,) = correlate(wrong("cart", "billing"), PERIOD, RECORD).systemic
    assert (problem.dependency.kind, problem.dependency.name) == ("database", "db.acme.io")
    assert problem.affected == {"cart": 5, "billing": 5}
    assert problem.spared == ("mail",)
    assert problem.basis == "shared by the record, no error names it"
    assert problem.began == START


def test_a_service_that_fails_itself_comes_before_what_its_callers_share_besides() -> None:
    record = [*RECORD, Use("cart", "service", "stock", "traced"), Use("billing", "service", "stock", "traced")]
    first = correlate(wrong("cart", "billing", "stock"), PERIOD, record).systemic[0]
    assert (first.dependency.kind, first.dependency.name) == ("service", "stock")
    assert first.affected == {"cart": 5, "billing": 5, "stock": 5}
    assert "mend stock first" in first.options[0]


@pytest.mark.parametrize(
    ("records", "record"),
    [
        (wrong("cart"), RECORD),
        (wrong("cart", "post"), RECORD),
        (wrong("cart", "billing", sound=("mail", "search")), [*RECORD, Use("search", "database", "db.acme.io", "traced")]),
        (wrong("cart", "billing", sound=("stock",)), [Use(one, "service", "stock", "traced") for one in ("cart", "billing")]),
        (wrong("cart", "billing"), [Use(one, "database", "db", "configured", f"{one}/db") for one in ("cart", "billing")]),
    ],
    ids=["one alone", "another thing", "as many are well with it", "what they call is well", "each has its own"],
)
def test_what_others_do_well_with_or_do_not_share_is_not_blamed(records: list[LogRecord], record: list[Use]) -> None:
    assert correlate(records, PERIOD, record).systemic == ()


@pytest.mark.promise("S0.29")
def test_a_shared_dependency_that_errors_name_tells_who_else_uses_it() -> None:
    (problem,) = correlate(wrong("cart", "billing", body="connection to db.acme.io:5432 refused"), PERIOD, RECORD).systemic
    assert problem.basis == "co-occurrence, not cause"
    assert problem.spared == ("mail",)


def span(service: str, own: str, parent: str = "", **attributes: str) -> LogRecord:
    told = {"span_id": own, **({"parent_span_id": parent} if parent else {}), **attributes}
    return LogRecord(START, Severity.INFO, "done", service, "t1", attributes=told)


def test_spans_and_errors_tell_who_uses_what() -> None:
    records = [
        span("web", "a"),
        span("cart", "b", "a"),
        span("cart", "c", "b", **{"db.system": "postgresql", "server.address": "db.acme.io"}),
        span("cart", "d", "b", **{"db.system": "redis", "server.address": "cache.acme.io:6379"}),
        span("web", "e", "a", **{"messaging.system": "kafka", "messaging.destination.name": "orders"}),
        span("web", "f", "a", **{"peer.service": "search", "server.address": "10.0.0.7"}),
        span("search", "g", "f", **{"server.address": "search.acme.io"}),
        *wrong("mail", body="ECONNREFUSED smtp.acme.io:25"),
        *wrong("post")[:2],
    ]
    assert {(one.service, one.kind, one.name, one.told) for one in uses(records)} == {
        ("web", "service", "cart", "traced"),
        ("web", "service", "search", "traced"),
        ("web", "queue", "orders", "traced"),
        ("cart", "database", "db.acme.io", "traced"),
        ("cart", "cache", "cache.acme.io", "traced"),
        ("mail", "host", "smtp.acme.io", "named in errors"),
    }
