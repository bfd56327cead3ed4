"""What the unattended driver keeps of a fix that production verified, beside its lesson."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from kintsugi.loop.deployers import Merged
from kintsugi.loop.healer import Healer
from kintsugi.tools import Tools
from kintsugi.tree import CommitTree
from mcp_servers.cases.model import Case, State
from mcp_servers.kit.project import Project, Source
from mcp_servers.launch import assemble
from tests.conftest import Clock
from tests.fixes.repositories import shop
from tests.fixes.test_apply import Bench

pytestmark = pytest.mark.anyio


async def verified(bench: Bench) -> Case:
    """A case whose fix is in production, where it answered 120 requests of twenty minutes, each in 20 ms, six of them with 503."""
    fix = bench.approved()
    tools, ledger = Tools(bench.deps, writes=True), bench.ledger
    applied = await tools.call("apply_fix", fix_id=fix.id)
    bench.watched.git("reset", "--quiet", "--hard", applied["commit"])
    ticket = await tools.call("create_ticket", case_id=fix.case, evidence=dict(ledger.case(fix.case).evidence))
    ledger.append(fix.case, "ticketed", {"ticket": ticket["id"]}, actor="kintsugi")
    ledger.append(fix.case, "deployed", {"fix": fix.id, "release": "r2"}, actor="kintsugi")
    begun = bench.clock()
    bench.clock.forward(minutes=20)
    rows = [
        {"time": (begun + timedelta(seconds=10 * number + 5)).isoformat(), "level": "info", "msg": "done", "service": "api", "method": "GET",
         "path": "/customers", "status": 200 if number % 20 else 503, "duration_ms": 20} for number in range(120)
    ]  # fmt: skip
    bench.watched.write({"logs/api.log": "".join(json.dumps(row) + "\n" for row in rows)})
    return ledger.append(fix.case, "verified", {"word": "verified"}, actor="kintsugi")


async def test_the_patterns_of_the_repository_are_measured_when_a_fix_is_verified(tmp_path: Path, clock: Clock) -> None:
    watched = shop(tmp_path / "shop")
    project = Project(watched.root, "shop", sources=(Source("app", "files", {"paths": ["logs"]}),))
    bench = Bench(watched, assemble(project, home=tmp_path / "home", clock=clock), clock)
    tools = Tools(bench.deps, writes=True)
    await tools.call("record_pattern", repository="shop", pattern="database-pool", parameters={"pool_size": 30})
    case = await verified(bench)

    commit = watched.repository.head("main")
    healer = Healer(tools, bench.ledger, [], lambda: (commit, CommitTree(watched.repository, commit)), Merged(lambda _: ""))
    while await healer.step(case.id):
        pass

    assert bench.ledger.case(case.id).state is State.VERIFIED
    assert [lesson["case"] for lesson in (await tools.call("search_lessons", text="phone"))["lessons"]] == [case.id]
    [kept] = (await tools.call("get_runtime_status", repository="shop"))["production_metrics"]
    assert (kept["pattern"], kept["error_rate"], kept["throughput_rps"], kept["latency_p95"]) == ("database-pool", 0.05, 0.1, 20)
    assert kept["last_updated"] == clock().isoformat()
