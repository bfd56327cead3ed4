"""The knowledge tools, used as a client uses them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kintsugi.tools import Tools
from mcp_servers.cases.ledger import Ledger
from mcp_servers.kit.errors import Refusal
from mcp_servers.launch import assemble
from tests.conftest import Clock

pytestmark = pytest.mark.anyio

ANOMALY = {"title": "AttributeError in label", "fingerprint": {"version": 1, "coarse": "1f3a9c0255aa10bb", "fine": "2"}}
ISSUE = {
    "repository": "shop/api",
    "service_type": "cloud_run",
    "issue_type": "error",
    "severity": "HIGH",
    "log_snippet": "2026-11-20T10:00:00Z order 17: connection pool exhausted, password=hunter2secret",
}


@pytest.fixture
def tools(tmp_path: Path, clock: Clock) -> Tools:
    return Tools(assemble(None, home=tmp_path, clock=clock), ("knowledge",), writes=True)


def lesson(case: str, **more: Any) -> dict[str, Any]:
    return {
        "case_id": case,
        "repository": "shop/api",
        "symptom": "AttributeError in label",
        "cause": "a phone may be missing",
        "fix": "treat a missing phone as empty",
        "fingerprint": {"version": 1, "coarse": "1f3a9c0255aa10bb", "fine": "2"},
        **more,
    }


def a_case(tools: Tools, *events: str) -> str:
    ledger = Ledger(tools.deps.database, tools.deps.clock)
    case, _ = ledger.open_case("shop", ANOMALY, actor="test")
    data = {"fix": "fix_1", "digest": "sha256:1", "title": "t", "status": "likely", "cause": "c"}
    for event in events:
        ledger.append(case.id, event, data, actor="test")
    return case.id


VERIFIED = ("diagnosed", "proposed", "certified", "approved", "applied", "deployed", "verified")


@pytest.mark.promise("S0.9")
async def test_the_same_error_reported_twice_is_one_issue_and_its_secret_is_masked(tools: Tools) -> None:
    first = await tools.call("add_runtime_issue", **ISSUE)
    again = await tools.call("add_runtime_issue", **ISSUE | {"log_snippet": ISSUE["log_snippet"].replace("17", "18")})
    assert (first["success"], first["created"], again["created"]) == (True, True, False)
    assert first["issue_id"] == again["issue_id"]
    found = await tools.call("query_known_issues", text="pool exhausted")
    assert "hunter2" not in found["issues"][0]["logs"]
    assert found["issues"][0]["why"] == "related by text: 2 of 2 words (pool, exhausted)"


async def test_a_long_snippet_is_kept_to_500_characters(tools: Tools) -> None:
    await tools.call("add_runtime_issue", **ISSUE | {"log_snippet": "boom " * 2000, "fingerprint": "abcd"})
    found = await tools.call("query_known_issues", fingerprint="abcd")
    assert len(found["issues"][0]["logs"]) <= 500


@pytest.mark.promise("S0.12")
async def test_an_unknown_error_is_said_to_be_unknown(tools: Tools) -> None:
    found = await tools.call("query_known_issues", fingerprint="ffff", text="something else entirely")
    assert (found["returned"], found["total"], found["issues"]) == (0, 0, [])
    assert "Nothing known" in found["note"]
    with pytest.raises(Refusal, match="Nothing was asked"):
        await tools.call("search_lessons")


@pytest.mark.promise("S1.25")
async def test_a_verified_case_leaves_a_lesson_with_a_working_guard(tools: Tools) -> None:
    case = a_case(tools, *VERIFIED)
    change = {"path": "a.py", "before": "x = phone.strip()\n", "after": "x = (phone or '').strip()\n"}
    told = await tools.call("record_lesson", **lesson(case, changes=[change], fix_id="fix_1", recipe="none-guard"))
    assert told["guard_id"].startswith("guard_")
    found = await tools.call("search_lessons", fingerprint={"coarse": "1f3a9c0255aa10bb", "fine": "2"})
    [known] = found["lessons"]
    assert (known["id"], known["trust"], known["evidence"], known["recipe"]) == (told["lesson_id"], 0.9, "fix_1", "none-guard")
    assert Ledger(tools.deps.database, tools.deps.clock).case(case).lesson == told["lesson_id"]


@pytest.mark.promise("S0.28")
async def test_the_lesson_of_one_repository_warns_every_other(tools: Tools) -> None:
    change = {"path": "a.py", "before": "requests.get(url)\n", "after": "requests.get(url, timeout=5)\n"}
    bound = {"path": "settings.toml", "before": "[pool]\nsize = 5\n", "after": "[pool]\nsize = 20\n"}
    learned = [
        await tools.call("record_lesson", **lesson(f"case_{number}", provenance="reported", changes=[made]))
        for number, made in enumerate((change, bound))
    ]
    files = [
        {"path": "other/settings.toml", "content": "[pool]\nsize = 9\n"},
        {"path": "other/b.py", "content": "import requests\nrequests.get('https://x.test')\nrequests.get(x, timeout=3)\n"},
    ]
    told = await tools.call("check_changes", files=files)
    assert [(one["path"], one["line"], one["lesson_id"]) for one in told["findings"]] == [
        ("other/settings.toml", 2, learned[1]["lesson_id"]),
        ("other/b.py", 2, learned[0]["lesson_id"]),
    ]
    assert (told["guards"], told["total"]) == (2, 2)
    for number in range(2, 5):
        await tools.call("record_lesson", **lesson(f"case_{number}", provenance="reported", contradicts=learned[0]["lesson_id"]))
    assert (await tools.call("check_changes", files=files))["guards"] == 1


async def test_nobody_can_claim_that_an_unverified_case_was_verified(tools: Tools) -> None:
    case = a_case(tools)
    with pytest.raises(Refusal, match="'learned' is possible only from"):
        await tools.call("record_lesson", **lesson(case))
    assert (await tools.call("search_lessons", text="AttributeError label"))["total"] == 0
    told = await tools.call("record_lesson", **lesson(case, provenance="reported"))
    assert told["trust"] == 0.4


async def test_a_change_that_proves_no_rule_says_so_and_the_lesson_stays(tools: Tools) -> None:
    change = {"path": "a.py", "before": "x.y()\n", "after": "if x:\n    pass\nx.y()\n"}
    told = await tools.call("record_lesson", **lesson(a_case(tools), provenance="reported", changes=[change]))
    assert "guard_id" not in told
    assert told["guard_note"].startswith("No guard")


async def test_a_recipe_that_is_no_recipe_is_refused(tools: Tools) -> None:
    with pytest.raises(Refusal, match="neither an id nor a JSON object"):
        await tools.call("record_lesson", **lesson(a_case(tools), recipe="[1, 2"))


async def test_while_healing_is_paused_nothing_is_written(tools: Tools) -> None:
    Ledger(tools.deps.database, tools.deps.clock).pause(True, actor="test", reason="night")
    with pytest.raises(Refusal, match="paused"):
        await tools.call("add_runtime_issue", **ISSUE)


async def test_without_leave_to_write_the_writing_tools_do_not_exist(tools: Tools) -> None:
    with pytest.raises(Refusal, match="Unknown tool"):
        await Tools(tools.deps, ("knowledge",)).call("add_runtime_issue", **ISSUE)
