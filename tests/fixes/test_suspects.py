from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mcp_servers.fixes.suspects import Touch, find, rank
from mcp_servers.kit.git import Commit
from mcp_servers.kit.stack import ExceptionInfo, Frame, StackTrace
from tests.fixes.repositories import BROKEN, Worktree, shop

FILE = "shop/customers.py"


@pytest.fixture
def watched(tmp_path: Path) -> Worktree:
    return shop(tmp_path / "shop")


def day(number: int) -> str:
    return f"2026-11-{number:02}T09:00:00+00:00"


def trace(*frames: Frame) -> StackTrace:
    return StackTrace("python", (ExceptionInfo("AttributeError", "no strip", frames),))


def failing(line: int = 2, file: str = f"/srv/app/{FILE}") -> StackTrace:
    return trace(Frame(file, line, "format_phone"))


def subjects(watched: Worktree, given: StackTrace | None, **more: object) -> list[str]:
    return [suspect.subject for suspect in find(watched.repository, "main", given, **more)]  # type: ignore[arg-type]


@pytest.mark.promise("S1.7")
def test_the_commit_that_wrote_the_failing_line_is_first_then_its_function_then_its_file(watched: Worktree) -> None:
    watched.commit("line", {FILE: BROKEN.replace("phone.strip()", "phone.strip(' ')")}, at=day(2))
    broken = (watched.root / FILE).read_text("utf-8")
    watched.commit("function", {FILE: broken.replace("    return phone", "    log(phone)\n    return phone")}, at=day(3))
    changed = (watched.root / FILE).read_text("utf-8")
    watched.commit("file", {FILE: changed.replace("'Hello '", "'Hi '")}, at=day(4))
    watched.commit("elsewhere", {"shop/other.py": "x = 1\n"}, at=day(5))
    assert subjects(watched, failing(3)) == ["line", "function", "first"]
    best = find(watched.repository, "main", failing(3))[0]
    assert best.reasons[0] == f"last changed the failing line {FILE}:3"
    assert (best.file, best.line, best.author) == (FILE, 3, "Ada")


def test_commits_made_after_the_failure_began_are_out(watched: Worktree) -> None:
    watched.commit("later", {FILE: BROKEN.replace("phone.strip()", "phone.strip(' ')")}, at=day(9))
    assert "later" in subjects(watched, failing())
    assert "later" not in subjects(watched, failing(), onset=datetime(2026, 11, 5, tzinfo=UTC))


def test_what_came_with_the_first_failing_release_weighs_more(watched: Worktree) -> None:
    watched.git("tag", "r1")
    watched.commit("in the release", {"shop/api.py": "def get(x):\n    return x['a']\n"}, at=day(2))
    watched.git("tag", "r2")
    watched.commit("after it", {"shop/api.py": "def get(x):\n    return x['b']\n"}, at=day(3))
    given = trace(Frame("/srv/shop/api.py", 2, "get"))
    suspects = find(watched.repository, "main", given, releases=["r3-unknown", "r2"])
    assert [suspect.subject for suspect in suspects] == ["in the release"]
    assert suspects[0].reasons[-1] == "came with r2, the first release seen failing"


def test_a_setting_leads_to_the_commit_that_set_it(watched: Worktree) -> None:
    watched.commit("shrink the pool", {"settings.toml": "# the shop\n[database]\npool_size = 1  # per worker\n"}, at=day(2))
    assert subjects(watched, None, keys={"settings.toml": "database.pool_size"}) == ["shrink the pool"]


def test_who_rewrote_a_whole_file_of_settings_means_none_of_its_keys_in_particular(watched: Worktree) -> None:
    def listed(release: int) -> str:
        return json.dumps([{"name": f"library {number}.{release}"} for number in range(30)], indent=1)

    watched.commit("list the libraries", {"deps.json": listed(1)}, at=day(2))
    watched.commit("say hello otherwise", {FILE: BROKEN.replace("'Hello '", "'Hi '")}, at=day(3))
    watched.commit("bump the libraries", {"deps.json": listed(2)}, at=day(4))
    assert subjects(watched, failing())[:2] == ["first", "say hello otherwise"]


@pytest.mark.parametrize(
    "given",
    [
        None,
        trace(),
        failing(file="/usr/lib/python3/json/decoder.py"),
        trace(Frame(FILE, 2, "format_phone", in_app=False)),
        failing(file="../../../../etc/passwd"),
        failing(file="--output=/tmp/x"),
    ],
)
def test_a_failure_that_leads_nowhere_has_no_suspect(watched: Worktree, given: StackTrace | None) -> None:
    assert subjects(watched, given) == []


def test_a_line_that_no_longer_exists_still_finds_the_file(watched: Worktree) -> None:
    assert subjects(watched, failing(900)) == ["first"]


def test_a_function_without_a_line_is_found_by_its_name(watched: Worktree) -> None:
    watched.commit("greeting", {FILE: BROKEN.replace("'Hello '", "'Hi '")}, at=day(2))
    named = trace(Frame(FILE, 0, "Customers.greet"))
    best = find(watched.repository, "main", named)[0]
    assert (best.subject, best.reasons[0]) == ("greeting", f"changed the function Customers.greet in {FILE}")


def test_at_most_three_are_named_and_ties_go_to_the_newest() -> None:
    commits = {str(n): Commit(str(n), "Ada", day(n), f"c{n}") for n in range(1, 6)}
    touches = [Touch(id, 1.0, 0, "changed a.py", "a.py") for id in commits]
    assert [suspect.commit for suspect in rank(touches, commits)] == ["5", "4", "3"]
