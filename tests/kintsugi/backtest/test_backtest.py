from __future__ import annotations

import io
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from kintsugi.backtest import mining
from kintsugi.backtest.failing import Bench
from kintsugi.backtest.labels import culprits
from kintsugi.backtest.model import Answer, Incident, Report, Share
from kintsugi.backtest.report import show
from kintsugi.backtest.running import Question, run
from kintsugi.backtest.scene import Scene
from kintsugi.commands.asking import project_of
from kintsugi.commands.backtest import backtest
from mcp_servers.fixes.jail import JAILS
from mcp_servers.kit import project
from tests.kintsugi.backtest.pasts import BEGIN, Past, shop

MENDING = ["stock mended", "prices mended", "limit back", "totals mended", "silent"]
TRACEBACK = """2026-03-02 11:{minute}:00,000 ERROR shop: basket failed
Traceback (most recent call last):
  File "/srv/app/shop/web.py", line 10, in basket
    return average(items)
  File "/srv/app/shop/totals.py", line 3, in average
    return total / len(items)
ZeroDivisionError: division by zero
"""


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    return shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def report(past: Past, tmp_path_factory: pytest.TempPathFactory) -> Report:
    log = tmp_path_factory.mktemp("logs") / "app.log"
    log.write_text("".join(TRACEBACK.format(minute=minute) for minute in range(20, 30)), "utf-8")
    question = Question(past.repository, BEGIN, past.at, logs=project_of([str(log)], log.parent))
    return run(question, lambda _: None)[0]


def _mined(past: Past, most: int = 0) -> list[Incident]:
    return mining.mine(past.repository, mining.claims(mining.history(past.repository, "main", BEGIN)), most)


def _share(report: Report, name: str) -> tuple[int, int]:
    return next((share.hits, share.of) for share in report.shares if share.name == name)


def _answer(report: Report, past: Past, name: str, stage: str) -> bool | None:
    return next(one.answers[stage].hit for one in report.told if one.incident.commit.id == past.ids[name])


def test_fixes_and_reverts_are_mined_by_words_and_by_content(past: Past) -> None:
    found = _mined(past)
    assert [one.commit.id for one in found] == [past.ids[name] for name in MENDING]
    assert [one.reverted for one in found if one.kind == "revert"] == [past.ids["limit"], past.ids["smaller"]]
    assert [one.references for one in found][:2] == [("#12",), ("#31",)]
    assert _mined(past, 2) == found[-2:], "of many the latest are wanted, and no older one is read"


def test_who_brought_a_mistake_is_known_through_a_change_of_form(past: Past) -> None:
    scenes = {one.commit.id: Scene(past.repository, one) for one in _mined(past)}
    assert list(culprits(scenes[past.ids["totals mended"]])) == [past.ids["totals"]]
    assert list(culprits(scenes[past.ids["stock mended"]])) == [past.ids["stock"]]


@pytest.mark.promise("10")
def test_the_past_says_what_would_have_been_blamed_and_prevented(report: Report, past: Past) -> None:
    assert _share(report, "blamed (fixes), hit@1") == (3, 3)
    assert _share(report, "blamed (reverts), hit@1")[1] == 2
    assert _answer(report, past, "prices mended", "prevented") is True
    assert _answer(report, past, "stock mended", "prevented") is None, "nobody could have learned from a fix that was not made yet"
    hits, of = _share(report, "prevented, precision")
    assert 1 <= hits <= of


def test_a_case_of_the_logs_is_the_incident_that_was_mended_later(report: Report, past: Past) -> None:
    told = next(one for one in report.told if one.incident.commit.id == past.ids["totals mended"])
    assert told.answers["detected"].hit
    assert told.answers["detected"].said["minutes_early"] > 60
    assert told.answers["placed"].hit
    assert _share(report, "detected, precision") == (1, 1)


def test_a_part_that_was_not_asked_has_no_share(past: Past) -> None:
    found, _ = run(Question(past.repository, BEGIN, past.at, most=1), lambda _: None)
    assert {share.name for share in found.shares if share.value is None} >= {"detected, recall", "placed, hit@1", "proposed, recall"}
    assert len(found.told) == 1
    assert "the latest 1" in found.notes[0]


def test_a_person_reads_what_was_asked_and_why_the_rest_was_not(report: Report) -> None:
    silent = replace(report, told=tuple(replace(one, answers={**one.answers, "placed": Answer(None, "no failure")}) for one in report.told))
    page = io.StringIO()
    show(Console(file=page, width=150), silent)
    incidents, _, left_out = page.getvalue().partition("not asked")
    assert "placed" not in incidents.partition("what")[0]
    assert "not enough data" not in incidents
    assert ["placed", "5/5", "no", "failure"] in [line.split() for line in left_out.splitlines()]


def test_the_tests_of_a_fix_show_how_it_failed(past: Past) -> None:
    incident = next(one for one in _mined(past) if one.commit.id == past.ids["totals mended"])
    bench = Bench.open(JAILS["bare"].open(), project.Tests(), past.folder)
    failure, why = bench.failure(Scene(past.repository, incident))
    assert failure, why
    assert failure.trace.root.type == "ZeroDivisionError"


@pytest.mark.promise("10")
def test_the_command_writes_nothing_but_bundles_that_replay(past: Past, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINTSUGI_HOME", str(tmp_path / "home"))
    before = _state(past)
    asked = [
        "--repo",
        str(past.folder),
        "--ref",
        "main",
        "--since",
        BEGIN.isoformat(),
        "--limit",
        "2",
        "--bundles",
        str(tmp_path / "bundles"),
    ]
    done = CliRunner().invoke(backtest, [*asked, "--json"], catch_exceptions=False)
    told = json.loads(done.stdout)
    assert (told["claims"], told["judged"]) == (6, 2)
    assert _state(past) == before
    assert not (tmp_path / "home").exists()
    again = CliRunner().invoke(backtest, ["--replay", str(tmp_path / "bundles")], catch_exceptions=False, standalone_mode=False)
    assert (again.return_value, again.stdout.split(",")[0]) == (0, "2 bundles")
    after = next((tmp_path / "bundles").glob("*/after/shop/totals.py"))
    after.write_text(after.parents[2].joinpath("before/shop/totals.py").read_text("utf-8"), "utf-8")
    changed = CliRunner().invoke(backtest, ["--replay", str(tmp_path / "bundles")], standalone_mode=False)
    assert changed.return_value == 1


def test_a_bundle_keeps_no_secret(tmp_path: Path) -> None:
    past = Past(tmp_path / "repository")
    past.commit("begin", "Begin", {"app.py": "x = 1\n"})
    past.commit("wrong", "feat: keys", {"app.py": "API_KEY = 'sk-abcdefghijklmnopqrstuvwx'\nx = 1\n"})
    past.commit("mended", "fix: x", {"app.py": "API_KEY = 'sk-abcdefghijklmnopqrstuvwx'\nx = 2\n"})
    asked = ["--repo", str(past.folder), "--ref", "main", "--since", BEGIN.isoformat(), "--bundles", str(tmp_path / "bundles")]
    CliRunner().invoke(backtest, [*asked, "--json"], catch_exceptions=False)
    texts = [file.read_text("utf-8") for file in (tmp_path / "bundles").rglob("*") if file.is_file()]
    assert len(texts) == 3
    assert not any("sk-abc" in text for text in texts)


@pytest.mark.parametrize(("hits", "of", "low", "high"), [(0, 10, 0.0, 0.278), (10, 10, 0.722, 1.0), (5, 10, 0.237, 0.763)])
def test_intervals_are_those_of_the_books(hits: int, of: int, low: float, high: float) -> None:
    assert Share("", hits, of, "").interval == pytest.approx((low, high), abs=0.001)


def _state(past: Past) -> tuple[str, list[str]]:
    refs = subprocess.run(["git", "-C", str(past.folder), "for-each-ref"], capture_output=True, text=True, check=True).stdout
    return refs, sorted(str(file) for file in past.folder.rglob("*"))


def test_a_message_with_any_bytes_is_one_message(tmp_path: Path) -> None:
    past = Past(tmp_path / "repository")
    past.commit("begin", "Begin", {"app.py": "x = 1\n"})
    past.commit("mended", "fix: x \x02\x01\x03 \udcff\n\nodd", {"app.py": "x = 2\n"})
    found = _mined(past)
    assert [one.commit.id for one in found] == [past.ids["mended"]]
    assert found[0].paths == ("app.py",)
