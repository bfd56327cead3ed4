"""The command line before any command: names that are none, and folders that are gone."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from kintsugi.cli import cli, main
from mcp_servers.kit.errors import Misconfigured


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["stauts"], "did you mean `kintsugi status`?"),
        (["xyzzy"], "`kintsugi --help` lists"),
        (["guard", "acept"], "did you mean `kintsugi guard accept`?"),
    ],
)
def test_a_command_that_is_none_is_answered_with_those_near_to_it(typed: list[str], said: str) -> None:
    answer = CliRunner().invoke(cli, typed, prog_name="kintsugi")
    assert (answer.exit_code, said in answer.output) == (2, True)


@pytest.mark.parametrize("words", [[], ["fix"], ["guard"], ["logs"], ["patterns"]])
def test_no_help_ends_in_the_middle_of_a_sentence(words: list[str]) -> None:
    answer = CliRunner().invoke(cli, [*words, "--help"])
    listed = answer.output.partition("Commands:\n")[2]
    assert (answer.exit_code, "..." in listed, listed.count("\n") > 2) == (0, False, True)


def test_words_that_are_no_command_complete_to_nothing_and_break_nothing() -> None:
    environ = {"_KINTSUGI_COMPLETE": "bash_complete", "COMP_WORDS": "kintsugi stauts ", "COMP_CWORD": "2"}
    assert CliRunner().invoke(cli, [], env=environ, prog_name="kintsugi").exit_code == 0


@pytest.mark.parametrize("words", [["cases"], ["status"], ["fix", "list"]])
def test_a_project_that_is_not_there_is_named(words: list[str], tmp_path: Path) -> None:
    answer = CliRunner(env={"KINTSUGI_PROJECT": str(tmp_path / "gone"), "KINTSUGI_HOME": str(tmp_path)}).invoke(cli, words)
    assert isinstance(answer.exception, Misconfigured)
    assert f"KINTSUGI_PROJECT names {tmp_path / 'gone'}" in str(answer.exception)


@pytest.mark.parametrize("words", [["digest"], ["fingerprint"], ["templates"]])
def test_logs_without_a_source_or_a_project_say_what_to_name(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "name a file, or run `kintsugi init`" in str(CliRunner().invoke(cli, ["logs", *words]).exception)


def test_a_folder_that_is_gone_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setattr("sys.argv", ["kintsugi", "logs", "digest"])
    with pytest.raises(SystemExit) as left:
        main()
    assert (left.value.code, "The current folder is gone" in capsys.readouterr().err) == (3, True)
