"""The question of an approval at the client: put to the person who sits there, to nobody where nobody does."""

from __future__ import annotations

import json

import pytest

from tests.components import CLAUDE, needs
from tests.e2e.claude_code.conftest import Healed
from tests.e2e.claude_code.road import Road, Walker, call, use
from tests.e2e.claude_code.screen import ENTER, ESCAPE, Screen
from tests.e2e.messages_api import MessagesApi

pytestmark = [needs("claude"), needs("bubblewrap")]


def test_where_nobody_sits_the_host_asks_nobody_and_the_fix_waits_with_its_command(warehouse: Healed) -> None:
    assert "requires permission" in warehouse.walker.told["request_approval"]
    told = warehouse.claude.kintsugi(warehouse.root, "status", "--json")
    assert [one["command"] for one in json.loads(told.stdout)["waiting"]] == [f"kintsugi approve {warehouse.fix}"]


@pytest.mark.promise("S0.2")
def test_a_person_is_asked_at_the_client_and_no_answer_leaves_it_waiting(warehouse: Healed) -> None:
    def asked(said: str) -> Road:
        yield from call("get_case", case_id=warehouse.walker.told["open_case"]["id"])
        answer = yield from use("request_approval", fix_id=warehouse.fix, risk="low")
        return f"The tool said: {answer.text}"

    warehouse.claude.settle(warehouse.root)
    digest = warehouse.walker.told["certify_fix"]["digest"].removeprefix("sha256:")[:8]
    walker = Walker({"Ask me": asked})
    with MessagesApi(walker) as api:
        environ = warehouse.claude.environment(ANTHROPIC_BASE_URL=api.url)
        with Screen([str(CLAUDE), "Ask me.", "--allowedTools", "mcp__plugin_kintsugi_kintsugi"], environ, warehouse.root) as screen:
            screen.until("Do you want to proceed?").press(ENTER)
            screen.until(f"Approve {warehouse.fix}").until(f"type {digest}").until("Decline")
            screen.press(ESCAPE)
            screen.until("The tool said:")
    assert walker.told["request_approval"]["decide"].startswith(f"a person runs: kintsugi approve {warehouse.fix}")
