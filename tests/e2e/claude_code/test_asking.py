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
GREETING = "Kintsugi in warehouse: 1 open case (1 proposed); 1 waits for a person: kintsugi approve "


def test_where_nobody_sits_the_host_asks_nobody_and_the_fix_waits_with_its_command(warehouse: Healed) -> None:
    assert "requires permission" in warehouse.walker.told["request_approval"]
    told = warehouse.claude.kintsugi(warehouse.root, "status", "--json")
    assert [one["command"] for one in json.loads(told.stdout)["waiting"]] == [f"kintsugi approve {warehouse.fix}"]


@pytest.mark.promise("S0.2")
def test_a_person_at_the_client_is_greeted_lets_it_wait_then_approves_and_that_counts_once(another: Healed) -> None:
    fix, case = another.fix, another.walker.told["open_case"]["id"]
    digest = another.walker.told["certify_fix"]["digest"].removeprefix("sha256:")[:8]
    decided: list[str] = []

    def asked(said: str) -> Road:
        decided.append((yield from call("request_approval", fix_id=fix, risk="low"))["decide"])
        return "It is asked."

    def applied(said: str) -> Road:
        yield from asked(said)
        yield from call("apply_fix", fix_id=fix)
        yield from call("rollback_fix", fix_id=fix)
        yield from use("apply_fix", fix_id=fix)
        yield from call("get_case", case_id=case)
        return "It is applied."

    another.claude.settle(another.root)
    walker = Walker({"Ask me": asked, "Apply it": applied})
    with MessagesApi(walker) as api:
        environ = another.claude.environment(ANTHROPIC_BASE_URL=api.url)
        with Screen([str(CLAUDE), "Ask me.", "--allowedTools", "mcp__plugin_kintsugi_kintsugi"], environ, another.root) as screen:
            screen.until(f"SessionStart:startup says: {GREETING}{fix}").until("Do you want to proceed?").press(ENTER)
            screen.until(f"Type {digest} to approve exactly this").until("Decline").press(ESCAPE)
            screen.until("It is asked.").press("Apply it.", ENTER)
            screen.until("Do you want to proceed?").press(ENTER)
            screen.until("❯ To approve: Type something").press(digest, ENTER)
            screen.until("❯ To reject: Type something").press(ENTER)
            screen.until("❯ Accept").press(ENTER)
            screen.until("It is applied.")
    first = next(request for request in api.requests if request.tools)
    assert f"{GREETING}{fix}" in json.dumps(first.body), "the model knows what the person was told"
    assert decided[0].startswith(f"a person runs: kintsugi approve {fix}")
    assert decided[1].startswith("approved by ")
    assert "was rolled back; propose it anew" in walker.told["apply_fix"], "the yes was for once"
    events = [event for event in walker.told["get_case"]["history"] if event["kind"] in {"approved", "applied", "rolled_back"}]
    assert [event["kind"] for event in events] == ["approved", "applied", "rolled_back"]
    assert "channel=elicitation" in events[0]["summary"]
