from __future__ import annotations

from pathlib import Path

import pytest

from kintsugi.driver import build_loop
from kintsugi.loop import intake
from kintsugi.loop.bisect import first_failing
from kintsugi.tools import Tools
from kintsugi.workspace import ledger_of
from mcp_servers.cases.model import State
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.project import Project, Source
from mcp_servers.launch import assemble
from tests.components import needs
from tests.e2e.strangers import WAREHOUSE

pytestmark = pytest.mark.anyio


def warehouse(folder: Path, name: str, home: Path) -> Deps:
    root = WAREHOUSE.build(folder / name)
    return assemble(Project(root, name, sources=(Source("files", "files", {"paths": ["logs/*"]}),)), home=home)


@needs("bubblewrap")
@pytest.mark.promise("S0.12", "S0.31", "S2.18")
async def test_what_one_repository_learned_is_there_when_the_error_comes_in_another(tmp_path: Path) -> None:
    first = warehouse(tmp_path, "first", tmp_path / "home")
    seen = await Tools(first).call("find_anomalies", since="")
    opened = await Tools(first, writes=True).call("open_case", anomaly=seen["anomalies"][0])
    told = {"symptom": "no remark", "cause": "a remark may be missing", "fix": "treat it as empty", "provenance": "reported"}
    fingerprint = seen["anomalies"][0]["fingerprint"]["coarse"]
    lesson = await Tools(first, writes=True).call(
        "record_lesson", case_id=opened["id"], repository="first", fingerprint=fingerprint, **told
    )

    second = warehouse(tmp_path, "second", tmp_path / "home")
    tools = Tools(second, writes=True)
    async with build_loop(second, tools=tools) as loop:
        looked = await intake.look(tools, "")
        await loop.start(looked.opened[0])
        await loop.settle()

    case = ledger_of(second).case(looked.opened[0])
    assert case.state is State.PROPOSED
    assert lesson["lesson_id"] in [claim["evidence"] for claim in case.diagnosis["claims"]]
    assert case.spent.keys() == {"sandbox_ms"}, "no model was asked"


@pytest.mark.parametrize("culprit", range(1, 9))
async def test_a_bisection_finds_the_first_failing_commit_in_few_questions(culprit: int) -> None:
    commits = [f"c{number}" for number in range(9)]
    asked: list[str] = []

    async def fails(commit: str) -> bool:
        asked.append(commit)
        return commits.index(commit) >= culprit

    assert await first_failing(commits, fails) == f"c{culprit}"
    assert len(asked) <= 5


async def test_a_failure_that_was_always_there_has_no_first_commit() -> None:
    async def fails(_: str) -> bool:
        return True

    assert await first_failing(["a", "b"], fails) is None
