"""`kintsugi logs fingerprint` and `kintsugi logs group` as a person types them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kintsugi.cli import cli
from mcp_servers.kit.errors import Misconfigured, Refusal

BROKEN = 'Traceback (most recent call last):\n  File "/app/shop/cart.py", line {}, in {}\n    x\nKeyError: 4711\n'
LOG = f"starting\n{BROKEN.format(3, 'total')}2026-11-20 10:15:00 INFO fine\n{BROKEN.format(9, 'discount')}"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KINTSUGI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "app.log").write_text(LOG, "utf-8")
    (folder / "kintsugi.toml").write_text('# ours\n[project]\nname = "shop"\n\n[sources.app]\npaths = ["app.log"] # all of it\n', "utf-8")
    monkeypatch.chdir(folder)
    return folder


def run(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(cli, ["logs", *arguments], input=stdin)


def answered(*arguments: str, stdin: str = "") -> dict[str, Any]:
    done = run("fingerprint", *arguments, "--json", stdin=stdin)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def coarse(*arguments: str) -> list[str]:
    return [one["coarse"] for one in answered(*arguments)["traces"]]


def test_every_trace_is_told_with_its_lines_and_its_identity(shop: Path) -> None:
    answer = answered("app.log")

    first, second = answer["traces"]
    assert answer["lines"] == 10
    assert (first["first_line"], first["last_line"], first["language"]) == (2, 5, "python")
    assert (second["first_line"], second["last_line"]) == (7, 10)
    assert first["exceptions"] == [{"type": "KeyError", "message": "4711"}]
    assert first["in_app"] == [{"module": "cart", "function": "total", "file": "/app/shop/cart.py", "line": 3}]
    assert first["coarse"] != second["coarse"]


def test_archives_folders_and_standard_input_are_read_alike(shop: Path) -> None:
    (shop / "old").mkdir()
    (shop / "old" / "app.log.gz").write_bytes(gzip.compress(LOG.encode()))
    expected = answered("app.log")

    assert answered("old") == expected
    assert answered("old/app.log.gz") == expected
    assert answered("-", stdin=LOG) == expected
    assert answered() == expected


def test_a_person_reads_a_table(shop: Path) -> None:
    done = run("fingerprint", "app.log")

    assert "KeyError in total: 4711" in done.stdout
    assert "10 lines, 2 stack traces, 2 different errors" in done.stdout


def test_a_source_that_is_not_there_is_said_in_a_sentence(shop: Path) -> None:
    with pytest.raises(Refusal, match=r"There is no file or folder 'none\.log'"):
        raise run("fingerprint", "none.log").exception or AssertionError("no error")


def test_a_merge_is_remembered_explained_and_taken_back(shop: Path) -> None:
    before = (shop / "kintsugi.toml").read_text("utf-8")
    one, other = coarse()

    assert run("group", "merge", one, other, "--why", "one bug in two places").exit_code == 0
    answer = answered()
    assert [found["coarse"] for found in answer["traces"]] == [one, one]
    assert answer["notes"] == [f"{other} counts as {one}, as kintsugi.toml says: one bug in two places"]
    assert "one bug in two places" in run("group", "list").stdout
    assert (shop / "kintsugi.toml").read_text("utf-8").startswith(before.rstrip())

    assert run("group", "undo", other).exit_code == 0
    assert coarse() == [one, other]
    assert (shop / "kintsugi.toml").read_text("utf-8").rstrip() == before.rstrip()


def test_a_split_tells_the_ways_to_one_place_apart(shop: Path) -> None:
    way = '  File "/app/shop/{}.py", line 1, in run\n    x\n'
    head, rest = BROKEN.format(3, "total").split("\n", 1)
    (shop / "app.log").write_text("".join(f"{head}\n{way.format(name)}{rest}" for name in ("web", "job")), "utf-8")
    (both,) = set(coarse())

    assert run("group", "split", both, "--why", "jobs fail for another reason").exit_code == 0

    assert len(set(coarse())) == 2
    assert coarse() == [one["fine"] for one in answered()["traces"]]


def test_a_decision_holds_for_every_answer_and_is_said(shop: Path) -> None:
    one, other = coarse()
    run("group", "merge", one, other, "--why", "same cause")

    found = anomalies()

    assert {each["fingerprint"]["coarse"] for each in found["anomalies"]} == {one}
    assert any("same cause" in note for note in found["notes"])


def anomalies() -> dict[str, Any]:
    from kintsugi.commands.asking import call

    return call("find_anomalies", (), since="", baseline="0m")


@pytest.mark.parametrize(
    "arguments", [("merge", "0123456789abcdef", "fedcba9876543210", "--why", "w"), ("split", "beef", "--why", "w"), ("undo", "beef")]
)
def test_an_id_that_nothing_has_is_refused(shop: Path, arguments: tuple[str, ...]) -> None:
    assert isinstance(run("group", *arguments).exception, Refusal)
    assert "grouping" not in (shop / "kintsugi.toml").read_text("utf-8")


def test_a_circle_is_refused(shop: Path) -> None:
    one, other = coarse()
    run("group", "merge", one, other, "--why", "w")

    assert isinstance(run("group", "merge", other, one, "--why", "w").exception, Misconfigured | Refusal)
    assert coarse() == [one, one]


def test_the_project_says_what_is_ours_both_ways(shop: Path) -> None:
    text = 'Traceback (most recent call last):\n  File "/v/site-packages/own/a.py", line 1, in mine\n    x\n  File "/app/third/b.py", line 1, in theirs\n    x\nKeyError: 1\n'
    (shop / "app.log").write_text(text, "utf-8")
    assert [frame["function"] for frame in answered()["traces"][0]["in_app"]] == ["theirs"]

    with (shop / "kintsugi.toml").open("a", encoding="utf-8") as file:
        file.write('\n[grouping]\napp_roots = ["site-packages/own", "app"]\nlibrary_roots = ["app/third"]\n')

    assert [frame["function"] for frame in answered()["traces"][0]["in_app"]] == ["mine"]
