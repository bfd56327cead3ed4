"""`kintsugi logs` as a person types it."""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from kintsugi.cli import main

Kintsugi = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def kintsugi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kintsugi:
    """The program in this process: its door, its streams, its exit code."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["kintsugi", "logs", *arguments])
        environment = {"KINTSUGI_HOME": str(tmp_path / "home"), "COLUMNS": "200", "NO_COLOR": "1"}
        with CliRunner().isolation(input=stdin, env=environment) as streams, pytest.raises(SystemExit) as ended:
            main()
        stdout, stderr = (stream.getvalue().decode() for stream in streams[:2])
        return subprocess.CompletedProcess(list(arguments), int(ended.value.code or 0), stdout, stderr)

    return run


def test_a_digest_of_standard_input_is_a_page(kintsugi: Kintsugi) -> None:
    done = kintsugi(
        "digest",
        "-",
        stdin="".join(f"2026-11-20 10:15:00 INFO order {n} stored\n" for n in range(1_000)) + "2026-11-20 10:16:00 ERROR boom\n",
    )

    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[1][0] == "1"
    assert rows[1][-1] == "boom"
    assert rows[2][0] == "1000"
    assert rows[2][-3:] == ["order", "<*>", "stored"]
    assert "1001 lines = 1001 shown + 0 folded" in done.stdout
    assert done.stderr == ""


def test_files_folders_and_archives_are_read_together_as_json(kintsugi: Kintsugi, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "a.log").write_text("one\n", "utf-8")
    (tmp_path / "a.log.gz").write_bytes(gzip.compress(b"two\n"))
    (tmp_path / "b.log").write_text("three\n", "utf-8")

    answer = json.loads(kintsugi("query", "old", "a.log.gz", "*.log", "--json").stdout)

    assert sorted(record["body"] for record in answer["records"]) == ["one", "three", "two"]


def test_a_template_leads_to_its_records(kintsugi: Kintsugi, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("ERROR job 1 failed\nERROR job 2 failed\nINFO fine\n", "utf-8")
    listed = json.loads(kintsugi("digest", "a.log", "--severity", "error", "--json").stdout)

    shown = kintsugi("query", "a.log", "--severity", "error", "--template", listed["templates"][0]["template"])

    assert [line.split(" ", 3)[3] for line in shown.stdout.splitlines()] == ["ERROR job 1 failed", "ERROR job 2 failed"]


def test_all_templates_are_one_json_object_whose_counts_add_up(kintsugi: Kintsugi, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(
        "2026-11-20 10:15:00 INFO order 1 stored\n\n2026-11-20 10:15:02 ERROR token=abcd1234efgh refused\n  at a.b\n2026-11-20 10:15:01 INFO order 2 stored\n",
        "utf-8",
    )

    answer = json.loads(kintsugi("templates", "a.log", "--json").stdout)

    assert answer["lines"] == 5 == sum(template["count"] for template in answer["templates"])
    by_text = {template["template"]: template for template in answer["templates"]}
    assert by_text["order <*> stored"]["count"] == 2
    assert (by_text["order <*> stored"]["first"], by_text["order <*> stored"]["last"]) == (
        "2026-11-20T10:15:00+00:00",
        "2026-11-20T10:15:01+00:00",
    )
    assert by_text["(blank line)"] == {**by_text["(blank line)"], "count": 1, "first": None, "last": None}
    assert "abcd1234efgh" not in json.dumps(answer)


def test_every_line_is_assigned_to_its_template(kintsugi: Kintsugi, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("order 1 stored\nleft, then came back\n\norder 9 stored\n", "utf-8")

    answer = json.loads(
        kintsugi("templates", "-", "--content", "--json", "--assign", "out.csv", stdin=(tmp_path / "a.log").read_text()).stdout
    )

    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["line"] for row in rows] == ["1", "2", "3", "4"]
    assert [row["template"] for row in rows] == ["order <*> stored", "left, then came back", "(blank line)", "order <*> stored"]
    assert {(row["template_id"], row["template"]) for row in rows} == {(one["id"], one["template"]) for one in answer["templates"]}


def test_lines_of_several_files_are_assigned_by_file(kintsugi: Kintsugi, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("INFO one\n", "utf-8")
    (tmp_path / "b.log").write_text("INFO two\nINFO three\n", "utf-8")

    assert kintsugi("templates", "a.log", "b.log", "--assign", "out.csv").returncode == 0

    rows = (tmp_path / "out.csv").read_text("utf-8").splitlines()
    assert rows[0] == "source,line,template_id,template"
    assert [row.split(",")[:2] for row in rows[1:]] == [["a.log", "1"], ["b.log", "1"], ["b.log", "2"]]


def test_a_missing_file_is_one_sentence_and_an_exit_code(kintsugi: Kintsugi) -> None:
    done = kintsugi("digest", "nope.log")

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("kintsugi: There is no file or folder 'nope.log'")
    assert "name one that is there" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("content", [b"", bytes(range(256)) * 8])
@pytest.mark.parametrize("command", ["digest", "query", "trends"])
def test_a_log_without_a_line_of_text_is_named_and_no_tool_is(kintsugi: Kintsugi, tmp_path: Path, command: str, content: bytes) -> None:
    (tmp_path / "odd.log").write_bytes(content)
    done = kintsugi(command, "odd.log")
    assert (done.returncode, "No line of text is in odd.log" in done.stdout + done.stderr) == (0, True)
    assert "list_log_sources" not in done.stdout + done.stderr


def test_a_template_that_is_none_is_answered_with_the_command_that_lists_them(kintsugi: Kintsugi, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("ERROR job 1 failed\n", "utf-8")
    done = kintsugi("query", "a.log", "--template", "0badc0de")
    assert (done.returncode, "`kintsugi logs digest`" in done.stderr, "digest_logs" in done.stderr) == (2, True, False)


def test_without_sources_outside_a_project_it_says_what_to_do(kintsugi: Kintsugi) -> None:
    done = kintsugi("digest")

    assert done.returncode == 3
    assert "kintsugi init" in done.stderr


def test_production_text_does_not_steer_the_terminal(kintsugi: Kintsugi) -> None:
    done = kintsugi("query", "-", stdin="\x1b[2Jcleared [bold]not markup[/] \u202eevil\n")

    assert "\x1b" not in done.stdout
    assert "[bold]not markup[/]" in done.stdout
    assert "\\u202e" in done.stdout


def test_in_a_watched_project_ids_of_templates_last(kintsugi: Kintsugi, tmp_path: Path) -> None:
    (tmp_path / "kintsugi.toml").write_text('[project]\nname = "shop"\n[sources.app]\ntype = "files"\npaths = ["app.log"]\n', "utf-8")
    log = tmp_path / "app.log"
    log.write_text("copied from alpha now\n", "utf-8")
    (alpha,) = json.loads(kintsugi("templates", "--json").stdout)["templates"]
    log.write_text("".join(f"copied from {place} now\n" for place in ("alpha", "beta", "gamma", "delta")), "utf-8")

    (merged,) = json.loads(kintsugi("templates", "--json").stdout)["templates"]
    (named,) = json.loads(kintsugi("templates", "app.log", "--json").stdout)["templates"]
    (digested,) = json.loads(kintsugi("digest", "--json").stdout)["templates"]

    assert merged["template"] == named["template"] == "copied from <*> now"
    assert merged["id"] == digested["template"] == alpha["id"] != named["id"]
