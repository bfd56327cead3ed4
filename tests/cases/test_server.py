from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import ElicitResult

from mcp_servers.cases.approvals import Approvals
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.model import State
from mcp_servers.kit.project import Project
from mcp_servers.launch import assemble, server
from tests.cases.stories import anomaly, approved
from tests.conftest import Clock

pytestmark = pytest.mark.anyio
MODES = pytest.mark.parametrize("mode", ["auto", "legacy"])


class Desk:
    """A client of the cases server in one protocol mode."""

    def __init__(self, mcp: Any, mode: Any, ledger: Ledger) -> None:
        self._mcp, self._mode, self.ledger = mcp, mode, ledger

    async def call(self, name: str, person: Any = None, **arguments: Any) -> Any:
        async with Client(self._mcp, mode=self._mode, elicitation_callback=person) as client:
            result: Any = await client.call_tool(name, arguments)
        text = result.content[0].text if result.content else ""
        return text if result.is_error else result.structured_content


@pytest.fixture
def desk(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Desk:
    deps = assemble(Project(tmp_path, "shop"), home=tmp_path, clock=clock)
    return Desk(server(["cases"], deps, frozenset({"cases"})), request.node.callspec.params["mode"], Ledger(deps.database, clock))


@MODES
async def test_a_case_is_opened_diagnosed_and_shown(desk: Desk, mode: str) -> None:
    opened = await desk.call("open_case", anomaly=anomaly())
    assert opened["created"] is True
    recorded = await desk.call(
        "record_diagnosis", case_id=opened["id"], status="likely", cause="phone may be missing", file="shop/x.py", line=4
    )
    assert recorded["state"] == "diagnosed"
    shown = await desk.call("get_case", case_id=opened["id"])
    assert shown["diagnosis"]["cause"] == "phone may be missing"
    assert [line["kind"] for line in shown["history"]] == ["opened", "diagnosed"]
    listed = await desk.call("list_cases", state=["diagnosed"])
    assert (listed["returned"], listed["total"], listed["omitted"]) == (1, 1, 0)


@pytest.mark.parametrize(("mode", "tool"), [("auto", "list_cases"), ("auto", "get_case"), ("auto", "list_approvals")])
async def test_an_approval_that_ran_out_ends_with_any_look_at_the_cases(desk: Desk, mode: str, tool: str, clock: Clock) -> None:
    case = approved(desk.ledger, Approvals(desk.ledger))
    clock.forward(hours=2)
    await desk.call(tool, **({"case_id": case.id} if tool == "get_case" else {}))
    assert desk.ledger.case(case.id).state is State.PROPOSED


@pytest.mark.parametrize("mode", ["auto"])
async def test_an_anomaly_that_was_not_handed_on_as_it_was_opens_no_case(desk: Desk, mode: str) -> None:
    for bent in ({"trace": {"language": "python", "exceptions": [{"type": 7}]}}, {"count": "many"}, {"last_seen": {}}):
        assert "[refusal:" in await desk.call("open_case", anomaly=anomaly(**bent))
    assert desk.ledger.cases() == []


@MODES
async def test_inconclusive_is_a_result_and_a_cause_is_not_optional(desk: Desk, mode: str) -> None:
    opened = await desk.call("open_case", anomaly=anomaly())
    assert "needs a cause" in await desk.call("record_diagnosis", case_id=opened["id"], status="confirmed")
    recorded = await desk.call("record_diagnosis", case_id=opened["id"], status="inconclusive", reason="no frame of ours")
    assert recorded["state"] == "inconclusive"


@MODES
async def test_a_person_is_asked_and_no_tool_approves(desk: Desk, mode: str) -> None:
    async with Client(desk._mcp, mode=desk._mode) as client:  # pyright: ignore[reportPrivateUsage]
        names = {tool.name for tool in (await client.list_tools()).tools}
    assert not {name for name in names if "approve" in name}
    assert "has no certificate" not in str(await desk.call("list_approvals"))
    approved(desk.ledger, Approvals(desk.ledger))
    assert (await desk.call("list_approvals"))["total"] == 0
    assert "has no fix" in str(await desk.call("request_approval", fix_id="fix_1")) or "There is no fix" in str(
        await desk.call("request_approval", fix_id="fix_1")
    )


@MODES
async def test_metrics_come_from_the_ledger(desk: Desk, mode: str) -> None:
    await desk.call("open_case", anomaly=anomaly(onset="2026-11-20T10:10:00+00:00"))
    metrics = await desk.call("get_loop_metrics")
    assert (metrics["cases"], metrics["by_state"], metrics["paused"]) == (1, {"open": 1}, False)
    detect = next(one for one in metrics["metrics"] if one["name"] == "mean_time_to_detect")
    assert (detect["value"], detect["goal"], detect["met"]) == (5.0, "under 5", False)
    assert "mean_time_to_resolve" in metrics["not_enough_data"]


@MODES
async def test_a_case_is_closed_when_a_person_at_the_client_agrees(desk: Desk, mode: str) -> None:
    opened = await desk.call("open_case", anomaly=anomaly())
    asked: list[str] = []

    def saying(decision: str) -> Any:
        async def answer(_context: Any, params: Any) -> ElicitResult:
            asked.append(params.message)
            return ElicitResult(action="accept", content={"decision": decision})

        return answer

    closing = {"case_id": opened["id"], "reason": "a load test [click](http://x.test)"}
    assert f"kintsugi close {opened['id']}" in await desk.call("close_case", **closing)
    assert "no person agreed" in await desk.call("close_case", saying("keep"), **closing)
    assert (await desk.call("close_case", saying("close"), **closing))["state"] == "false_positive"
    assert "http://" not in asked[-1]
    assert (await desk.call("close_case", **closing))["state"] == "false_positive", "asked again, nothing changes"


@MODES
async def test_pausing_stops_writes(desk: Desk, mode: str) -> None:
    assert await desk.call("pause_healing", reason="release freeze") == {"paused": True, "resume": "a person runs: kintsugi resume"}
    assert "Healing is paused" in await desk.call("open_case", anomaly=anomaly("ffff000011112222"))


@MODES
async def test_control_characters_from_production_arrive_visible(desk: Desk, mode: str) -> None:
    opened = await desk.call("open_case", anomaly=anomaly(title="boom \x1b[31mred\x1b[0m \u202eevil"))
    shown = await desk.call("get_case", case_id=opened["id"])
    assert shown["title"] == "boom red \\u202eevil"


async def test_without_permission_the_tools_that_write_do_not_exist(tmp_path: Path, clock: Clock) -> None:
    deps = assemble(Project(tmp_path, "shop"), home=tmp_path, clock=clock)
    async with Client(server(["cases"], deps)) as client:
        tools = (await client.list_tools()).tools
    assert {tool.name for tool in tools} == {"list_cases", "get_case", "get_loop_metrics", "list_approvals"}
    assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)
