from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from mcp_servers.cases.approvals import Approvals
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.model import State
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.project import Project
from mcp_servers.kit.stack import ExceptionInfo, Frame, StackTrace
from mcp_servers.launch import assemble, server
from tests.cases.stories import anomaly
from tests.components import needs
from tests.conftest import Clock
from tests.fixes.repositories import Worktree, empty, shop

pytestmark = pytest.mark.anyio
FILE = "shop/customers.py"
TRACE = StackTrace(
    "python", (ExceptionInfo("AttributeError", "'NoneType' object has no attribute 'strip'", (Frame(f"/srv/{FILE}", 2, "format_phone"),)),)
)
TEST = {
    "path": "tests/test_reproduces_ab12cd.py",
    "content": "from shop.customers import format_phone\n\n\ndef test_no_phone():\n    assert format_phone(None) == ''\n",
}
EDIT = {"kind": "replace", "path": FILE, "search": "phone.strip()", "replace": "(phone or '').strip()"}
DRAFT = {"title": "Guard a missing phone", "cause": "A phone may be missing.", "risk": "low", "edits": [EDIT], "test": TEST, "guard": {}}


class Shop:
    """A watched repository with a diagnosed case, and a client of the fixes server."""

    def __init__(self, watched: Worktree, deps: Deps, clock: Clock, writes: bool = True) -> None:
        self.watched, self.deps = watched, deps
        self.ledger = Ledger(deps.database, clock)
        self.approvals = Approvals(self.ledger)
        self.mcp = server(["fixes"], deps, frozenset({"fixes"} if writes else ()))
        case, _ = self.ledger.open_case("shop", anomaly(trace=TRACE.as_json()), actor="kintsugi")
        self.case = case.id
        self.ledger.append(case.id, "diagnosed", {"status": "likely", "cause": "x"}, actor="kintsugi")

    async def call(self, name: str, **arguments: Any) -> Any:
        """The structured answer, or the sentence of the error."""
        async with Client(self.mcp, mode="legacy") as client:
            result = await client.call_tool(name, arguments)
        return result.content[0].text if result.is_error else result.structured_content  # type: ignore[union-attr]

    async def tools(self) -> dict[str, Any]:
        async with Client(self.mcp, mode="legacy") as client:
            return {tool.name: tool for tool in (await client.list_tools()).tools}

    async def propose(self, **changes: Any) -> Any:
        return await self.call("propose_fix", case_id=self.case, draft={**DRAFT, **changes})


@pytest.fixture
def made(tmp_path: Path, clock: Clock) -> Shop:
    watched = shop(tmp_path / "shop")
    return Shop(watched, assemble(Project(watched.root, "shop"), home=tmp_path / "home", clock=clock), clock)


async def test_reading_is_there_without_writing_and_hints_are_told(made: Shop, clock: Clock) -> None:
    assert set(await Shop(made.watched, made.deps, clock, writes=False).tools()) == {"find_suspect_commits", "get_fix", "list_fixes"}
    tools = await made.tools()
    assert set(tools) == {
        "find_suspect_commits", "get_fix", "list_fixes", "try_reproduction", "propose_fix", "certify_fix", "apply_fix", "open_pull_request", "rollback_fix",
    }  # fmt: skip
    assert tools["get_fix"].annotations.read_only_hint
    assert tools["rollback_fix"].annotations.destructive_hint
    assert not any("approve" in name for name in tools)


@needs("bubblewrap")
@pytest.mark.promise("S3.8")
@pytest.mark.promise("S3.11")
async def test_from_a_failing_case_to_a_branch_that_mends_it_and_back(made: Shop) -> None:
    suspects = await made.call("find_suspect_commits", case_id=made.case)
    assert [suspect["subject"] for suspect in suspects["suspects"]] == ["first"]
    tried = await made.call(
        "try_reproduction",
        case_id=made.case,
        tests=[{"path": "tests/test_nothing.py", "content": "def test_a():\n    pass\n"}, TEST],
        places=True,
    )
    assert [(attempt["outcome"], attempt["matches"]) for attempt in tried["attempts"]] == [("passed", False), ("failed", True)]
    assert tried["places"][0]["function"] == "format_phone"
    assert "the check, and 1 tests that pass" in tried["ranked"]
    fix = await made.propose()
    assert fix["files"] == [FILE, TEST["path"]]
    certified = await made.call("certify_fix", fix_id=fix["id"])
    assert certified["certificate"]["passed"] is True
    assert certified["digest"] != fix["digest"]
    assert "[refusal:not_approved]" in await made.call("apply_fix", fix_id=fix["id"])
    made.approvals.request(fix["id"], risk="low", actor="kintsugi")
    made.approvals.approve(certified["digest"], person="grace", channel="terminal")
    applied = await made.call("apply_fix", fix_id=fix["id"])
    assert made.watched.repository.tree(applied["commit"]) == fix["tree"]
    assert (await made.call("open_pull_request", fix_id=fix["id"]))["state"] == "open"
    assert made.ledger.case(made.case).state is State.APPLIED
    undone = await made.call("rollback_fix", fix_id=fix["id"])
    assert undone["how"] == "deleted"
    assert made.ledger.case(made.case).state is State.ROLLED_BACK


def jailed() -> list[str]:
    """The jails that this process runs now."""
    listed = subprocess.run(["ps", "--ppid", str(os.getpid()), "-o", "args="], capture_output=True, text=True, check=False)
    return [line for line in listed.stdout.splitlines() if "bwrap" in line]


@needs("bubblewrap")
async def test_a_certificate_that_takes_longer_than_a_client_waits_is_collected_and_made_once(made: Shop) -> None:
    fix = await made.propose()
    made.mcp = server(["fixes"], replace(made.deps, environ={"KINTSUGI_TOOL_SECONDS": "0.2"}), frozenset({"fixes"}))
    answers = [await made.call("certify_fix", fix_id=fix["id"])]
    assert "[unavailable:still_running] certify_fix is at work" in answers[0]
    while isinstance(answers[-1], str):
        assert "still_running" in answers[-1]
        answers.append(await made.call("certify_fix", fix_id=fix["id"]))
    assert answers[-1]["certificate"]["passed"] is True
    assert [event.kind for event in made.ledger.events(made.case)].count("certified") == 1
    charged = [event.data["sandbox_ms"] for event in made.ledger.events(made.case) if event.kind == "spent"]
    assert charged == [made.ledger.case(made.case).spent["sandbox_ms"]]
    assert charged[0] > 0


@needs("bubblewrap")
async def test_a_cancelled_certificate_leaves_no_jail_behind(made: Shop) -> None:
    waits = "import time\n\n\ndef test_no_phone():\n    time.sleep(600)\n"
    fix = await made.propose(test={**TEST, "content": waits})
    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            group.start_soon(partial(made.call, "certify_fix", fix_id=fix["id"]))
            while not await anyio.to_thread.run_sync(jailed):
                pass
            group.cancel_scope.cancel()
        while await anyio.to_thread.run_sync(jailed):
            pass
        while not made.ledger.case(made.case).spent.get("sandbox_ms"):
            await anyio.lowlevel.checkpoint()  # what was begun is paid for
    assert made.ledger.case(made.case).state is State.PROPOSED, "nothing was certified, nothing refuted"


@needs("bubblewrap")
async def test_a_fix_that_mends_nothing_is_refuted_and_the_ledger_says_why(made: Shop) -> None:
    fix = await made.propose(edits=[{"kind": "replace", "path": FILE, "search": "'Hello '", "replace": "'Hi '"}])
    certified = await made.call("certify_fix", fix_id=fix["id"])
    assert certified["certificate"]["passed"] is False
    known = made.ledger.case(made.case).fix
    assert known is not None
    assert known.certificate["reason"] == certified["certificate"]["reason"]
    assert not known.certified
    assert "not_certified" in await made.call("apply_fix", fix_id=fix["id"])
    assert "already_refuted" in await made.propose(edits=[{"kind": "replace", "path": FILE, "search": "'Hello '", "replace": "'Hi '"}])


async def test_a_proposal_is_shown_with_the_diff_of_its_trees_and_listed(made: Shop) -> None:
    fix = await made.propose()
    assert fix == await made.propose()
    shown = await made.call("get_fix", fix_id=fix["id"])
    assert "-    return phone.strip()\n+    return (phone or '').strip()" in shown["diff"]
    assert (shown["state"], shown["approval"], shown["cause"]) == ("proposed", "ordinary", DRAFT["cause"])
    listed = await made.call("list_fixes", case_id=made.case)
    assert (listed["returned"], listed["total"], listed["omitted"]) == (1, 1, 0)
    assert made.ledger.case(made.case).state is State.PROPOSED


@pytest.mark.promise("S3.15")
async def test_options_of_one_case_stand_side_by_side(made: Shop) -> None:
    await made.propose(pros=["one line"], cons=["hides\n  where it comes from"])
    await made.propose(edits=[{**EDIT, "replace": "str(phone or '').strip()"}], risk="high", pros=["x" * 500] * 9)
    second, first = (await made.call("list_fixes", case_id=made.case))["fixes"]
    assert (first["risk"], first["pros"], first["cons"]) == ("low", ["one line"], ["hides where it comes from"])
    assert (second["risk"], second["pros"]) == ("high", ["x" * 160] * 5)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"edits": [{**EDIT, "search": "nowhere to be found"}]}, "no_such_place"),
        ({"edits": [{"kind": "write", "path": ".github/../.git/x", "content": ""}]}, "path_climbs"),
        ({"edits": [{"kind": "write", "path": "key.py", "content": "k = 'AKIAIOSFODNN7EXAMPLE'\n"}]}, "secret"),
        ({"edits": [{"kind": "write", "path": "nul.py", "content": "x = 1\n"}]}, "path_odd"),
        ({"edits": [{"kind": "write", "path": TEST["path"], "content": "x = 1\n"}]}, "test_edited"),
        (
            {
                "edits": [
                    {
                        "kind": "diff",
                        "diff": "diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc/passwd\n",
                    }
                ]
            },
            "link",
        ),
        ({"test": {"path": "tests/test_greet.py", "content": "x = 1\n"}}, "test_exists"),
        ({"test": {"path": "shop/customers2.py", "content": "x = 1\n"}}, "test_path"),
        ({"test": {"path": "tests/conftest.py", "content": "x = 1\n"}}, "test_path"),
        ({"test": {"path": "tests/../../test_x.py", "content": "x = 1\n"}}, "path_climbs"),
    ],
)
async def test_a_draft_that_may_not_be_made_is_refused_and_leaves_no_trace(made: Shop, change: dict[str, Any], code: str) -> None:
    before = made.watched.state()
    assert f"[refusal:{code}]" in await made.propose(**change)
    assert made.watched.state() == before
    assert (await made.call("list_fixes"))["total"] == 0
    assert made.ledger.case(made.case).state is State.DIAGNOSED


async def test_a_trace_is_better_than_the_case_alone_and_a_broken_one_is_refused(made: Shop) -> None:
    suspects = await made.call("find_suspect_commits", trace=TRACE.as_json())
    assert suspects["suspects"][0]["reasons"][0] == f"last changed the failing line {FILE}:2"
    assert "bad_trace" in await made.call("find_suspect_commits", trace={"language": "python"})
    assert "nothing_to_look_for" in await made.call("find_suspect_commits")
    none = await made.call("find_suspect_commits", keys={"settings.toml": "no.key"})
    assert none["returned"] == 0
    assert "No suspect" in none["note"]


async def test_a_paused_loop_proposes_nothing(made: Shop) -> None:
    made.ledger.pause(True, actor="grace", reason="freeze")
    assert "[refusal:paused]" in await made.propose()


async def test_unknown_names_are_refused_in_a_sentence(made: Shop) -> None:
    assert "unknown_fix" in await made.call("get_fix", fix_id="fix_20000101_000000")
    assert "unknown_fix" in await made.call("apply_fix", fix_id="../../x")
    assert "unknown_case" in await made.call("propose_fix", case_id="case_nope", draft=DRAFT)
    assert (await made.call("list_fixes", case_id="case_nope"))["hint"]


async def test_an_empty_repository_and_no_project_are_told_in_a_sentence(tmp_path: Path, clock: Clock) -> None:
    watched = empty(tmp_path / "new")
    here = Shop(watched, assemble(Project(watched.root, "shop"), home=tmp_path / "home", clock=clock), clock)
    assert "[refusal:empty_repository]" in await here.propose()
    nowhere = Shop(watched, assemble(None, home=tmp_path / "other", clock=clock), clock)
    assert "[misconfigured:" in await nowhere.call("list_fixes")
