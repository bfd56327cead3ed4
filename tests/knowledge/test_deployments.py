"""Deployments: told once, with where to look and what to compare with; watched more closely; judged by what came."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kintsugi.loop.measuring import after_fix, figures
from kintsugi.shipping.rounds import chores, pace
from kintsugi.tools import Tools
from mcp_servers.kit.database import Database
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.project import Project, Source
from mcp_servers.knowledge.deployments import Deployment, DeploymentStore
from mcp_servers.launch import assemble
from tests.conftest import Clock
from tests.databases import database, database_url
from tests.e2e.strangers import git

__all__ = ["database", "database_url"]

pytestmark = pytest.mark.anyio
ISSUE = {
    "repository": "shop", "service_type": "api", "issue_type": "error", "severity": "high",
    "log_snippet": "FATAL: sorry, too many clients already", "pattern_reference": "database-pool",
}  # fmt: skip


@pytest.fixture
def deps(tmp_path: Path, clock: Clock) -> Deps:
    """A watched repository with a log folder."""
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "Begin")
    (tmp_path / "logs").mkdir()
    project = Project(tmp_path, "shop", sources=(Source("app", "files", {"paths": ["logs"]}),))
    return assemble(project, home=tmp_path / "home", clock=clock)


@pytest.fixture
def tools(deps: Deps) -> Tools:
    return Tools(deps, writes=True)


@pytest.fixture
def traffic(deps: Deps, clock: Clock) -> Callable[..., None]:
    """Logs so many requests of the last hour (or the time given), every n-th of them failed."""

    def write(count: int, failing_every: int = 0, minutes: float = 60) -> None:
        start = clock() - timedelta(minutes=minutes)
        with (deps.watched().root / "logs" / "app.log").open("a", encoding="utf-8") as log:
            for number in range(count):
                wrong = failing_every and number % failing_every == 0
                row = {
                    "timestamp": (start + timedelta(minutes=minutes) * (number + 0.5) / count).isoformat(), "severity": "INFO",
                    "body": "GET /cart", "service.name": "api", "http.request.method": "GET", "url.path": "/cart",
                    "http.response.status_code": 503 if wrong else 200, "duration_ms": 20 + number % 7,
                }  # fmt: skip
                log.write(json.dumps(row) + "\n")
                if wrong:
                    log.write(json.dumps({**row, "severity": "ERROR", "body": "too many clients already"}) + "\n")

    return write


@pytest.mark.promise("S0.14")
@pytest.mark.promise("S0.7")
async def test_a_deployment_says_where_to_look_and_what_to_compare_with(tools: Tools, clock: Clock) -> None:
    first = await tools.call("notify_deployment", repository="shop", version="1.0", patterns_used=["Database Pool"])
    clock.forward(hours=2)
    await tools.call("add_runtime_issue", **ISSUE)
    for size in (50, 30):
        await tools.call(
            "record_pattern", repository="shop", pattern="database-pool", parameters={"pool_size": size}, reason="shared limit"
        )
    clock.forward(hours=1)
    told = await tools.call("notify_deployment", repository="shop", version="1.1", changes_summary="Smaller pools")
    assert told["created"]
    assert told["focus"][0] == {"what": "database-pool", "why": "pool_size 50 → 30: shared limit"}
    assert {"what": "database-pool", "why": "1 issue with it lately"} in told["focus"]
    assert told["watch_for"] == ["FATAL: sorry, too many clients already"]
    assert told["baseline"] == {"since": first["deployed_at"], "until": told["deployed_at"], "version": "1.0"}
    again = await tools.call("notify_deployment", repository="shop", version="1.1")
    assert (again["created"], again["deployment_id"]) == (False, told["deployment_id"])


@pytest.mark.promise("S0.15")
@pytest.mark.promise("S0.24")
async def test_the_record_of_a_repository_holds_its_issues_its_deployments_and_its_metrics(tools: Tools, clock: Clock) -> None:
    assert (await tools.call("get_runtime_status", repository="shop"))["status"] == "unknown"
    for version in ("1.0", "1.1", "1.0"):
        await tools.call("notify_deployment", repository="shop", version=version, patterns_used=["database-pool"])
        clock.forward(hours=1)
        if version == "1.1":
            await tools.call("add_runtime_issue", **ISSUE)
            clock.forward(hours=1)
    await tools.call("update_pattern_metrics", pattern="database-pool", repository="shop", error_rate=0.001)
    told = await tools.call("get_runtime_status", repository="shop")
    assert (told["status"], told["open_issues"]) == ("unhealthy", 1)
    assert [one["title"] for one in told["runtime_issues"]] == [ISSUE["log_snippet"]]
    assert [one["error_rate"] for one in told["production_metrics"]] == [0.001]
    found = [(one["version"], one["issues_found"], one["rollback_performed"], one.get("success")) for one in told["deployments"]]
    assert found == [("1.0", 0, False, None), ("1.1", 1, True, False), ("1.0", 0, False, None)]
    assert all(one["patterns_used"] == ["database-pool"] for one in told["deployments"])


async def test_both_stores_keep_deployments_alike(database: Database, clock: Clock) -> None:
    store = DeploymentStore(database)
    told = Deployment("", "shop", "1.0", clock(), ("cache",))
    made, created = store.add(told)
    assert (created, store.add(told)) == (True, (made, False))
    store.judge(made.id, "good")
    assert [(one.version, one.success, one.patterns_used) for one in store.of("shop")] == [("1.0", True, ("cache",))]


@pytest.mark.promise("S0.16")
async def test_a_closer_watch_looks_more_often_for_an_hour_and_asking_again_goes_on_with_it(tools: Tools, deps: Deps, clock: Clock) -> None:
    assert pace(deps, 300) == 300
    told = await tools.call("start_enhanced_monitoring", service="api", version="1.1", watch_for=["too many clients"])
    assert (told["interval_seconds"], told["alert_at"], pace(deps, 300)) == (30, 0.01, 30)
    assert told["until"] == (clock() + timedelta(minutes=60)).isoformat()
    clock.forward(minutes=30)
    again = await tools.call("start_enhanced_monitoring", service="api", version="1.1", watch_for=["timeout"], duration_minutes=10)
    assert (again["task_id"], again["created"], again["until"]) == (told["task_id"], False, told["until"])
    assert again["watch_for"] == ["too many clients", "timeout"]
    clock.forward(minutes=31)
    assert pace(deps, 300) == 300
    assert (await tools.call("start_enhanced_monitoring", service="api", version="1.1"))["task_id"] != told["task_id"]


@pytest.mark.promise("S0.16")
@pytest.mark.promise("S0.32")
async def test_what_a_closer_watch_sees_is_told_once_ticketed_once_and_kept_as_the_verdict(
    tools: Tools, deps: Deps, clock: Clock, traffic: Callable[..., None]
) -> None:
    traffic(300)
    await tools.call("notify_deployment", repository="shop", version="1.1")
    await tools.call("start_enhanced_monitoring", service="api", version="1.1", watch_for=["too many clients"])
    clock.forward(minutes=40)
    traffic(300, failing_every=10, minutes=39)
    said: list[str] = []
    for _ in range(2):
        await chores(deps, tools, said.append)
    alerts = [line for line in said if line.startswith("api 1.1: ")]
    assert "api 1.1: more than 1% of its requests fail" in alerts
    assert "api 1.1: the logs say 'too many clients' again" in alerts
    assert any("consider rollback" in alert for alert in alerts)
    assert len(alerts) == len(set(alerts)) == 3
    [ticket] = (await tools.call("search_tickets"))["tickets"]
    assert (ticket["title"], ticket["priority"]) == ("[Deployment] api 1.1 needs a look", "HIGH")
    [kept] = (await tools.call("get_runtime_status", repository="shop"))["deployments"]
    assert (kept["verdict"], kept["success"]) == ("worse", False)


async def test_a_quiet_watch_tells_nothing(tools: Tools, deps: Deps, clock: Clock, traffic: Callable[..., None]) -> None:
    traffic(300)
    await tools.call("start_enhanced_monitoring", service="api", version="1.1", watch_for=["too many clients"])
    clock.forward(minutes=40)
    traffic(300, minutes=39)
    said: list[str] = []
    await chores(deps, tools, said.append)
    assert said == []


@pytest.mark.promise("S0.23")
async def test_a_closer_watch_keeps_how_the_patterns_of_the_deployment_do(
    tools: Tools, deps: Deps, clock: Clock, traffic: Callable[..., None]
) -> None:
    await tools.call("notify_deployment", repository="shop", version="1.1", patterns_used=["database-pool", "cache"])
    await tools.call("start_enhanced_monitoring", service="api", version="1.1")
    clock.forward(minutes=40)
    traffic(240, minutes=40)
    await chores(deps, tools, list[str]().append)
    kept = (await tools.call("get_runtime_status", repository="shop"))["production_metrics"]
    assert {one.pop("pattern") for one in kept} == {"database-pool", "cache"}
    expected = {"error_rate": 0, "throughput_rps": 0.1, "latency_p50": 23, "latency_p95": 26, "latency_p99": 26}
    assert all(one == {**expected, "last_updated": clock().isoformat()} for one in kept)


@pytest.mark.promise("S0.23")
async def test_a_verified_fix_measures_the_patterns_of_its_repository_and_nothing_where_none_is_known(
    tools: Tools, clock: Clock, traffic: Callable[..., None]
) -> None:
    since = clock()
    clock.forward(minutes=20)
    traffic(120, minutes=20)
    await after_fix(tools, "shop", "api", since)
    assert (await tools.call("get_runtime_status", repository="shop"))["production_metrics"] == []
    await tools.call("record_pattern", repository="shop", pattern="database-pool", parameters={"pool_size": 30})
    await after_fix(tools, "shop", "api", since)
    [kept] = (await tools.call("get_runtime_status", repository="shop"))["production_metrics"]
    assert (kept["error_rate"], kept["throughput_rps"], kept["last_updated"]) == (0, 0.1, clock().isoformat())


def test_only_what_the_logs_tell_is_a_figure() -> None:
    window = {"since": "2026-11-20T10:00:00+00:00", "until": "2026-11-20T10:01:40+00:00"}
    assert figures({"window": window, "requests": {"count": 400, "failed": 10}}) == {"error_rate": 0.025, "throughput_rps": 4}
    assert figures({"window": window, "latency_ms": {"p50": 12.5}}) == {"latency_p50": 12.5}
    assert figures({"window": window}) == {}


async def test_the_newest_tag_of_the_branch_is_a_deployment_once(tools: Tools, deps: Deps) -> None:
    git(deps.watched().root, "tag", "v1.4")
    said: list[str] = []
    for _ in range(2):
        await chores(deps, tools, said.append)
    assert said == ["shop v1.4 is noted as deployed"]
    status: dict[str, Any] = await tools.call("get_runtime_status", repository="shop")
    assert [(one["version"], one["changes_summary"]) for one in status["deployments"]] == [("v1.4", "Begin")]
