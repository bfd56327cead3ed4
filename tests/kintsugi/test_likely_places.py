"""Where a trace shows only the check that failed, the loop looks at what the check leads to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from kintsugi.loop.deployers import Merged
from kintsugi.loop.healer import Healer
from kintsugi.reasoners import Diagnosis, Tree
from kintsugi.tools import Tools
from kintsugi.tree import CommitTree
from mcp_servers.cases.ledger import Ledger
from mcp_servers.kit.project import Project
from mcp_servers.kit.stack import ExceptionInfo, Frame, StackTrace
from mcp_servers.launch import assemble
from tests.cases.stories import anomaly
from tests.conftest import Clock
from tests.fixes.repositories import shop
from tests.kintsugi.test_last_resort import Judge

pytestmark = pytest.mark.anyio
CHECK = StackTrace("python", (ExceptionInfo("AssertionError", "", (Frame("tests/test_greet.py", 5, "test_greet", in_app=True),)),))


class Undecided(Judge):
    """Remembers what it was asked, and knows no cause."""

    def __init__(self) -> None:
        super().__init__()
        self.evidence: Mapping[str, Any] = {}

    async def reproduce(self, case: Mapping[str, Any], tree: Tree) -> Sequence[Any]:
        return []

    async def diagnose(self, case: Mapping[str, Any], tree: Tree, suspects: Sequence[Mapping[str, Any]]) -> Diagnosis:
        self.evidence = case["evidence"]
        return Diagnosis("inconclusive", reason="nobody knows")


async def test_a_failing_check_leads_to_the_function_that_it_calls(tmp_path: Path, clock: Clock) -> None:
    watched = shop(tmp_path / "shop")
    deps = assemble(Project(watched.root, "shop"), home=tmp_path / "home", clock=clock)
    ledger, judge = Ledger(deps.database, clock), Undecided()
    case, _ = ledger.open_case("shop", anomaly(trace=CHECK.as_json()), actor="kintsugi")
    head = watched.repository.head("main")
    tree = CommitTree(watched.repository, head)
    healer = Healer(Tools(deps, writes=True), ledger, [judge], lambda: (head, tree), Merged(lambda _: ""))
    await healer.step(case.id)

    diagnosis = ledger.case(case.id).diagnosis
    assert (diagnosis["file"], diagnosis["function"]) == ("shop/customers.py", "greet")
    assert [place["function"] for place in judge.evidence["places"]] == ["greet"]
