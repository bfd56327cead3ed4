"""The pages that people read: links that lead somewhere, commands that exist, nothing that only one machine has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kintsugi.cli import COMMANDS
from kintsugi.commands.doctor import VARIABLES
from tests.components import ROOT
from tests.prose.documents import AGENTS, PAGES, REFERENCES, SKILLS, Document, name

EVERYTHING = [*PAGES, *AGENTS, *SKILLS, *REFERENCES]


@pytest.mark.parametrize("path", EVERYTHING, ids=name)
def test_every_link_leads_to_a_file_that_is_there(path: Path) -> None:
    for link in Document.read(path).links:
        if not re.match(r"https?://|#", link):
            assert (path.parent / link.partition("#")[0]).exists(), f"{name(path)} links to {link}"


@pytest.mark.parametrize("path", EVERYTHING, ids=name)
def test_every_command_that_is_written_exists(path: Path) -> None:
    text = Document.read(path).body
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    assert set(re.findall(r"`kintsugi ([a-z]+)", text)) <= set(COMMANDS)
    assert set(re.findall(r"`make ([a-z]+)", text)) <= targets


@pytest.mark.parametrize("path", EVERYTHING, ids=name)
def test_no_page_knows_the_machine_it_was_written_on(path: Path) -> None:
    assert not re.search(r"/work/|/root/|/home/\w|/tmp/|\.\./shared", path.read_text("utf-8"))


def test_the_readme_opens_with_a_sentence_a_picture_and_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    first = re.search(r"^```\w*\n(.*?)^```", text, re.M | re.S)
    assert first
    assert [line.split("#")[0].strip() for line in first[1].strip().splitlines()][-2:] == ["make demo", "make test"]
    assert text.index("docs/loop.svg") < first.start()
    assert text.count("<!-- demo -->") == 2


def test_the_rules_for_contributors_are_one_file_under_two_names() -> None:
    assert (ROOT / "CLAUDE.md").is_symlink()
    assert (ROOT / "CLAUDE.md").resolve() == (ROOT / "AGENTS.md").resolve()


def test_every_variable_that_the_code_reads_is_documented_and_known_to_doctor() -> None:
    code = "".join(file.read_text("utf-8") for folder in ("kintsugi", "mcp_servers") for file in (ROOT / folder).rglob("*.py"))
    read = set(re.findall(r"environ(?:\.get\(|\[)\"([A-Z_]+)\"", code))
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs" / "configuration.md").read_text("utf-8"), re.M))
    assert {variable for variable in read if variable.startswith("KINTSUGI_")} <= documented
    assert set(VARIABLES) == documented
