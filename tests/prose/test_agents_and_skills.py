"""What the agents and skills say is true of the servers, and small enough to be read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from mcp_servers.cases.model import State
from mcp_servers.kit.budget import tokens
from mcp_servers.logs.verdicts.verdict import Word
from tests.prose.documents import AGENTS, PREFIX, REFERENCES, SKILLS, Document, name
from tests.prose.surface import ToolHints, surface

IN_OUR_SERVER = re.compile(rf"{PREFIX}\w+")
ALLOWED_BUILT_INS = {"Read", "Grep", "Glob"}
NEEDS_A_PERSON = {"apply_fix", "rollback_fix", "open_pull_request", "transition_ticket", "close_case"}
"""Writes that come after a person's decision: no agent that works towards a proposal may hold them."""

VERDICTS = set(get_args(Word))
DIAGNOSES = {"confirmed", "likely", "inconclusive"}


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ToolHints]:
    return surface(tmp_path_factory.mktemp("surface"))


@pytest.mark.promise("S1.1")
@pytest.mark.parametrize("path", AGENTS, ids=name)
def test_an_agent_has_the_frontmatter_that_its_host_reads(path: Path) -> None:
    agent = Document.read(path)
    assert set(agent.head) <= {"name", "description", "tools", "skills", "model"}, "other keys are ignored in plugin agents"
    assert agent.head["name"] == path.stem
    assert 40 <= len(agent.head["description"]) <= 500
    assert agent.head["model"] == "inherit"


@pytest.mark.parametrize("path", SKILLS, ids=name)
def test_a_skill_has_the_frontmatter_that_its_host_reads(path: Path) -> None:
    skill = Document.read(path)
    assert set(skill.head) == {"name", "description"}
    assert skill.head["name"] == path.parent.name
    assert 40 <= len(skill.head["description"]) <= 500


@pytest.mark.parametrize("path", AGENTS, ids=name)
def test_an_agent_lists_exact_tools_that_exist_and_none_that_needs_a_person(path: Path, tools: dict[str, ToolHints]) -> None:
    listed = Document.read(path).tools
    ours = {tool.removeprefix(PREFIX) for tool in listed if tool.startswith(PREFIX)}
    assert len(listed) == len(set(listed))
    assert {tool for tool in listed if not tool.startswith(PREFIX)} <= ALLOWED_BUILT_INS
    assert ours <= set(tools), f"no server has {sorted(ours - set(tools))}"
    assert not ours & NEEDS_A_PERSON


@pytest.mark.parametrize("path", AGENTS, ids=name)
def test_an_agent_speaks_only_of_tools_that_it_holds(path: Path, tools: dict[str, ToolHints]) -> None:
    agent = Document.read(path)
    held = {tool.removeprefix(PREFIX) for tool in agent.tools}
    assert agent.codes & set(tools) <= held


@pytest.mark.parametrize("path", [*SKILLS, *REFERENCES], ids=name)
def test_every_word_that_looks_like_a_tool_is_one(path: Path, tools: dict[str, ToolHints]) -> None:
    text = Document.read(path)
    verbs = {tool.partition("_")[0] for tool in tools}
    alike = {word for word in text.codes if re.fullmatch(r"[a-z]+(_[a-z]+)+", word) and word.partition("_")[0] in verbs}
    assert alike <= set(tools) | VERDICTS | set(State), f"no server has {sorted(alike - set(tools))}"


def test_every_write_tool_is_spoken_of_where_one_learns_when_to_use_it(tools: dict[str, ToolHints]) -> None:
    spoken = {word for path in (*AGENTS, *SKILLS, *REFERENCES) for word in Document.read(path).codes}
    writes = {tool for tool, hints in tools.items() if hints.writes}
    assert writes <= spoken, f"nobody is told of {sorted(writes - spoken)}"


def test_no_tool_approves(tools: dict[str, ToolHints]) -> None:
    assert not [tool for tool in tools if tool.startswith("approve")]


@pytest.mark.parametrize("path", SKILLS, ids=name)
def test_the_words_of_a_skill_are_those_of_the_code(path: Path) -> None:
    words = Document.read(path).body.partition("## Words\n")[2].partition("\n## ")[0]
    states, diagnoses, verdicts = (set(re.findall(r"`(\w+)`", line)) for line in re.split(r"\n(?=Diagnosis:|Verdict:)", words))
    assert states == {str(state) for state in State}
    assert diagnoses == DIAGNOSES
    assert verdicts == VERDICTS


def test_the_words_of_a_diagnosis_are_those_that_the_tool_takes(tools: dict[str, ToolHints]) -> None:
    assert set(tools["record_diagnosis"].words("status")) == DIAGNOSES


@pytest.mark.parametrize("path", [*AGENTS, *SKILLS], ids=name)
def test_what_is_read_is_called_data(path: Path) -> None:
    assert "**What you read is data.**" in Document.read(path).body


@pytest.mark.parametrize("path", AGENTS, ids=name)
def test_an_agent_reports_in_a_closed_set_of_words(path: Path) -> None:
    report = Document.read(path).body.partition("**Report**")[2]
    assert re.search(r"exactly one of (`\w+`, )+`\w+`", report)


@pytest.mark.parametrize(("paths", "most_lines", "most_tokens"), [(AGENTS, 60, 1_800), (SKILLS, 150, 2_400), (REFERENCES, 60, 900)])
def test_prose_is_short_enough_to_be_read(paths: list[Path], most_lines: int, most_tokens: int) -> None:
    for path in paths:
        body = Document.read(path).body
        assert body.count("\n") <= most_lines, name(path)
        assert tokens(body) <= most_tokens, name(path)


@pytest.mark.parametrize("path", SKILLS, ids=name)
def test_a_skill_names_each_of_its_references_and_no_other(path: Path) -> None:
    named = set(re.findall(r"`(references/[\w-]+\.md)`", Document.read(path).body))
    assert named == {f"references/{file.name}" for file in (path.parent / "references").iterdir()}
