"""A new user's first session: set up, heal, look, and decide. The model is scripted, everything else is real."""

from __future__ import annotations

import pytest

from tests.components import needs
from tests.e2e.claude_code.conftest import Healed
from tests.e2e.strangers import git

pytestmark = [needs("claude"), needs("bubblewrap")]


def test_setting_up_works_in_the_session_that_began_without_a_project(warehouse: Healed) -> None:
    assert (warehouse.root / "kintsugi.toml").is_file()
    assert "logs" in warehouse.session.answers[0]
    assert [source["type"] for source in warehouse.walker.told["list_log_sources"]["sources"]] == ["files"]


@pytest.mark.promise("S1.1", "S2.24")
def test_a_failing_log_becomes_a_certified_proposal_that_waits_for_a_person(warehouse: Healed) -> None:
    told = warehouse.walker.told
    assert warehouse.session.answers[1].endswith(f"waits for a person: kintsugi approve {warehouse.fix}")
    assert told["certify_fix"]["certificate"]["passed"] is True
    assert told["create_ticket"]["id"] == "KIN-1"
    assert git(warehouse.root, "for-each-ref", "--format=%(refname)", "refs/heads") == "refs/heads/main"


def test_looking_tells_what_is_open_and_does_nothing(warehouse: Healed) -> None:
    assert [case["state"] for case in warehouse.walker.told["list_cases"]["cases"]] == ["proposed"]
    assert warehouse.fix in warehouse.session.answers[2]


def test_our_tools_cost_the_session_nothing_before_they_are_used(warehouse: Healed) -> None:
    first = next(request for request in warehouse.session.requests if request.tools)
    assert not [tool for tool in first.tools if "kintsugi" in tool], "they are found by name, and loaded then"
