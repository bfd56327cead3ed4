"""A fix is deployed when the project's branch holds it, however it came there; a merge by itself is asked for again until it is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kintsugi.loop.deployers import Merged
from kintsugi.loop.healer import Healer
from kintsugi.reasoners import Draft
from kintsugi.tools import Tools
from kintsugi.tree import CommitTree
from kintsugi.workspace import approvals_of
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.model import State
from mcp_servers.kit.landing import landed
from mcp_servers.kit.policy import Policy
from mcp_servers.kit.project import Project
from mcp_servers.launch import assemble
from tests.cases.stories import anomaly
from tests.components import needs
from tests.conftest import Clock
from tests.fixes.repositories import shop
from tests.fixes.test_server import EDIT, TRACE
from tests.kintsugi.test_last_resort import REPRODUCTION, Judge

pytestmark = pytest.mark.anyio
GUARD = Draft("Guard a missing phone", "A phone may be missing.", "", "low", (EDIT,), tests=(REPRODUCTION,))
ASKS = Policy(auto_merge=True)
FREE = replace(ASKS, require_passing_ci=False, require_qa_pass=False)


@needs("bubblewrap")
@pytest.mark.promise("S2.23")
async def test_what_the_policy_lets_be_merged_is_asked_for_at_each_step_and_a_squash_is_seen(tmp_path: Path, clock: Clock) -> None:
    watched = shop(tmp_path / "shop")
    watched.git("checkout", "--quiet", "--detach")
    project, repository = Project(watched.root, "shop"), watched.repository
    deps = assemble(project, home=tmp_path / "home", clock=clock, policy=ASKS)
    ledger = Ledger(deps.database, clock)
    case, _ = ledger.open_case("shop", anomaly(trace=TRACE.as_json()), actor="kintsugi")
    ledger.append(case.id, "diagnosed", {"status": "likely", "cause": "x", "recipe": "optional-value"}, actor="kintsugi")
    ledger.append(case.id, "ticketed", {"ticket": "T-1"}, actor="kintsugi")
    base = repository.head("main")
    tree = CommitTree(repository, base)
    merged = Merged(lambda fix: landed(repository, repository.head("main"), fix.base, fix.commit))

    async def driven(policy: Policy) -> State:
        made = replace(deps, policy=policy)
        healer = Healer(Tools(made, writes=True), ledger, [Judge(GUARD)], lambda: (base, tree), merged, merges=policy.auto_merge)
        while ledger.case(case.id).state is not State.DEPLOYED and await healer.step(case.id):
            pass
        return ledger.case(case.id).state

    assert await driven(ASKS) is State.PROPOSED
    approvals = approvals_of(deps)
    approvals.approve(approvals.waiting()[0].digest, person="grace", channel="terminal")
    assert await driven(ASKS) is State.APPLIED, "no check and no QA run has passed"
    assert repository.head("main") == base
    assert await driven(FREE) is State.DEPLOYED

    fix = ledger.case(case.id).fix
    assert fix is not None
    assert repository.head("main") == fix.commit
    watched.git("checkout", "--quiet", "-B", "main", base)
    watched.git("merge", "--squash", "--quiet", fix.commit)
    squashed = watched.commit("mend phones (#7)", {})
    deployment = await merged.deploy(case, fix)
    assert deployment is not None
    assert deployment.commit == squashed
