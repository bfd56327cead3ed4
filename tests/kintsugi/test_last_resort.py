"""When nothing that was drafted can be proven, the unattended driver proves the suspected commit taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from kintsugi.loop.deployers import Merged
from kintsugi.loop.healer import Healer
from kintsugi.reasoners import CandidateTest, Diagnosis, Draft, Tree
from kintsugi.tools import Tools
from kintsugi.tree import CommitTree
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.model import State
from mcp_servers.kit.project import Project
from mcp_servers.launch import assemble
from tests.cases.stories import anomaly
from tests.components import needs
from tests.conftest import Clock
from tests.fixes.repositories import BROKEN, shop
from tests.fixes.test_server import EDIT, FILE, TEST, TRACE

pytestmark = pytest.mark.anyio
REPRODUCTION = CandidateTest(TEST["path"], TEST["content"], "call_function")
USELESS = Draft("Greet in another way", "x", "", "low", ({**EDIT, "search": "'Hello '", "replace": "'Hi '"},), tests=(REPRODUCTION,))


class Judge:
    """Knows the failure and has these drafts for it."""

    name = "recipes"

    def __init__(self, *drafts: Draft) -> None:
        self._drafts = drafts

    async def reproduce(self, case: Mapping[str, Any], tree: Tree) -> Sequence[CandidateTest]:
        return [REPRODUCTION]

    async def diagnose(self, case: Mapping[str, Any], tree: Tree, suspects: Sequence[Mapping[str, Any]]) -> Diagnosis:
        return Diagnosis("likely", "x", FILE, 2, "format_phone", "optional-value")

    async def propose(
        self, case: Mapping[str, Any], diagnosis: Diagnosis, tree: Tree, suspects: Sequence[Mapping[str, Any]]
    ) -> Sequence[Draft]:
        return self._drafts


@needs("bubblewrap")
@pytest.mark.promise("S3.15")
@pytest.mark.parametrize("drafts", [(), (USELESS,)])
async def test_the_suspected_commit_is_taken_back(tmp_path: Path, clock: Clock, drafts: tuple[Draft, ...]) -> None:
    watched = shop(tmp_path / "shop")
    watched.commit("be careful", {FILE: BROKEN.replace("phone.strip()", "(phone or '').strip()")})
    blamed = watched.commit("tidy up phones", {FILE: BROKEN})
    deps = assemble(Project(watched.root, "shop"), home=tmp_path / "home", clock=clock)
    ledger, head = Ledger(deps.database, clock), watched.repository.head("main")
    case, _ = ledger.open_case("shop", anomaly(trace=TRACE.as_json()), actor="kintsugi")
    diagnosis = {"status": "likely", "cause": "x", "recipe": "optional-value", "suspect_commit": blamed}
    ledger.append(case.id, "diagnosed", diagnosis, actor="kintsugi")
    ledger.append(case.id, "ticketed", {"ticket": "T-1"}, actor="kintsugi")

    tree = CommitTree(watched.repository, head)
    healer = Healer(Tools(deps, writes=True), ledger, [Judge(*drafts)], lambda: (head, tree), Merged(lambda _: ""))
    while await healer.step(case.id):
        pass

    case = ledger.case(case.id)
    assert case.state is State.PROPOSED
    assert case.fix is not None
    assert case.fix.certified
    assert (case.fix.title, case.asked) == (f'Take back {blamed[:12]}: "tidy up phones"', case.fix.digest)
    assert len(case.fixes) == 1 + len(drafts)
