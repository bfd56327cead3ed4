"""What can be read by its address, and what a person can ask for by name, in both protocol modes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError

from mcp_servers.cases.ledger import Ledger
from mcp_servers.kit import skills
from mcp_servers.kit.project import Project, Source
from mcp_servers.kit.tool import Toolbox, ToolServer
from mcp_servers.launch import SLICES, assemble, server
from tests.cases.stories import anomaly
from tests.conftest import Clock

pytestmark = pytest.mark.anyio
SECRET = "password=hunter2hunter2"


@pytest.fixture(scope="module", params=["auto", "legacy"])
def mode(request: pytest.FixtureRequest) -> Any:
    return request.param


class Shop:
    """A watched folder with one log and one case, behind all servers."""

    def __init__(self, root: Path, mode: Any) -> None:
        (root / "logs").mkdir(parents=True)
        lines = [f"2026-11-20 09:{minute:02d}:00,000 ERROR shop.pay order {minute} failed, {SECRET}\n" for minute in range(40)]
        (root / "logs" / "shop.log").write_text("".join(lines), "utf-8")
        project = Project(root, "shop", sources=(Source("app", "files", {"paths": ["logs/*.log"]}),))
        clock = Clock()
        deps = assemble(project, home=root / "home", clock=clock)
        self.case = Ledger(deps.database, clock).open_case("shop", anomaly(), actor="kintsugi")[0].id
        self._mcp, self._mode = server(list(SLICES), deps, frozenset(SLICES)), mode

    def client(self) -> Client:
        return Client(self._mcp, mode=self._mode)


async def read(client: Client, uri: str) -> Any:
    return json.loads(await text(client, uri))


async def text(client: Client, uri: str) -> str:
    return (await client.read_resource(uri)).contents[0].text  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, mode: Any) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop"), mode)


async def test_cases_lessons_and_logs_have_addresses(shop: Shop) -> None:
    async with shop.client() as client:
        listed = (await client.list_resource_templates()).resource_templates
    assert {template.uri_template.partition("://")[0] for template in listed} == {"case", "lesson", "log", "skill"}
    assert all(template.description and template.title for template in listed)


async def test_a_case_reads_as_its_tool_tells_it(shop: Shop) -> None:
    async with shop.client() as client:
        told = (await client.call_tool("get_case", {"case_id": shop.case})).structured_content
        assert await read(client, f"case://{shop.case}") == told


async def test_a_lesson_reads_whole(shop: Shop) -> None:
    taught = {"case_id": shop.case, "repository": "shop", "symptom": "Orders fail.", "cause": "No stock is None.", "fix": "Zero it."}
    async with shop.client() as client:
        recorded = (await client.call_tool("record_lesson", {**taught, "provenance": "reported"})).structured_content
        assert recorded is not None
        lesson = await read(client, f"lesson://{recorded['lesson_id']}")
    assert (lesson["symptom"], lesson["cause"], lesson["fix"]) == ("Orders fail.", "No stock is None.", "Zero it.")


async def test_logs_read_by_source_and_by_template_without_their_secrets(shop: Shop) -> None:
    async with shop.client() as client:
        newest = await read(client, "log://app")
        digest = (await client.call_tool("digest_logs", {})).structured_content
        assert digest is not None
        alike = await read(client, f"log://{digest['templates'][0]['template']}")
    assert newest["total"] == alike["total"] == 40
    assert SECRET not in json.dumps([newest, alike])
    assert "[redacted]" in json.dumps(newest)


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        ("case://case_nope", "There is no case 'case_nope'"),
        ("lesson://lesson_nope", "There is no lesson 'lesson_nope'; search_lessons finds those there are."),
        ("log://nope", "No template 'nope' in this window; ask digest_logs"),
        ("skill://healing/nope", "The skill 'healing' has no page 'nope'; it has skill://healing/approve"),
        ("skill://healing/..%2F..%2FSKILL", "Unknown resource"),
    ],
)
async def test_an_address_that_nothing_is_at_is_a_sentence(shop: Shop, uri: str, sentence: str) -> None:
    async with shop.client() as client:
        with pytest.raises(MCPError, match=sentence.replace("?", ".")) as refused:
            await client.read_resource(uri)
    assert refused.value.code == -32602


async def test_what_is_too_long_to_read_is_refused(mode: Any) -> None:
    mcp = ToolServer("shelf", log_level="CRITICAL")

    @Toolbox(mcp, writes=False, budget=50).resource("book://{title}", title="A book")
    async def book(title: str) -> dict[str, str]:
        """A book."""
        return {"title": title * 50}

    async with Client(mcp, mode=mode) as client:
        assert json.loads(await text(client, "book://a")) == {"title": "a" * 50}
        with pytest.raises(MCPError, match="answer_too_large"):
            await client.read_resource("book://abcdefgh")


async def test_a_prompt_is_the_skill_in_its_own_words(shop: Shop) -> None:
    async with shop.client() as client:
        listed = {prompt.name: prompt for prompt in (await client.list_prompts()).prompts}
        said = (await client.get_prompt("heal", {"what": "the checkout"})).messages[0].content.text  # type: ignore[union-attr]
        page = await text(client, "skill://healing/detect")
    assert set(listed) <= set(skills.PROMPTS)
    assert listed["heal"].description
    assert (skills.SHIPPED / "healing" / "SKILL.md").read_text("utf-8").partition("\n---\n")[2].strip() in said
    assert "the checkout" in said
    assert page == (skills.SHIPPED / "healing" / "references" / "detect.md").read_text("utf-8")


async def test_a_server_of_one_slice_promises_no_road_that_needs_the_others(mode: Any, tmp_path: Path) -> None:
    async with Client(server(["logs"], assemble(None, home=tmp_path)), mode=mode) as client:
        assert (await client.list_prompts()).prompts == []
