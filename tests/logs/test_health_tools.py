"""Is the deployment good, how is the service, which way do errors go, where does a pattern occur, who leads: as a client asks."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kintsugi.tools import Tools
from mcp_servers.kit.budget import DEFAULT_BUDGET, tokens
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.project import Project, Source
from mcp_servers.launch import assemble

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
Log = Callable[..., None]


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    (tmp_path / "logs").mkdir()
    project = Project(tmp_path, "shop", sources=(Source("app", "files", {"paths": ["logs"]}),))
    return Tools(assemble(project, home=tmp_path / "home", clock=lambda: NOW), ["logs"])


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """Writes one record of a service, so many minutes before now."""
    written = 0

    def write(minutes_ago: float, body: str = "", service: str = "api", severity: str = "INFO", **more: Any) -> None:
        nonlocal written
        written += 1
        at = (NOW - timedelta(minutes=minutes_ago)).isoformat()
        record = {"timestamp": at, "severity": severity, "body": body, "service.name": service, **more}
        with (tmp_path / "logs" / "app.log").open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    return write


def request(log: Log, minutes_ago: float, status: int = 200, milliseconds: float = 20, service: str = "api", **more: Any) -> None:
    fields = {"http.request.method": "GET", "url.path": "/cart", "http.response.status_code": status, "duration_ms": milliseconds}
    log(minutes_ago, "request", service, **fields, **more)


def traffic(log: Log, start: float, end: float, count: int, failing: float = 0.0, slower: float = 1.0, seed: int = 1, **more: Any) -> None:
    chance = random.Random(seed)
    for n in range(count):
        at = start + (end - start) * (n + chance.random()) / count
        wrong = chance.random() < failing
        request(log, at, 500 if wrong else 200, slower * chance.lognormvariate(3, 0.4), **more)
        if wrong:
            log(at, "payment gateway said no", severity="ERROR", **{"exception.type": "GatewayError"}, **more)


@pytest.mark.promise("S0.20")
async def test_a_deployment_with_more_failures_is_worse_and_a_rollback_is_considered(tools: Tools, log: Log) -> None:
    traffic(log, 60, 30, 600, failing=0.01, **{"service.version": "r1"})
    traffic(log, 30, 0, 600, failing=0.08, seed=2, **{"service.version": "r2"})

    answer = await tools.call("check_deployment_health")

    assert (answer["word"], answer["suggestion"], answer["release"]) == ("worse", "consider rollback", "r2")
    assert answer["findings"][0]["kind"] == "errors"
    assert "times the rate" in answer["because"]


@pytest.mark.promise("S0.20")
@pytest.mark.promise("S0.7")
async def test_a_deployment_is_good_only_with_traffic_enough_to_tell(tools: Tools, log: Log) -> None:
    traffic(log, 120, 60, 500, failing=0.03)
    traffic(log, 60, 0, 500, failing=0.03, seed=2)

    late = await tools.call("check_deployment_health", since="60m")
    soon = await tools.call("check_deployment_health", since="2m")

    assert (late["word"], late["suggestion"]) == ("good", "go on")
    assert (soon["word"], soon["suggestion"]) == ("undecided", "wait")
    assert "more requests" in soon["because"]


@pytest.mark.promise("S0.20")
async def test_no_traffic_is_undecided_never_good(tools: Tools, log: Log) -> None:
    traffic(log, 120, 61, 500)

    answer = await tools.call("check_deployment_health", since="1h")

    assert (answer["word"], answer["suggestion"]) == ("undecided", "wait")
    assert [finding["kind"] for finding in answer["findings"]] == ["silent"]


@pytest.mark.promise("S4.4")
async def test_what_a_service_no_longer_says_and_what_it_never_said_are_findings(tools: Tools, log: Log) -> None:
    traffic(log, 60, 30, 300)
    traffic(log, 30, 0, 300, seed=2)
    for n in range(40):
        log(59 - n * 0.7, f"cache refreshed in {n} ms")
    for n in range(9):
        log(20 - n, f"cannot parse invoice {n}", severity="ERROR")

    findings = (await tools.call("check_deployment_health", since="30m"))["findings"]

    assert [finding["kind"] for finding in findings] == ["errors", "new error", "missing logs"]
    assert "cache refreshed in <*> ms" in findings[2]["text"]
    assert not findings[2]["harmful"]


@pytest.mark.promise("S0.20")
async def test_slower_requests_are_found_and_an_older_release_beside_it_is_part_of_the_baseline(tools: Tools, log: Log) -> None:
    traffic(log, 60, 30, 300, **{"service.version": "r1"})
    traffic(log, 30, 0, 300, seed=3, **{"service.version": "r1"})
    traffic(log, 30, 0, 400, slower=1.8, seed=2, **{"service.version": "r2"})

    answer = await tools.call("check_deployment_health", release="r2", since="30m")

    assert answer["word"] == "worse"
    assert [finding["kind"] for finding in answer["findings"]] == ["latency"]
    assert (answer["services"][0]["before"]["requests"], answer["services"][0]["after"]["requests"]) == (600, 400)


async def test_a_release_that_the_logs_do_not_know_is_a_sentence(tools: Tools, log: Log) -> None:
    traffic(log, 60, 0, 10, **{"service.version": "r1"})

    with pytest.raises(Refusal, match="Release 'r9' was not seen to begin within a day of logs; give since"):
        await tools.call("check_deployment_health", release="r9")


@pytest.mark.promise("S0.17")
async def test_the_health_of_a_service_has_its_numbers_and_is_compared_with_before(tools: Tools, log: Log) -> None:
    traffic(log, 120, 60, 400, failing=0.005, **{"service.version": "r1"})
    traffic(log, 60, 0, 400, failing=0.05, seed=2, **{"service.version": "r2"})

    answer = await tools.call("get_service_health", service="api")

    assert answer["status"] == "unhealthy"
    assert answer["requests"]["low"] < answer["requests"]["share"] < answer["requests"]["high"]
    assert answer["latency_ms"]["p50"] < answer["latency_ms"]["p95"] <= answer["latency_ms"]["p99"]
    assert answer["top_errors"][0]["count"] == answer["requests"]["failed"]
    assert answer["deployed"]["release"] == "r2"
    assert answer["before"]["requests"] == 400


@pytest.mark.promise("S0.17")
async def test_a_service_that_says_nothing_is_unknown_and_the_answer_says_why(tools: Tools, log: Log) -> None:
    traffic(log, 30, 0, 50)

    answer = await tools.call("get_service_health", service="apo")

    assert answer["status"] == "unknown"
    assert "names are exact" in answer["hint"]


@pytest.mark.promise("S0.21")
@pytest.mark.promise("S3.14")
async def test_errors_are_told_with_their_direction(tools: Tools, log: Log) -> None:
    chance = random.Random(6)
    for _ in range(120):
        log(60 - 60 * chance.random() ** 0.4, "disk queue is full", severity="ERROR")
        log(60 * chance.random(), "mail was refused", severity="ERROR")
        log(60 - 60 * (1 - chance.random() ** 0.4), "login token is stale", severity="ERROR")
    log(7, "odd one", severity="ERROR")

    answer = await tools.call("get_error_trends")

    assert [(one["title"], one["direction"]) for one in answer["trends"]] == [
        ("disk queue is full", "rising"),
        ("mail was refused", "steady"),
        ("odd one", "unclear"),
        ("login token is stale", "falling"),
    ]
    assert sum(answer["trends"][0]["counts"]) == answer["trends"][0]["count"]
    assert answer["events"] == sum(one["count"] for one in answer["trends"])


@pytest.mark.promise("S0.18")
async def test_a_pattern_is_told_with_where_what_else_and_before_and_after(tools: Tools, log: Log) -> None:
    for n in range(200):
        at, trace = 100 - n / 2, {"trace_id": f"t{n}"}
        request(log, at, **trace)
        if n % 4 == 0:
            log(at, f"stock of item {n} was locked", "stock", "WARN", **trace)
        if n % 4 == 0 or n % 10 == 1:
            log(at, f"retrying reservation {n}", **trace, **{"service.version": "r7"})

    answer = await tools.call("analyze_pattern_logs", pattern="Reservation retrying", at="20m")
    same = await tools.call("analyze_pattern_logs", pattern=answer["templates"][0]["template"])

    assert answer["count"] == same["count"] == 70
    assert (answer["services"], answer["releases"]) == ({"api": 70}, {"r7": 70})
    assert (answer["joined_by"], answer["together"][0]["text"]) == ("request", "stock of item <*> was locked")
    assert answer["together"][0]["lift"] > 2
    assert answer["sides"]["before"] + answer["sides"]["after"] == 70
    assert 0.5 < answer["sides"]["ratio"] < 2


async def test_a_template_finds_its_messages_whatever_varies_in_them(tools: Tools, log: Log) -> None:
    for n in range(5):
        log(n + 1, f"label {n} of shelf A{n} has no name", "api", "ERROR")
        log(n + 1, f"label {n} is printed", "api")

    assert (await tools.call("analyze_pattern_logs", pattern="label <*> of shelf A<*> has no name"))["count"] == 5
    assert (await tools.call("analyze_pattern_logs", pattern="<*>"))["count"] == 0


async def test_a_pattern_that_nobody_wrote_says_so(tools: Tools, log: Log) -> None:
    log(5, "all is well")

    answer = await tools.call("analyze_pattern_logs", pattern="flux capacitor")

    assert answer["count"] == 0
    assert "No record of the window holds all words of 'flux capacitor'" in answer["hint"]


@pytest.mark.promise("S0.29")
async def test_the_callee_that_fails_leads_though_its_callers_log_louder(tools: Tools, log: Log) -> None:
    for n in range(12):
        trace = {"trace_id": f"t{n}"}
        log(10 - n / 2, "order lookup failed: upstream said 503", "gateway", "ERROR", span_id="a", **trace)
        log(10 - n / 2, "no stock for you", "stock", "ERROR", span_id="c", parent_span_id="b", **trace)
        log(10 - n / 2 + 0.001, "request", "orders", span_id="b", parent_span_id="a", **trace)
        for _ in range(3):
            log(10 - n / 2, "order failed, giving up", "orders", "ERROR", span_id="b", parent_span_id="a", **trace)

    answer = await tools.call("correlate_services")

    assert (answer["leads"][0]["service"], answer["leads"][0]["requests"], answer["failed_requests"]) == ("stock", 12, 12)
    assert answer["leads"][0]["affected"] == {"gateway": 12, "orders": 12}
    assert answer["leads"][0]["told_by"] == "span parents"


@pytest.mark.promise("S0.29")
async def test_five_services_at_one_full_database_are_one_problem_with_its_limit_and_options(tools: Tools, log: Log) -> None:
    for n, service in enumerate(("cart", "mail", "orders", "search", "users")):
        for k in range(8):
            log(9 - n / 10 - k, f"job {k}: connections 100/100 on instance main-db-1, giving up", service, "ERROR")

    answer = await tools.call("correlate_services")

    (problem,) = answer["systemic"]
    assert (problem["kind"], problem["dependency"], problem["basis"]) == ("instance", "main-db-1", "co-occurrence, not cause")
    assert problem["limit"] == {"of": "connections", "limit": 100, "actual": 100}
    assert set(problem["affected"]) == {"cart", "mail", "orders", "search", "users"}
    assert len(problem["options"]) >= 2
    assert answer["onsets"][0]["service"] == "cart"


async def test_services_that_only_err_at_the_same_time_are_not_called_cause(tools: Tools, log: Log) -> None:
    chance = random.Random(3)
    for _ in range(12):
        at = 60 * chance.random()
        for n in range(4):
            log(at - n / 200, f"payment {n} bounced", "pay", "ERROR")
            log(at - 0.25 - n / 200, f"label {n} not printed", "label", "ERROR")
    for _ in range(40):
        log(60 * chance.random(), "pigeon lost", "post", "ERROR")

    answer = await tools.call("correlate_services", since="1h")

    assert [(pair["earlier"], pair["later"]) for pair in answer["co_occurring"]] == [("pay", "label")]
    assert answer["co_occurring"][0]["lag_seconds"] == 15
    assert answer["leads"] == []
    assert "not cause" in answer["note"]


async def test_answers_about_a_thousand_errors_fit(tools: Tools, log: Log) -> None:
    for n in range(900):
        name = "".join(chr(97 + n // place % 10) for place in (1, 10, 100))
        log(10 - n / 100, f"{name} failed {name * 40}", f"service-{name}", "ERROR", trace_id=f"t{n // 3}")

    for tool in ("correlate_services", "get_error_trends"):
        answer = await tools.call(tool)
        assert tokens(answer) <= DEFAULT_BUDGET, tool
        assert answer["omitted"] > 0, tool


@pytest.mark.promise("S1.24")
async def test_the_health_of_a_service_tells_what_fills_up_and_when(tools: Tools, log: Log) -> None:
    for n in range(60):
        log(60 - n, f"disk usage at {40 + n // 2}%", "api")

    answer = await tools.call("get_service_health", service="api", since="30m")

    [room] = answer["capacity"]
    assert (room["of"], room["percent"]) == ("disk", 69)
    assert room["full"].startswith("20")
