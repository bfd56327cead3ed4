"""What errors blame, and who failed first in a request."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mcp_servers.logs.health.correlation import correlate
from mcp_servers.logs.health.dependencies import Dependency, Fill, fill, named
from mcp_servers.logs.health.observation import Period
from mcp_servers.logs.health.spans import blames
from mcp_servers.logs.model import LogRecord, Severity

START = datetime(2026, 11, 20, 12, tzinfo=UTC)


def error(seconds: float, service: str, body: str = "failed", trace: str = "t", **attributes: str) -> LogRecord:
    return LogRecord(START + timedelta(seconds=seconds), Severity.ERROR, body, service, trace, attributes=attributes)


def access(seconds: float, service: str, took: float, status: int = 500, trace: str = "t") -> LogRecord:
    attributes = {"http.request.method": "GET", "url.path": "/", "http.response.status_code": status, "duration_ms": took * 1000}
    return LogRecord(START + timedelta(seconds=seconds), Severity.INFO, "request", service, trace, attributes=attributes)


def test_without_span_parents_the_request_inside_the_other_is_the_deeper_one():
    (blame,) = blames([error(0.1, "gateway"), access(2.0, "gateway", 2.0), error(1.5, "stock"), access(1.6, "stock", 1.0)])
    assert (blame.service, blame.followers, blame.how) == ("stock", ("gateway",), "nesting in time")


def test_without_durations_the_first_error_leads():
    (blame,) = blames([error(2.0, "gateway"), error(1.0, "stock"), error(2.5, "gateway")])
    assert (blame.service, blame.how) == ("stock", "order in time")


def test_a_callee_that_only_answers_with_an_error_leads_too():
    (blame,) = blames([access(1.0, "stock", 0.5, 503), error(1.2, "gateway"), access(1.3, "gateway", 1.2)])
    assert (blame.service, blame.followers) == ("stock", ("gateway",))


def test_requests_that_end_well_blame_nobody():
    assert blames([access(1, "stock", 0.1, 200), access(1, "gateway", 0.2, 404)]) == []


@pytest.mark.promise("S0.29")
@pytest.mark.parametrize(
    ("body", "kind", "name"),
    [
        ("dial tcp 10.0.0.7:6379: connect: connection refused", "host", "10.0.0.7"),
        ("getaddrinfo ENOTFOUND redis-master", "host", "redis-master"),
        ('connection to server at "db.internal", port 5432 failed: timeout', "host", "db.internal"),
        ("HTTPConnectionPool(host='inventory', port=8080): Max retries exceeded", "host", "inventory"),
        ("redis://user:word@cache-1:6379/0 timed out", "host", "cache-1"),
        ("FATAL: remaining connection slots are reserved, database \"orders\"", "database", "orders"),
        ("pool 'orders-pool' exhausted", "pool", "orders-pool"),
        ("could not reach instance shop-db-2", "instance", "shop-db-2"),
    ],
)  # fmt: skip
def test_what_a_message_blames_is_named(body: str, kind: str, name: str):
    assert (kind, name) in {(one.kind, one.name) for one in named(error(0, "api", body))}


@pytest.mark.parametrize("body", ["cart.py:120 failed at 12:30:45", "user for the server was not found", "at com.acme.Cart(Cart.java:17)"])
def test_what_only_looks_like_a_dependency_is_none(body: str):
    assert named(error(0, "api", body)) == set()


def test_attributes_name_dependencies_too():
    record = error(0, "api", **{"server.address": "mail.internal", "db.name": "users"})
    assert named(record) == {Dependency("host", "mail.internal"), Dependency("database", "users")}


@pytest.mark.promise("S0.29")
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("connections 100/100", Fill("connections", 100, 100)),
        ("20 of 20 connections in use", Fill("connections", 20, 20)),
        ("limit 8192 tokens, got 9000", Fill("tokens", 8192, 9000)),
        ("maximum context length is 4096 tokens, however you requested 5000 tokens", Fill("tokens", 4096, 5000)),
        ("prompt of 9,000 tokens exceeds the limit of 8,192 tokens", Fill("tokens", 8192, 9000)),
        ("QueuePool limit of size 5 overflow 10 reached, connection timed out", Fill("connections", 5, None)),
        ("17 of 20 requests done", None),
        ("order 4711 failed", None),
    ],
)
def test_a_limit_is_told_with_what_was_asked_of_it(body: str, expected: Fill | None):
    assert fill(error(0, "api", body)) == expected


@pytest.mark.promise("S0.29")
def test_requests_of_many_services_that_exceed_one_limit_are_one_problem():
    period = Period(START, START + timedelta(minutes=10))
    records = [
        error(60 * n + k, service, f"summary {n} refused: limit 8192 tokens, got {9000 + n}", f"{service}{n}")
        for k, service in enumerate(("chat", "search", "mail"))
        for n in range(5)
    ]

    (problem,) = correlate(records, period).systemic

    assert problem.fill == Fill("tokens", 8192, 9004)
    assert problem.affected == {"chat": 5, "search": 5, "mail": 5}
    assert any("shorten" in option for option in problem.options)
