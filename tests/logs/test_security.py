from __future__ import annotations

import pytest

from mcp_servers.logs.anomalies.security import attack_of
from mcp_servers.logs.model import LogRecord, Severity
from tests.logs.telling import kinds, look, said, served


def refused(number: int, address: str = "203.0.113.7", account: str = "root", begin: float = 0) -> list[LogRecord]:
    return [
        said(
            begin + n,
            f"Failed password for {account.format(n=n)} from {address.format(n=n)} port {40000 + n} ssh2",
            Severity.UNSPECIFIED,
            "sshd",
        )
        for n in range(number)
    ]


@pytest.mark.promise("S1.4")
def test_many_failed_logins_of_one_address_are_brute_force():
    (anomaly,) = look(refused(30)).anomalies
    assert (anomaly.kind, anomaly.severity, anomaly.title) == ("security", "HIGH", "brute force: failed logins of 203.0.113.7 in sshd")
    assert (anomaly.count, anomaly.healable) == (30, False)
    assert "30 failed logins from 1 address as 1 account." in anomaly.explain


@pytest.mark.promise("S1.4")
def test_one_address_that_tries_many_names_enumerates_accounts():
    (anomaly,) = look(refused(12, account="invalid user name{n}")).anomalies
    assert anomaly.title.startswith("account enumeration: failed logins of 203.0.113.7")
    assert anomaly.numbers["accounts"] == 12


@pytest.mark.promise("S1.4")
def test_one_account_that_many_addresses_try_is_attacked():
    (anomaly,) = look(refused(12, address="198.51.100.{n}")).anomalies
    assert anomaly.title == "attack on an account: failed logins as root in sshd"


def test_a_login_that_succeeds_after_the_attack_is_said():
    went_in = said(40, "Accepted password for root from 203.0.113.7 port 5 ssh2", service="sshd")
    (anomaly,) = look([*refused(8), went_in]).anomalies
    assert (anomaly.severity, anomaly.numbers["succeeded"]) == ("HIGH", 1)


@pytest.mark.promise("S1.4")
def test_a_few_mistyped_passwords_are_left_alone():
    found = look([*refused(2), *refused(2, "203.0.113.9", "ann", 300)])
    assert found.anomalies == ()
    assert (found.left_alone[0].title, found.left_alone[0].count) == ("failed logins in sshd", 4)
    slow = [said(600 * n, "login failed for ann from 203.0.113.9", service="web") for n in range(20)]
    assert look(slow).anomalies == ()


def test_refused_answers_of_a_login_route_count_as_failed_logins():
    tried = [served(n, "/login", 401) for n in range(14)]
    told = [
        LogRecord(one.timestamp, one.severity, one.body, "web", attributes={**one.attributes, "client.address": "203.0.113.7"})
        for one in tried
    ]
    assert kinds(look(told)) == ["security"]
    assert kinds(look([served(n, "/reports/7", 401) for n in range(14)])) == []


@pytest.mark.promise("S1.4")
@pytest.mark.parametrize(
    ("target", "attack"),
    [
        ("/items?id=1%27%20OR%20%271%27=%271", "SQL injection"),
        ("/items?id=1+UNION+ALL+SELECT+name,pw+FROM+users", "SQL injection"),
        ("/static/..%2f..%2f..%2fetc%2fpasswd", "path traversal"),
        ("/static/%252e%252e%252f%252e%252e%252fetc/passwd", "path traversal"),
        ("/search?q=%3Cscript%3Ealert(1)%3C/script%3E", "cross-site scripting"),
        ("/?x=${jndi:ldap://203.0.113.7/a}", "template or lookup injection"),
        ("/hello?name={{7*7}}", "template or lookup injection"),
        ("/ping?host=127.0.0.1;cat%20/tmp/x", "command injection"),
        ("/search?q=rock+%27n%27+roll", ""),
        ("/search?q=union+square+hotel", ""),
        ("/docs/select-a-plan?from=home&sort=-price", ""),
        ("/files/report..final.pdf", ""),
        ("/calendar?range=1..7&tz=Europe/Berlin", ""),
        ("/search?q=O%27Brien+and+sons", ""),
    ],
)
def test_attacks_in_a_url_are_known_and_plain_words_are_none(target: str, attack: str):
    path, _, query = target.partition("?")
    assert attack_of(served(0, path, 200, query=query)) == attack


@pytest.mark.promise("S1.4")
def test_a_scanner_is_noise_until_it_comes_in_a_burst_or_breaks_something():
    def attack(second: float, status: int) -> LogRecord:
        return served(second, "/items", status, query="id=1%27%20OR%20%271%27=%271")

    single = look([attack(0, 404)])
    assert single.anomalies == ()
    assert any("scanners try this everywhere" in left.reason for left in single.left_alone)
    assert kinds(look([attack(n, 403) for n in range(9)])) == ["security"]
    broken = next(one for one in look([attack(0, 500)]).anomalies if one.kind == "security")
    assert (broken.severity, broken.numbers["broke"]) == ("HIGH", 1)
