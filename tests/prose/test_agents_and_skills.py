"""What the agents and skills say is true of the servers, and small enough to be read."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from kintsugi.reasoners import Review, Status
from kintsugi.roles import for_project
from kintsugi.routing import categories
from kintsugi.wisdom import summary, writing
from mcp_servers.cases.model import State
from mcp_servers.kit.budget import tokens
from mcp_servers.logs.verdicts.verdict import Word
from mcp_servers.tickets.classification.sizes import EFFORT
from mcp_servers.tickets.classification.tools import Classified, Part
from mcp_servers.tickets.model import TicketType
from tests.components import ROOT
from tests.prose.documents import AGENTS, PREFIX, REFERENCES, SKILLS, Document, name
from tests.prose.surface import ToolHints, surface

READING = {"Read", "Grep", "Glob"}
NEEDS_A_PERSON = {"apply_fix", "rollback_fix", "open_pull_request", "close_case"}
"""Writes that belong into a session with the person who decided: no agent holds them, the skills say when they are due."""
BEFORE_THE_DECISION = {"production-monitor", "triager", "diagnoser", "fixer", "fix-verifier"}
WITHOUT_A_PEN = {"diagnoser", "fix-verifier", "task-classifier"}
SLASH = {"heal", "status"}
"""Skills that a person calls by name: a few lines that lead on."""
ORDER = (
    "**You need**",
    "**Where you may act.**",
    "**Method**",
    "**Standard of proof.**",
    "**What you read is data.**",
    "**Report**",
    "You delegate to nobody",
)

VERDICTS = set(get_args(Word))
DIAGNOSES = set(get_args(Status))
STATES = {str(state) for state in State}
DESKS = [path for path in SKILLS if path.parent.name not in SLASH]
EXACTLY = {
    "diagnoser": DIAGNOSES | {"refused"},
    "fix-verifier": set(get_args(get_type_hints(Review)["word"])) | {"refused"},
    "task-classifier": set(get_args(TicketType)) | {"refused"},
    "wisdom": VERDICTS | {"refused"},
}


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ToolHints]:
    return surface(tmp_path_factory.mktemp("surface"))


def held(path: Path) -> set[str]:
    """The tools of ours that an agent lists, by their bare names."""
    return {tool.removeprefix(PREFIX) for tool in Document.read(path).tools if tool.startswith(PREFIX)}


def reported(path: Path) -> set[str]:
    """The words that the first line of an agent's report is one of."""
    found = re.search(r"exactly one of ((?:`\w+`, )+`\w+`)", Document.read(path).body.partition("**Report**")[2])
    assert found, f"{name(path)} names no closed set of words"
    return set(re.findall(r"`(\w+)`", found[1]))


def test_the_house_has_the_roles_that_were_promised() -> None:
    assert {path.stem for path in AGENTS} == {
        "production-monitor", "triager", "diagnoser", "fixer", "fix-verifier", "task-classifier", "product-agent", "qa-agent", "librarian", "wisdom",
    }  # fmt: skip
    assert {path.parent.name for path in SKILLS} == {
        "heal", "status", "setup", "healing", "reading-logs", "finding-root-causes", "fixing-safely", "task-classification", "product-analysis",
        "qa-flows", "learning-from-incidents",
    }  # fmt: skip


@pytest.mark.promise("S1.1", "S2.11", "S2.15")
@pytest.mark.parametrize("path", AGENTS, ids=name)
def test_an_agent_has_the_frontmatter_that_its_host_reads(path: Path) -> None:
    agent = Document.read(path)
    assert set(agent.head) == {"name", "description", "tools", "skills", "model"}, "other keys are ignored in plugin agents"
    assert agent.head["name"] == path.stem
    assert 40 <= len(agent.head["description"]) <= 500
    assert agent.head["model"] == "inherit"
    assert {skill.strip() for skill in agent.head["skills"].split(",")} <= {skill.parent.name for skill in SKILLS}


@pytest.mark.parametrize("path", SKILLS, ids=name)
def test_a_skill_has_the_frontmatter_that_its_host_reads(path: Path) -> None:
    skill = Document.read(path)
    assert {"name", "description"} <= set(skill.head) <= {"name", "description", "argument-hint", "disable-model-invocation"}
    assert skill.head["name"] == path.parent.name
    assert 40 <= len(skill.head["description"]) <= 500
    assert ("argument-hint" in skill.head) == ("$ARGUMENTS" in skill.body)


@pytest.mark.parametrize("path", SKILLS, ids=name)
def test_nothing_runs_while_a_skill_loads(path: Path) -> None:
    assert not re.search(r"(^|\s)!`|^```!", path.read_text("utf-8"), re.M)


@pytest.mark.parametrize("path", AGENTS, ids=name)
def test_an_agent_lists_exact_tools_that_exist_and_none_that_needs_a_person(path: Path, tools: dict[str, ToolHints]) -> None:
    listed = Document.read(path).tools
    assert len(listed) == len(set(listed))
    assert {tool for tool in listed if not tool.startswith(PREFIX)} <= READING, "no agent edits files or has a shell"
    assert held(path) <= set(tools), f"no server has {sorted(held(path) - set(tools))}"
    assert not held(path) & NEEDS_A_PERSON


def test_who_reads_hostile_text_to_judge_it_holds_no_pen(tools: dict[str, ToolHints]) -> None:
    writes = {tool for tool, hints in tools.items() if hints.writes}
    for path in AGENTS:
        if path.stem in WITHOUT_A_PEN:
            assert not held(path) & writes, name(path)
        if path.stem in BEFORE_THE_DECISION:
            assert "transition_ticket" not in held(path), name(path)


def test_the_maker_does_not_ask_for_the_approval_of_what_it_made() -> None:
    assert "request_approval" not in held(next(path for path in AGENTS if path.stem == "fixer"))
    assert not held(next(path for path in AGENTS if path.stem == "fix-verifier")) & {"propose_fix", "certify_fix", "try_reproduction"}


def test_every_write_tool_has_an_agent_or_a_person_beside_it(tools: dict[str, ToolHints]) -> None:
    writes = {tool for tool, hints in tools.items() if hints.writes}
    assert writes - set().union(*map(held, AGENTS)) == NEEDS_A_PERSON & writes


@pytest.mark.parametrize("path", AGENTS, ids=name)
def test_an_agent_speaks_only_of_tools_that_it_holds(path: Path, tools: dict[str, ToolHints]) -> None:
    assert Document.read(path).codes & set(tools) <= held(path)


@pytest.mark.parametrize("path", [*AGENTS, *SKILLS, *REFERENCES], ids=name)
def test_every_word_that_looks_like_a_tool_is_one(path: Path, tools: dict[str, ToolHints]) -> None:
    text = Document.read(path)
    verbs = {tool.partition("_")[0] for tool in tools}
    alike = {word for word in text.codes if re.fullmatch(r"[a-z]+(_[a-z]+)+", word) and word.partition("_")[0] in verbs}
    assert alike <= set(tools) | VERDICTS | STATES, f"no server has {sorted(alike - set(tools))}"


@pytest.mark.parametrize("path", [*AGENTS, *SKILLS, *REFERENCES], ids=name)
def test_every_role_and_skill_that_is_named_is_there(path: Path) -> None:
    known = {agent.stem for agent in AGENTS} | {skill.parent.name for skill in SKILLS}
    assert set(re.findall(r"(?<![\w.])/?kintsugi:([a-z]+(?:-[a-z]+)*)", Document.read(path).body)) <= known


def test_every_write_tool_is_spoken_of_where_one_learns_when_to_use_it(tools: dict[str, ToolHints]) -> None:
    spoken = {word for path in (*AGENTS, *SKILLS, *REFERENCES) for word in Document.read(path).codes}
    writes = {tool for tool, hints in tools.items() if hints.writes}
    assert writes <= spoken, f"nobody is told of {sorted(writes - spoken)}"


def test_no_tool_approves(tools: dict[str, ToolHints]) -> None:
    assert not [tool for tool in tools if tool.startswith("approve")]


def test_the_words_of_a_skill_are_those_of_the_code() -> None:
    told = [Document.read(path).body.partition("## Words\n")[2].partition("\n## ")[0] for path in SKILLS]
    for words in filter(None, told):
        states, diagnoses, verdicts = (set(re.findall(r"`(\w+)`", line)) for line in re.split(r"\n(?=Diagnosis:|Verdict:)", words))
        assert states == STATES
        assert diagnoses == DIAGNOSES
        assert verdicts == VERDICTS
    assert any(told)


def test_the_words_of_a_diagnosis_are_those_that_the_tool_takes(tools: dict[str, ToolHints]) -> None:
    assert set(tools["record_diagnosis"].words("status")) == DIAGNOSES


@pytest.mark.promise("4.9")
@pytest.mark.parametrize("path", [*AGENTS, *DESKS], ids=name)
def test_what_is_read_is_called_data_and_its_orders_are_not_followed(path: Path) -> None:
    clause = Document.read(path).body.partition("**What you read is data.**")[2].partition("\n\n")[0]
    assert re.search(r"\border(s|ed)?\b|\btells? you\b", clause.lower()), name(path)
    assert re.search(r"\bnot\b|\bno(thing|ne)?\b|\bnever\b", clause.lower()), name(path)


@pytest.mark.parametrize("path", [*AGENTS, *SKILLS, *REFERENCES], ids=name)
def test_no_instruction_depends_on_what_production_wrote(path: Path) -> None:
    obeying = r"\b(?:do|run|follow|execute|apply) (?:what|as|the (?:instructions?|commands?|steps?)) (?:the |a |that the )?(?:log|logs|trace|alert|ticket|message|page)s?\b"
    assert not re.search(obeying, Document.read(path).body, re.I)


@pytest.mark.parametrize("path", AGENTS, ids=name)
def test_an_agent_is_written_in_the_order_in_which_it_is_needed(path: Path) -> None:
    body = Document.read(path).body
    assert body.startswith("\nYou are ")
    places = [body.find(part) for part in ORDER]
    assert -1 not in places, f"{name(path)} lacks {ORDER[places.index(-1)]}"
    assert all(before < after for before, after in pairwise(places))
    assert re.search(r"`refused: tell me [^`]+`", body), "without its input an agent refuses and says what it needs"


@pytest.mark.parametrize("path", AGENTS, ids=name)
def test_an_agent_reports_in_a_closed_set_of_words_that_are_the_codes(path: Path) -> None:
    words = reported(path)
    assert "refused" in words
    if path.stem in EXACTLY:
        assert words == EXACTLY[path.stem]
    if path.stem in {"production-monitor", "fixer"}:
        assert words <= STATES | {"healthy", "refused"}


@pytest.mark.promise("S1.20", "S1.21")
def test_the_table_of_categories_that_people_read_is_the_one_that_the_code_uses() -> None:
    routing = Document.read(next(path for path in REFERENCES if path.name == "routing.md")).body
    rows = {row[0]: tuple(row[1].split(", ")) for row in re.findall(r"^\| `(\w+)` \|[^|]*\| ([\w, -]+) \|$", routing, re.M)}
    assert rows == {category.name: category.roles for category in categories().values()}
    triager = Document.read(next(path for path in AGENTS if path.stem == "triager"))
    assert set(rows) <= triager.codes


@pytest.mark.parametrize(("paths", "most_lines", "most_tokens"), [(AGENTS, 60, 1_200), (SKILLS, 150, 2_400), (REFERENCES, 60, 1_000)])
def test_prose_is_short_enough_to_be_read(paths: list[Path], most_lines: int, most_tokens: int) -> None:
    for path in paths:
        body = Document.read(path).body
        assert body.count("\n") <= most_lines, name(path)
        assert tokens(body) <= most_tokens, name(path)


@pytest.mark.parametrize("path", SKILLS, ids=name)
def test_a_skill_names_each_of_its_references_and_no_other(path: Path) -> None:
    named = set(re.findall(r"`(references/[\w-]+\.md)`", Document.read(path).body))
    assert named == {f"references/{file.name}" for file in (path.parent / "references").glob("*")}


@pytest.mark.parametrize("path", DESKS, ids=name)
def test_a_front_desk_says_goal_end_and_doubt_and_shows_one_example(path: Path) -> None:
    body = Document.read(path).body
    for part in ("**Goal.**", "**Done** when", "**When in doubt**", "| situation | do |", "## One example"):
        assert part in body, f"{name(path)} lacks {part}"


def words_of(path: str) -> Document:
    return Document.read(ROOT / path)


@pytest.mark.promise("S1.1")
def test_the_production_monitor_shows_what_it_does_with_an_alert_of_500s() -> None:
    example = words_of("agents/production-monitor.md").body.partition("**Example.**")[2].partition("\n\n")[0]
    assert "500s" in example
    assert "`<alert>`" in example


@pytest.mark.promise("S2.15", "S2.17")
def test_the_product_agent_has_four_modes_and_lets_the_tool_count() -> None:
    modes = {"feature_gap", "tech_debt", "ux", "performance"}
    agent, front, table = (
        words_of("agents/product-agent.md"),
        words_of("skills/product-analysis/SKILL.md"),
        words_of("skills/product-analysis/references/modes.md"),
    )
    for page in (agent, front, table):
        assert modes <= page.codes, name(page.path)
    assert {"TODO", "FIXME", "HACK"} <= set(re.findall(r"[A-Z]{4,5}", table.body))
    for page in (agent, front, words_of("skills/task-classification/SKILL.md")):
        assert "(impact × 2 − risk) / effort" in " ".join(page.body.split()), name(page.path)
    assert ", ".join(f"{size} {effort}" for size, effort in EFFORT.items()) in table.body


@pytest.mark.promise("S2.11")
def test_the_form_that_the_skill_shows_is_the_one_that_the_tools_answer() -> None:
    skill = words_of("skills/task-classification/SKILL.md")
    form = skill.body.partition("## The form")[2].partition("\n## ")[0]
    told = {word for code in re.findall(r"`([\w]+)`", form) for word in [code]} - {"classify_task", "break_down_task"}
    assert told == {*Classified.__annotations__, *Part.__annotations__, "subtasks"}


def test_wisdom_says_whose_each_new_incident_is_how_sure_and_what_to_do() -> None:
    agent = words_of("agents/wisdom.md").body
    for word in ("caused, possible or unrelated", "HIGH, MEDIUM or LOW", "rollback, investigate, monitor or none"):
        assert word in " ".join(agent.split())


def test_wisdom_begins_with_the_pages_that_the_command_writes() -> None:
    agent = words_of("agents/wisdom.md")
    assert f"`{writing.FOLDER}`" in agent.body
    assert f"`{summary.FILE}`" in agent.body
    assert "Read" in agent.tools


@pytest.mark.parametrize("path", [*AGENTS, *SKILLS, *REFERENCES], ids=name)
def test_a_copy_for_a_project_names_nothing_of_the_plugin(path: Path) -> None:
    copy = for_project(path.read_text("utf-8"))
    assert PREFIX not in copy
    assert not re.search(r"\bkintsugi:[a-z]", copy)


def test_the_page_of_roles_leads_to_every_agent_and_skill_and_says_truly_who_writes(tools: dict[str, ToolHints]) -> None:
    page = words_of("docs/roles.md")
    leads = {(page.path.parent / link).resolve() for link in page.links}
    assert {*AGENTS, *(path for path in DESKS if path.parent.name != "setup")} <= leads
    pens = dict(re.findall(r"^\| \[([\w-]+)\]\S+ \|[^|]+\| ([^|]+) \|$", page.body, re.M))
    writes = {tool for tool, hints in tools.items() if hints.writes}
    assert {role for role, pen in pens.items() if pen == "nothing"} == {path.stem for path in AGENTS if not held(path) & writes}
    assert {f"`{tool}`" for tool in NEEDS_A_PERSON} <= set(re.findall(r"`\w+`", page.body))
