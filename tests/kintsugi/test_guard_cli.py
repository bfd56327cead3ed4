"""`kintsugi guard`, as it is typed."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from click.testing import CliRunner

from kintsugi.cli import cli
from kintsugi.tools import Tools
from mcp_servers.kit.errors import Misconfigured, Refusal
from mcp_servers.knowledge.guards import index
from mcp_servers.knowledge.guards.compiling import compile
from mcp_servers.knowledge.guards.desk import Desk
from mcp_servers.knowledge.lessons import Lesson, LessonStore
from mcp_servers.launch import assemble

FAULTY = "import requests\n\n\ndef load(url):\n    return requests.get(url).json()\n"
SOUND = FAULTY.replace("(url).json", "(url, timeout=5).json")
TEST = "tests/test_load.py"


class Person:
    """Somebody with a state folder that holds one lesson of another repository, in a repository of their own."""

    def __init__(self, folder: Path) -> None:
        self.home, self.repository = folder / "home", folder / "repository"
        self.deps = assemble(None, home=self.home)
        self.desk = Desk(self.deps, LessonStore(self.deps.database))

    @property
    def guard(self) -> str:
        return self.desk.held()[0].id

    def learn(self, before: dict[str, str], after: dict[str, str], case: str = "case_7") -> None:
        guard = compile(before, after, "No timeout. Instead: give one.")
        assert guard is not None
        lesson = Lesson(
            f"lesson_{guard['id']}", case, "shop/api", datetime.now(UTC), "ReadTimeout in load", "no timeout", "a timeout",
            "verified: 275 errors before, none after", "verified", 0.9, guard_id=guard["id"], guard=json.dumps(guard),
        )  # fmt: skip
        LessonStore(self.deps.database).record(lesson)
        self.desk.publish()

    def git(self, *words: str) -> None:
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *words], cwd=self.repository, check=True, capture_output=True)

    def write(self, path: str, text: str) -> None:
        (self.repository / path).parent.mkdir(parents=True, exist_ok=True)
        (self.repository / path).write_text(text, "utf-8")

    def says(self, *words: str, code: int = 0) -> str:
        result = CliRunner().invoke(cli, ["guard", *words], standalone_mode=False)
        if result.exception:
            raise result.exception
        assert int(result.return_value or 0) == code, result.output
        return result.stdout


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("begun")
    (folder / "repository").mkdir()
    somebody = Person(folder)
    somebody.learn({"a.py": FAULTY}, {"a.py": SOUND})
    somebody.git("init", "-q", "-b", "main")
    somebody.git("commit", "-q", "--allow-empty", "-m", "begin")
    somebody.deps.database.close()
    return folder


@pytest.fixture
def person(begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Person]:
    shutil.copytree(begun, tmp_path / "place")
    somebody = Person(tmp_path / "place")
    monkeypatch.setenv("KINTSUGI_HOME", str(somebody.home))
    monkeypatch.delenv("KINTSUGI_DATABASE_URL", raising=False)
    monkeypatch.delenv("KINTSUGI_PROJECT", raising=False)
    monkeypatch.chdir(somebody.repository)
    yield somebody
    somebody.deps.database.close()


@pytest.mark.promise("S1.25")
def test_what_is_staged_is_checked_not_what_lies_in_the_worktree(person: Person) -> None:
    person.write("app.py", FAULTY)
    person.git("add", ".")
    person.write("app.py", SOUND)
    said = person.says("check", "--staged", code=1)
    assert "app.py:5: warning" in said
    assert "learned in shop/api, case_7 (ReadTimeout in load): verified: 275 errors before" in said
    person.git("add", ".")
    assert person.says("check", "--staged") == ""


def test_a_warning_lets_a_commit_through_and_a_guard_that_somebody_accepted_does_not(person: Person) -> None:
    person.write("app.py", FAULTY)
    person.git("add", ".")
    person.says("check", "--staged", "--hook", code=0)
    person.desk.decide(person.guard, "blocking", actor="ada", reason="seen twice")
    assert "blocking" in person.says("check", "--staged", "--hook", code=1)


def test_a_range_is_what_its_commits_brought_together(person: Person) -> None:
    person.write("old.py", FAULTY)
    person.git("add", ".")
    person.git("commit", "-q", "-m", "old")
    person.write("new.py", FAULTY)
    person.git("add", ".")
    person.git("commit", "-q", "-m", "new")
    found = json.loads(person.says("check", "--range", "HEAD~1..HEAD", "--json", code=1))["findings"]
    assert [(one["path"], one["line"], one["instead"]) for one in found] == [("new.py", 5, "requests.get(url, timeout=5)")]
    assert json.loads(person.says("check", "--range", "HEAD...HEAD~1", "--json"))["findings"] == []
    with pytest.raises(Refusal, match="'nowhere' names no tree"):
        person.says("check", "--range", "nowhere..HEAD")


def test_a_required_test_may_not_leave_with_a_commit(person: Person) -> None:
    person.learn({"a.py": "x = 1\n", TEST: ""}, {"a.py": "x = 1\ny = 2\n", TEST: "def test_load_times_out(): ...\n"}, "case_8")
    person.write(TEST, "def test_load_times_out(): ...\n")
    person.git("add", ".")
    person.git("commit", "-q", "-m", "test")
    person.git("rm", "-q", TEST)
    assert "test_load_times_out is gone" in person.says("check", "--staged", code=1)


def test_an_answer_in_the_code_overrules_with_its_reason_and_without_one_does_not(person: Person) -> None:
    person.write("app.py", FAULTY.replace(".json()", f".json()  # kintsugi: ignore[{person.guard}] the caller waits for hours on purpose"))
    assert "ignored" in person.says("check", "app.py")
    person.write("app.py", FAULTY.replace(".json()", f".json()  # kintsugi: ignore[{person.guard}]"))
    person.says("check", "app.py", code=1)


def test_a_guard_that_is_overruled_three_times_is_demoted_and_one_that_is_followed_is_not(person: Person) -> None:
    for name in ("a", "b", "c"):
        person.write(f"{name}.py", FAULTY.replace(".json()", f".json()  # kintsugi: ignore[{person.guard}] slow by contract"))
    person.says("check", ".")
    assert json.loads(person.says("list", "--json"))["guards"][0]["state"] == "demoted"
    assert index.load(person.home).guards == ()


def test_a_finding_that_goes_away_counts_for_its_guard(person: Person) -> None:
    person.write("app.py", FAULTY)
    person.says("check", "app.py", code=1)
    person.write("app.py", SOUND)
    person.says("check", "app.py")
    told = json.loads(person.says("list", "--json"))["guards"][0]
    assert (told["accepted"], told["overruled"], told["state"]) == (1, 0, "warning")


def test_fix_writes_what_the_guard_knows(person: Person) -> None:
    person.write("app.py", FAULTY)
    assert person.says("check", "--fix", "app.py") == ""
    assert (person.repository / "app.py").read_text("utf-8") == SOUND


def test_sarif_has_what_its_schema_requires(person: Person) -> None:
    person.write("häß lich.py", FAULTY)
    log = json.loads(person.says("check", "--sarif", ".", code=1))
    assert log["version"] == "2.1.0"
    run: dict[str, Any] = log["runs"][0]
    result = run["results"][0]
    assert run["tool"]["driver"]["name"] == "Kintsugi"
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == person.guard
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("h%C3%A4%C3%9F%20lich.py", 5)
    assert result["message"]["text"]


def test_an_index_that_something_else_changed_is_not_believed(person: Person) -> None:
    path = person.home / index.FILE_NAME
    path.write_text(path.read_text("utf-8").replace("No timeout", "All is well"), "utf-8")
    with pytest.raises(Misconfigured, match="changed by something else"):
        person.says("check", ".")
    person.says("list")
    person.says("check", ".")


@pytest.mark.parametrize("words", [("accept",), ("mute", "--reason", "noise")])
def test_a_program_neither_accepts_nor_mutes(person: Person, words: Sequence[str]) -> None:
    with pytest.raises(Refusal, match="needs a person at a real terminal"):
        person.says(words[0], person.guard, *words[1:])


def test_a_guard_tells_its_story_and_passes_its_own_test(person: Person) -> None:
    said = person.says("explain", person.guard)
    assert "learned in shop/api, case_7" in said
    assert "+    return requests.get(url, timeout=5).json()" in said
    assert person.says("test") == f"{person.guard}: works\n"


def test_a_guard_that_is_too_loud_on_other_code_is_demoted(person: Person) -> None:
    person.write("lib/many.py", "requests.get(a)\n" * 50)
    assert "50 findings in 51 lines of lib" in person.says("test", "--on", "lib", code=1)
    assert json.loads(person.says("list", "--json"))["guards"][0]["state"] == "demoted"


@pytest.mark.promise("S0.28")
def test_each_repository_with_the_same_mistake_gets_one_ticket_that_leads_to_its_origin(person: Person) -> None:
    person.write("one.py", FAULTY)
    person.write("two.py", FAULTY)
    person.git("add", ".")
    person.git("commit", "-q", "-m", "faulty")
    first = json.loads(person.says("scan", ".", "--json", code=1))
    again = json.loads(person.says("scan", ".", str(person.repository), "--json", code=1))
    assert first["repositories"] == again["repositories"] == [{"repository": "repository", "findings": 2, "ticket": "KIN-1"}]
    ticket = anyio.run(lambda: Tools(person.deps, ["tickets"]).call("get_ticket", ticket_id="KIN-1"))
    assert (ticket["priority"], ticket["labels"]) == ("MEDIUM", ["proactive", "best-practice"])
    assert "kintsugi cases case_7" in ticket["description"]
    assert "one.py:5" in ticket["description"]
