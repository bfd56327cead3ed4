from __future__ import annotations

import pytest

from mcp_servers.logs.anomalies import topics
from mcp_servers.logs.model import Severity
from tests.logs.telling import kinds, look, said

TOLD = [
    ("security", "Failed password for invalid user admin from 203.0.113.7 port 4711 ssh2"),
    ("security", "bob : user NOT in sudoers ; TTY=pts/0 ; COMMAND=/bin/sh"),
    ("security", "CSRF token mismatch for /settings"),
    ("resource", "Out of memory: Killed process 4711 (python) total-vm:8123456kB"),
    ("resource", "java.lang.OutOfMemoryError: Java heap space"),
    ("resource", "write /var/lib/data: no space left on device"),
    ("resource", "filesystem /srv is out of inodes"),
    ("resource", "accept: too many open files"),
    ("resource", "HikariPool-1 - Connection is not available, request timed out after 30000ms."),
    ("resource", "FATAL: sorry, too many clients already"),
    ("resource", "container cpu throttled 87% of the time"),
    ("business", "card declined by issuer for basket 17"),
    ("business", "payment for order 17 failed: gateway said 91"),
    ("business", "checkout aborted for session 9"),
    ("business", "contact form could not be processed: form not sent"),
    ("business", "order 4711 is stuck in state paid"),
    ("infrastructure", "dial tcp 10.0.0.7:5432: connect: connection refused"),
    ("infrastructure", "getaddrinfo ENOTFOUND db.internal"),
    ("infrastructure", "x509: certificate has expired or is not yet valid"),
    ("infrastructure", "503 Service Unavailable from inventory"),
    ("infrastructure", "Readiness probe failed: HTTP probe failed with statuscode: 500"),
    ("infrastructure", "SQLSTATE[HY000] [2002] No such file or directory"),
    ("error", "PHP Fatal error:  Allowed classes missing in /srv/www/index.php on line 3"),
]

SAID_EVERY_DAY = [
    "order 4711 stored", "payment of 12.30 captured", "form submitted by user 9", "connected to db.internal:5432", "session opened for user root",
    "certificate renewed for shop.example", "memory usage 41%", "checkout completed", "connection pool started with 20 connections",
    "password changed for user 7", "upstream answered in 12 ms", "disk scan finished", "login succeeded for user 7", "queue drained",
]  # fmt: skip


@pytest.mark.promise("S1.2", "S1.4", "S1.5", "S1.6")
@pytest.mark.parametrize(("topic", "body"), TOLD)
def test_problems_are_known_by_their_words(topic: str, body: str):
    rule = topics.of(body)
    assert rule is not None, body
    assert rule.topic == topic or (topic, rule.topic) == ("error", "resource")


@pytest.mark.parametrize("body", SAID_EVERY_DAY)
def test_what_is_said_every_day_is_no_problem(body: str):
    assert topics.of(body) is None


@pytest.mark.promise("S1.6")
def test_one_killed_process_is_told_and_is_for_people():
    (anomaly,) = look([said(9, TOLD[3][1], Severity.UNSPECIFIED, "kernel")]).anomalies
    assert (anomaly.kind, anomaly.severity, anomaly.healable, anomaly.error_type) == ("resource", "HIGH", False, "resource")


@pytest.mark.promise("S1.5")
def test_one_declined_card_is_everyday_life_and_a_burst_of_them_is_told():
    declined = [said(n, f"card declined by issuer for basket {n}") for n in range(12)]
    one = look(declined[:1])
    assert one.anomalies == ()
    assert one.left_alone[0].reason == "seen once: fewer than 5 of declined payments are what every day brings"
    assert kinds(look(declined)) == ["business"]


@pytest.mark.promise("S4.4")
def test_what_goes_on_as_ever_is_left_alone():
    before = [said(-3600 + 60 * n, f"card declined by issuer for basket {n}") for n in range(60)]
    found = look([said(60 * n, f"card declined by issuer for basket {n}") for n in range(8)], before)
    assert found.anomalies == ()
    assert "as often as ever" in found.left_alone[0].reason


@pytest.mark.promise("S1.2")
def test_a_fatal_error_of_php_is_told_the_first_time():
    (anomaly,) = look([said(1, TOLD[-1][1], Severity.UNSPECIFIED)]).anomalies
    assert (anomaly.kind, anomaly.severity, anomaly.healable) == ("new_error", "HIGH", True)


@pytest.mark.promise("S1.5")
def test_failing_payments_are_a_problem_that_code_could_end():
    (anomaly,) = look([said(n, f"payment {n} failed: gateway timeout", Severity.ERROR) for n in range(4)]).anomalies
    assert (anomaly.kind, anomaly.severity, anomaly.healable) == ("business", "HIGH", True)
