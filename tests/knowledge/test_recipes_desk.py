"""Learned recipes behind their tool: whose word they are, what silences them, and how they are handed over."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from click.testing import CliRunner

from kintsugi.cli import cli
from kintsugi.tools import Tools
from mcp_servers.cases.ledger import Ledger
from mcp_servers.kit.project import Project
from mcp_servers.launch import assemble
from tests.conftest import Clock
from tests.e2e.strangers import git

pytestmark = pytest.mark.anyio

PATH = "labels/shelf.py"
BROKEN = "def label(item):\n    name = item.name\n    return name.strip()\n"
MENDED = BROKEN.replace("name.strip", "(name or '').strip")
MESSAGE = "'NoneType' object has no attribute 'strip'"
TEST = "from labels.shelf import label\n\n\ndef test_label():\n    assert label\n"
TOLD = {"fix": "fix_1", "digest": "sha256:1", "title": "t", "status": "likely", "cause": "c"}
HEALED = ("diagnosed", "proposed", "certified", "approved", "applied", "deployed", "verified")


@dataclass(frozen=True)
class Team:
    """One repository that is watched; teams in one home share what they know."""

    tools: Tools
    root: Path

    @classmethod
    def at(cls, home: Path, name: str, clock: Clock, *texts: str, path: str = PATH) -> Team:
        """A repository with one commit for each text of its file."""
        root = home / name
        (root / path).parent.mkdir(parents=True)
        git(root, "init", "-q", "-b", "main")
        for number, text in enumerate(texts):
            (root / path).write_text(text, "utf-8")
            git(root, "add", "-A")
            git(root, "commit", "-q", "-m", f"commit {number}")
        return cls(Tools(assemble(Project(root, name), home=home, clock=clock), ("knowledge",), writes=True), root)

    def case(self, text: str = BROKEN, *events: str, **more: Any) -> str:
        """The case of the failure of this text, as far as these events."""
        lines = text.split("\n")
        at = next(number for number, line in enumerate(lines, 1) if "strip()" in line)
        frame = {"file": f"/srv/{PATH}", "line": at, "function": "label", "code": lines[at - 1].strip(), "in_app": True}
        raised = {"type": "AttributeError", "message": MESSAGE, "frames": [frame]}
        identity = {"version": 2, "coarse": "1f3a9c0255aa10bb", "fine": "2b00000000000001", "former": ""}
        anomaly = {
            "title": "AttributeError",
            "fingerprint": identity,
            "template": {},
            "trace": {"language": "python", "exceptions": [raised]},
            **more,
        }
        ledger = Ledger(self.tools.deps.database, self.tools.deps.clock)
        case, _ = ledger.open_case(self.root.name, anomaly, actor="test")
        for event in events:
            ledger.append(case.id, event, TOLD, actor="test")
        return case.id

    def tried(self, text: str, recipe: str, *outcome: str) -> None:
        """A case whose fix by this recipe came to this end."""
        case = self.case(text)
        ledger = Ledger(self.tools.deps.database, self.tools.deps.clock)
        for event in ("diagnosed", "proposed", *outcome):
            passed = {"certificate": {"passed": event != "certified"}}
            ledger.append(
                case, event, {**TOLD, **passed, "fix": f"fix_{self.root.name}", "recipe": recipe, "reason": "no"}, actor="learned"
            )

    async def learns(self, case: str, before: str = "", after: str = "", path: str = PATH, **more: Any) -> dict[str, Any]:
        """The lesson of a verified case, with the change of its fix where one is given."""
        told = {"repository": self.root.name, "symptom": MESSAGE, "cause": "a name may be missing", "fix": "treat it as empty"}
        changes = [{"path": path, "before": before, "after": after}] if after else []
        return await self.tools.call("record_lesson", **{"case_id": case, "changes": changes, **told, **more})

    async def offered(self, case: str) -> Mapping[str, Any]:
        return await self.tools.call("match_recipes", case_id=case)


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home in which one team learned a lesson whose recipe is active, and the lesson's id."""
    home = tmp_path_factory.mktemp("taught")
    team = Team.at(home, "first", Clock(), BROKEN, MENDED)
    told = anyio.run(team.learns, team.case(BROKEN, *HEALED), BROKEN, MENDED)
    assert "is active" in told["recipe_note"]
    team.tools.deps.database.close()
    return home, str(told["lesson_id"])


@pytest.fixture
def home(taught: tuple[Path, str], tmp_path: Path) -> Path:
    shutil.copy(taught[0] / "kintsugi.sqlite", tmp_path)
    return tmp_path


@pytest.mark.promise("S1.23")
@pytest.mark.promise("S1.25")
async def test_a_healed_error_leaves_a_test_a_rule_monitoring_an_entry_and_a_recipe(tmp_path: Path, clock: Clock) -> None:
    team = Team.at(tmp_path, "first", clock, BROKEN, MENDED)
    (team.root / "tests").mkdir()
    (team.root / "tests" / "test_label.py").write_text(TEST, "utf-8")
    git(team.root, "add", "-A")
    git(team.root, "commit", "-q", "-m", "test")
    changes = [{"path": PATH, "before": BROKEN, "after": MENDED}, {"path": "tests/test_label.py", "before": "", "after": TEST}]
    case = team.case(BROKEN, *HEALED, template={"text": "label <*> has no name"})
    told = await team.learns(case, changes=changes)
    left = told["artifacts"]
    assert (left["test"], left["entry"], left["rule"]) == ("tests/test_label.py", told["lesson_id"], told["guard_id"])
    assert left["prevention"] in told["recipe_note"]
    assert left["prevention"].startswith("recipe_")
    noted = await team.tools.call("notify_deployment", repository="first", version="2")
    assert noted["watch_for"] == ["label <*> has no name"]
    assert "label <*> has no name" in left["monitoring"]


async def test_a_recipe_is_silent_when_its_lesson_grew_old(home: Path, clock: Clock) -> None:
    other = Team.at(home, "other", clock, BROKEN)
    case = other.case()
    assert (await other.offered(case))["total"] == 1
    clock.forward(days=1200)
    assert (await other.offered(case))["total"] == 0


async def test_a_recipe_is_silent_when_its_lesson_was_contradicted(home: Path, clock: Clock, taught: tuple[Path, str]) -> None:
    other = Team.at(home, "other", clock, BROKEN)
    case = other.case()
    for number in range(2):
        assert (await other.offered(case))["total"] == 1
        judge = Team.at(home, f"judge{number}", clock, BROKEN)
        await judge.learns(judge.case(BROKEN, *HEALED), contradicts=taught[1])
    assert (await other.offered(case))["total"] == 0


@pytest.mark.parametrize("far", [False, True])
async def test_a_line_like_a_credential_beside_the_change_does_not_spoil_the_draft(home: Path, clock: Clock, far: bool) -> None:
    text = BROKEN.replace("    name =", "    token = 'abcdefghij'\n    name =" if far else "    name =")
    text = text if far else text.replace("    return", "    password = 'abcdefghij'\n    return")
    other = Team.at(home, "other", clock, text)
    [found] = (await other.offered(other.case(text)))["recipes"]
    (home / "change.diff").write_text(found["edits"][0]["diff"], "utf-8")
    git(other.root, "apply", str(home / "change.diff"))
    assert (other.root / PATH).read_text("utf-8") == text.replace("name.strip", "(name or '').strip")


async def test_a_change_that_looks_like_a_credential_is_left_to_a_person(home: Path, clock: Clock) -> None:
    text = BROKEN.replace("return name", "api_token = name")
    other = Team.at(home, "other", clock, text)
    answer = await other.offered(other.case(text))
    assert answer["total"] == 0
    assert "a person can make this fix" in answer["note"]


@pytest.mark.parametrize("outcome", [("certified",), ("rejected",), ("certified", "rejected")])
async def test_a_recipe_that_was_refuted_is_not_offered_for_failures_of_that_shape(
    home: Path, clock: Clock, outcome: tuple[str, ...]
) -> None:
    other = Team.at(home, "other", clock, BROKEN)
    [found] = (await other.offered(other.case()))["recipes"]
    Team.at(home, "third", clock, BROKEN).tried(BROKEN, found["recipe"], *outcome)
    assert (await other.offered(other.case()))["total"] == 0
    shaped = BROKEN.replace("return name.strip()", "print(name.strip(), 1)")
    fourth = Team.at(home, "fourth", clock, shaped)
    assert (await fourth.offered(fourth.case(shaped)))["total"] == 1


async def test_a_recipe_that_keeps_failing_is_offered_for_nothing(home: Path, clock: Clock) -> None:
    other = Team.at(home, "other", clock, BROKEN)
    [found] = (await other.offered(other.case()))["recipes"]
    for number in range(6):
        code = f"print(name.strip(){', 1' * (number + 1)})"
        Team.at(home, f"team{number}", clock, BROKEN).tried(BROKEN.replace("return name.strip()", code), found["recipe"], "rejected")
    assert (await other.offered(other.case()))["total"] == 0


@pytest.mark.promise("S3.13")
def test_the_command_shows_what_a_recipe_rests_on_and_how_its_fixes_fared(
    home: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KINTSUGI_HOME", str(home))

    def told(*words: str) -> str:
        return CliRunner().invoke(cli, ["knowledge", "recipes", *words], catch_exceptions=False).stdout

    [row] = json.loads(told("--json"))["recipes"]
    assert (row["level"], row["record"]) == ("expression", "not tried yet")
    assert {one["of"] for one in row["reach"]} >= {"the standard library"}
    assert all(one["fits"] < one["lines"] / 50 for one in row["reach"])
    clock.moment = datetime.now(UTC)
    Team.at(home, "third", clock, BROKEN).tried(BROKEN, row["recipe"], "rejected")
    assert "of 1 fixes 0 held, 0 were reverted and 1 rejected" in told(row["recipe"])
    assert row["recipe"] in told()
