"""What a case has cost, at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from kintsugi.commands.cases import cases
from kintsugi.commands.heal import heal
from kintsugi.workspace import ledger_of, open_deps
from mcp_servers.kit.errors import Refusal


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "kintsugi.toml").write_text('[project]\nname = "p"\n', "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KINTSUGI_HOME", str(tmp_path / "home"))
    ledger = ledger_of(open_deps())
    case, _ = ledger.open_case("p", {"title": "it breaks", "fingerprint": {"coarse": "abcd1234"}}, actor="kintsugi")
    return case.id


def spend(case: str, payer: str, key: str, **amounts: int) -> None:
    ledger_of(open_deps()).append(case, "spent", amounts, actor=payer, key=key)


@pytest.mark.promise("4.14")
def test_a_case_shows_tokens_and_money_by_phase(opened: str) -> None:
    spend(opened, "anthropic/diagnoser", "a", tokens=1200, tokens_cached=800, microdollars=4_100, cents=1, seconds=2)
    spend(opened, "anthropic/diagnoser", "b", tokens=300, tokens_cached=200, microdollars=900, seconds=1)
    spend(opened, "anthropic/fixer", "c", tokens=500, microdollars=5_000)
    shown = CliRunner().invoke(cases, ["show", opened]).output
    assert "cost: 2,000 tokens (1,000 from the cache), $0.0100, 3 s" in shown
    assert "anthropic/diagnoser      1,500 tokens (1,000 from the cache), $0.0050, 3 s" in shown
    assert "anthropic/fixer          500 tokens, $0.0050, 0 s" in shown
    told = json.loads(CliRunner().invoke(cases, [opened, "--json"]).output)
    assert told["spent"]["anthropic/fixer"] == {"tokens": 500, "microdollars": 5_000}
    assert told["case"]["spent"]["tokens"] == 2_000


def test_a_case_that_no_model_saw_says_so_and_tokens_without_prices_are_no_money(opened: str) -> None:
    assert "no tokens, no model was asked" in CliRunner().invoke(cases, [opened]).output
    spend(opened, "anthropic/diagnoser", "a", tokens=12)
    assert "cost: 12 tokens, no prices in kintsugi.toml, 0 s" in CliRunner().invoke(cases, [opened]).output


def test_a_case_that_nobody_could_explain_says_what_a_person_can_do(opened: str) -> None:
    ledger_of(open_deps()).append(opened, "inconclusive", {"reason": "no recipe fits"}, actor="kintsugi")
    assert f"kintsugi fix propose PATCH --case {opened}" in " ".join(CliRunner().invoke(cases, [opened]).output.split())


def test_a_reasoner_that_does_not_exist_is_refused_before_anything_is_done(opened: str) -> None:
    ended = CliRunner().invoke(heal, ["--reasoner", "antropic"])
    assert isinstance(ended.exception, Refusal)
    assert "did you mean 'anthropic'" in str(ended.exception)


@pytest.mark.parametrize("words", [["show"], ["show", "case_1", "case_2"], ["case_1", "case_2"]])
def test_words_that_name_no_one_case_are_answered_with_how_to_say_it(opened: str, words: list[str]) -> None:
    ended = CliRunner().invoke(cases, words)
    assert ended.exit_code == 2
    assert "kintsugi cases show CASE" in ended.output


def test_all_cases_are_listed_with_or_without_the_word(opened: str) -> None:
    listed = [CliRunner().invoke(cases, words).output for words in ([], ["list"])]
    assert listed[0] == listed[1]
    assert opened in listed[0]
