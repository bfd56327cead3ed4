"""How healing stands, on one screen, as data, and in the line that greets a session."""

from __future__ import annotations

import fcntl
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from kintsugi.commands.status import status
from kintsugi.hooks import session
from mcp_servers.cases.approvals import Approvals
from mcp_servers.cases.leases import Leases
from mcp_servers.cases.ledger import Ledger
from mcp_servers.kit.database import Database
from tests.cases import stories


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KINTSUGI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("KINTSUGI_DATABASE_URL", raising=False)
    monkeypatch.delenv("KINTSUGI_PROJECT", raising=False)
    folder = tmp_path / "shop/src"
    folder.mkdir(parents=True)
    (tmp_path / "shop/kintsugi.toml").write_text('[project]\nname = "shop"\n', "utf-8")
    monkeypatch.chdir(folder)
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path) -> Ledger:
    return Ledger(Database.open(f"sqlite:///{home / 'kintsugi.sqlite'}"), lambda: datetime.now(UTC))


def shown(*words: str) -> str:
    result = CliRunner().invoke(status, words)
    assert result.exit_code == 0, result.output
    return result.stdout


def greeting(home: Path, **more: str) -> str:
    """What the person reads as a session begins, which is what the model knows of it."""
    told = session.greeting({"KINTSUGI_HOME": str(home), **more})
    if not told:
        return ""
    answer = json.loads(told)
    assert answer["hookSpecificOutput"] == {"hookEventName": "SessionStart", "additionalContext": answer["systemMessage"]}
    return str(answer["systemMessage"])


def test_where_nothing_is_open_the_screen_says_so_and_the_line_is_silent(home: Path) -> None:
    assert greeting(home) == ""
    assert not home.exists(), "greeting writes nothing"
    assert shown("--line") == ""
    assert "kintsugi watch --once" in shown()


def test_what_waits_for_a_person_comes_with_the_command_to_type(ledger: Ledger, home: Path) -> None:
    stories.certified(ledger)
    Approvals(ledger).request("fix_20261120_101500", risk="low", actor="kintsugi")
    told = json.loads(shown("--json"))
    assert told["states"] == {"proposed": 1}
    assert [one["command"] for one in told["waiting"]] == ["kintsugi approve fix_20261120_101500"]
    assert "kintsugi approve fix_20261120_101500" in shown()
    line = "Kintsugi in shop: 1 open case (1 proposed); 1 waits for a person: kintsugi approve fix_20261120_101500."
    assert shown("--line").rstrip("\n") == greeting(home) == line


def test_a_description_that_cannot_be_read_is_said_as_the_session_begins(ledger: Ledger, home: Path, tmp_path: Path) -> None:
    (tmp_path / "shop/kintsugi.toml").write_text("[project\n", "utf-8")
    assert "kintsugi.toml" in (told := greeting(home))
    assert told.startswith("Kintsugi cannot say how things stand: ")
    (tmp_path / "shop/kintsugi.toml").write_text('[project]\nname = "shop\\n\\u001b[31mObey"\n', "utf-8")
    ledger.pause(True, actor="ada", reason="release day")
    assert greeting(home).startswith("Kintsugi in shop Obey: "), "what a repository calls itself stays in its line"


def test_a_proven_fix_waits_also_where_no_client_could_ask(ledger: Ledger) -> None:
    stories.certified(ledger)
    assert [one["command"] for one in json.loads(shown("--json"))["waiting"]] == ["kintsugi approve fix_20261120_101500"]


def test_pausing_waits_for_a_person_too(ledger: Ledger) -> None:
    ledger.pause(True, actor="ada", reason="release day")
    told = json.loads(shown("--json"))
    assert (told["paused"], told["reason"], told["waiting"][0]["command"]) == (True, "by ada: release day", "kintsugi resume")
    assert "is paused: by ada: release day" in shown()


def test_an_approved_fix_waits_to_be_applied(ledger: Ledger) -> None:
    stories.approved(ledger, Approvals(ledger))
    assert "kintsugi fix apply fix_20261120_101500" in shown()


def test_an_open_question_and_a_deployment_are_told(ledger: Ledger) -> None:
    stories.deployed(ledger, Approvals(ledger))
    lost = stories.diagnosed(ledger, "feedfeedfeedfeed")
    ledger.append(lost.id, "inconclusive", {"reason": "nothing was shown"}, actor="kintsugi")
    told = json.loads(shown("--json"))
    assert [(one["fix"], one["release"], one["verdict"]) for one in told["deployments"]] == [("fix_20261120_101500", "r2", "deployed")]
    assert [one["command"] for one in told["waiting"]] == [f"kintsugi cases {lost.id}"]


def test_cases_of_other_projects_are_told_outside_a_project_alone(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.open_case("bakery", stories.anomaly(), actor="kintsugi")
    assert json.loads(shown("--json"))["open"] == 0
    monkeypatch.chdir(tmp_path)
    assert json.loads(shown("--json"))["open"] == 1
    assert greeting(tmp_path / "home") == "", "a session in another folder is not greeted"
    ledger.open_case("shop", stories.anomaly(coarse="feedfeedfeedfeed"), actor="kintsugi")
    watched = str(tmp_path / "shop")
    assert "in shop" in greeting(tmp_path / "home", CLAUDE_PLUGIN_OPTION_PROJECT=watched, CLAUDE_PROJECT_DIR=str(tmp_path)), (
        "the plugin's form names it"
    )


def test_a_driver_is_alive_while_it_holds_its_seat(ledger: Ledger, home: Path) -> None:
    case = stories.diagnosed(ledger)
    (home / "drivers").mkdir()
    (home / "drivers/place").write_text("0123456789ab", "ascii")
    Leases(ledger.database, "host/0123456789ab/1").take(case.id)
    with (home / "drivers/1.lock").open("a") as seat:
        fcntl.flock(seat, fcntl.LOCK_EX)
        assert json.loads(shown("--json"))["drivers"] == [{"id": "seat 1 of this machine", "cases": [case.id]}]
    assert json.loads(shown("--json"))["drivers"] == []


def test_a_driver_on_another_machine_is_known_by_what_it_holds(ledger: Ledger) -> None:
    case = stories.diagnosed(ledger)
    Leases(ledger.database, "far/ba9876543210/1").take(case.id)
    assert json.loads(shown("--json"))["drivers"] == [{"id": "far/ba9876543210/1 (elsewhere)", "cases": [case.id]}]
