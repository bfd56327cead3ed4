"""The tickets tools, used as a client uses them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kintsugi.tools import Tools
from mcp_servers.cases.ledger import Ledger
from mcp_servers.kit.errors import Refusal
from mcp_servers.launch import assemble
from tests.conftest import Clock
from tests.tickets.test_compose import DIAGNOSIS, EVIDENCE

pytestmark = pytest.mark.anyio


@pytest.fixture
def tools(tmp_path: Path, clock: Clock) -> Tools:
    return Tools(assemble(None, home=tmp_path, clock=clock), ("tickets",), writes=True)


@pytest.fixture
def case(tools: Tools) -> str:
    return Ledger(tools.deps.database, tools.deps.clock).open_case("shop", EVIDENCE, actor="test")[0].id


@pytest.mark.promise("S2.4")
async def test_a_case_gets_one_ticket_and_the_ledger_knows_it(tools: Tools, case: str) -> None:
    ask: dict[str, Any] = {"case_id": case, "evidence": EVIDENCE, "diagnosis": DIAGNOSIS}
    first, again = await tools.call("create_ticket", **ask), await tools.call("create_ticket", **ask)
    assert (first["id"], first["created"], again["id"], again["created"]) == ("KIN-1", True, "KIN-1", False)
    ledger = Ledger(tools.deps.database, tools.deps.clock)
    assert ledger.case(case).ticket == "KIN-1"
    assert [event.kind for event in ledger.events(case)] == ["opened", "ticketed"]
    assert (tools.deps.scratch / "tickets" / "KIN-1.md").is_file()


@pytest.mark.promise("S0.3")
async def test_a_ticket_can_be_read_whole(tools: Tools, case: str) -> None:
    await tools.call("create_ticket", case_id=case, evidence=EVIDENCE, diagnosis=DIAGNOSIS, labels=["performance"])
    ticket = await tools.call("get_ticket", ticket_id="KIN-1")
    assert (ticket["case"], ticket["priority"], ticket["suggested_config"]) == (case, "HIGH", "pool_size = 20")
    assert {"production", "shop-api", "performance"} <= set(ticket["labels"])


async def test_a_ticket_that_grew_huge_still_fits_an_answer(tools: Tools) -> None:
    await tools.call("create_ticket", title="big", description="ü" * 20_000, current_config="ü" * 4000, suggested_config="ü" * 4000)
    for number in range(12):
        await tools.call("comment_ticket", ticket_id="KIN-1", body=f"{number} " + "ü" * 5000)
    ticket = await tools.call("get_ticket", ticket_id="KIN-1")
    assert ticket["total"] == ticket["returned"] + ticket["omitted"] == 12
    assert ticket["comments"][-1]["body"].startswith("11 ")


async def test_no_ticket_is_opened_for_a_case_that_does_not_exist(tools: Tools) -> None:
    with pytest.raises(Refusal, match="no case 'case_9'"):
        await tools.call("create_ticket", case_id="case_9", title="x")
    assert (await tools.call("search_tickets"))["total"] == 0


async def test_a_ticket_needs_evidence_or_a_title(tools: Tools) -> None:
    with pytest.raises(Refusal, match="evidence of a case or a title"):
        await tools.call("create_ticket", description="x")


async def test_a_ticket_moves_on_with_a_comment_and_what_was_said_is_inert(tools: Tools) -> None:
    await tools.call("create_ticket", title="pool exhausted")
    move = {"ticket_id": "KIN-1", "status": "resolved", "comment": "@all fixes #3", "actor": "kintsugi"}
    assert [await tools.call("transition_ticket", **move) for _ in range(2)] == [{"id": "KIN-1", "status": "resolved", "comments": 1}] * 2
    [said] = (await tools.call("get_ticket", ticket_id="KIN-1"))["comments"]
    assert (said["author"], said["body"]) == ("kintsugi", "(at)all fixes # 3")


@pytest.mark.parametrize("settled", [("closed",), ("diagnosed", "proposed", "approved", "applied", "deployed", "verified")])
async def test_a_ticket_stays_open_as_long_as_its_case_is_under_way(tools: Tools, case: str, settled: tuple[str, ...]) -> None:
    await tools.call("create_ticket", case_id=case, evidence=EVIDENCE)
    await tools.call("create_ticket", case_id=case, title="another ticket does not set the first one free")
    for status in ("resolved", "closed"):
        with pytest.raises(Refusal, match=f"kintsugi close {case}"):
            await tools.call("transition_ticket", ticket_id="KIN-1", status=status, actor="ada")
    assert (await tools.call("transition_ticket", ticket_id="KIN-1", status="in_progress"))["status"] == "in_progress"
    for event in settled:
        data = {"fix": "fix_1", "digest": "sha256:1", "reason": "no problem", "status": "likely", "cause": "c"}
        Ledger(tools.deps.database, tools.deps.clock).append(case, event, data, actor="grace")
    assert (await tools.call("transition_ticket", ticket_id="KIN-1", status="resolved"))["status"] == "resolved"


async def test_a_day_has_its_number_of_tickets_without_a_case_too(tools: Tools, clock: Clock) -> None:
    most = tools.deps.policy.budgets.tickets_per_day
    for number in range(most):
        await tools.call("create_ticket", title=f"line {number}")
    with pytest.raises(Refusal, match=f"{most} tickets were opened in the last 24 hours"):
        await tools.call("create_ticket", title="one more")
    clock.forward(hours=25)
    assert (await tools.call("create_ticket", title="one more"))["created"]


async def test_duplicates_are_offered_and_never_closed(tools: Tools) -> None:
    await tools.call("create_ticket", title="connection pool exhausted in checkout")
    await tools.call("create_ticket", title="typo on the landing page")
    near = await tools.call("find_duplicates", title="ConnectionPool exhausted")
    assert [(one["id"], one["status"], one["why"]) for one in near["tickets"]] == [
        ("KIN-1", "open", "shares the words connection, pool, exhausted")
    ]
    assert "note" in await tools.call("find_duplicates", title='") OR *')


@pytest.mark.promise("S2.21")
async def test_a_ticket_that_was_closed_long_ago_is_no_duplicate(tools: Tools, clock: Clock) -> None:
    await tools.call("create_ticket", title="connection pool exhausted in checkout")
    await tools.call("create_ticket", title="connection pool exhausted in search")
    await tools.call("transition_ticket", ticket_id="KIN-1", status="closed", comment="")
    clock.forward(days=7)
    assert {one["id"] for one in (await tools.call("find_duplicates", title="pool exhausted"))["tickets"]} == {"KIN-1", "KIN-2"}
    clock.forward(minutes=1)
    assert {one["id"] for one in (await tools.call("find_duplicates", title="pool exhausted"))["tickets"]} == {"KIN-2"}


async def test_searching_puts_the_best_first(tools: Tools) -> None:
    for title in ("pool exhausted", "the swimming pool", "disk full"):
        await tools.call("create_ticket", title=title)
    found = await tools.call("search_tickets", text="pool exhausted")
    assert ([one["id"] for one in found["tickets"]], found["total"]) == (["KIN-1", "KIN-2"], 2)
    assert (await tools.call("search_tickets", limit=1))["omitted"] == 2
