from __future__ import annotations

from typing import Any

import pytest
from mcp import Client
from mcp.server.mcpserver import MCPServer
from typing_extensions import TypedDict

from mcp_servers.kit.errors import Misconfigured, Refusal
from mcp_servers.kit.tool import Toolbox, ToolServer

pytestmark = pytest.mark.anyio


class Line(TypedDict):
    text: str


def shelf(*, writes: bool = False) -> MCPServer[Any]:
    mcp: MCPServer[Any] = ToolServer("shelf", log_level="CRITICAL")
    tools = Toolbox(mcp, writes=writes, budget=200)

    @tools.read(title="Say")
    async def say(text: str, times: int = 1) -> Line:
        """Says it."""
        return Line(text=text * times)

    @tools.read(title="Fail")
    async def fail(how: str) -> Line:
        """Fails."""
        raise {
            "refusal": Refusal("No; do this instead.", code="no_way"),
            "setup": Misconfigured("Set X."),
            "bug": ZeroDivisionError("at /home/x"),
        }[how]

    @tools.write(title="Erase", destructive=True)
    async def erase() -> Line:
        """Erases."""
        return Line(text="gone")

    return mcp


async def call(name: str, **arguments: Any) -> Any:
    async with Client(shelf()) as client:
        return await client.call_tool(name, arguments)


async def test_production_text_is_cleaned_on_its_way_out() -> None:
    result = await call("say", text="\x1b[1mpassword=hunter2hunter2")
    assert result.structured_content == {"text": "password=[redacted]"}


@pytest.mark.parametrize(
    ("how", "sentence"), [("refusal", "[refusal:no_way] No; do this instead."), ("setup", "[misconfigured:misconfigured] Set X.")]
)
async def test_our_errors_arrive_as_their_sentence(how: str, sentence: str) -> None:
    result = await call("fail", how=how)
    assert result.is_error
    assert sentence in result.content[0].text


async def test_a_crash_is_masked() -> None:
    result = await call("fail", how="bug")
    assert result.is_error
    assert "internal_error" in result.content[0].text
    assert "/home/x" not in result.content[0].text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "say cannot take these arguments: text is missing. Mend them and call it again."),
        ({"text": "a", "times": "often"}, "times should be a valid integer, unable to parse string as an integer, not 'often'"),
        ({"text": "a", "time": 2}, "say has no argument 'time'; did you mean times?"),
        ({"text": {"password": "hunter2hunter2"}}, "text should be a valid string, not {'password': '[redacted]'}"),
    ],
)
async def test_arguments_that_do_not_fit_are_a_sentence_with_place_and_value(arguments: dict[str, Any], sentence: str) -> None:
    result = await call("say", **arguments)
    assert result.is_error
    assert result.content[0].text.startswith("[refusal:invalid_arguments] say ")
    assert sentence in result.content[0].text
    assert "pydantic" not in result.content[0].text


async def test_an_answer_over_the_budget_is_refused_with_advice() -> None:
    result = await call("say", text="word ", times=500)
    assert "ask for less" in result.content[0].text


async def test_every_tool_says_what_it_may_do_and_writes_exist_only_when_allowed() -> None:
    async with Client(shelf()) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == {"say", "fail"}
    async with Client(shelf(writes=True)) as client:
        hints = {tool.name: tool.annotations for tool in (await client.list_tools()).tools}
    assert hints["erase"]
    assert hints["erase"].destructive_hint is True
    assert all(None not in (h.read_only_hint, h.destructive_hint, h.idempotent_hint, h.open_world_hint) for h in hints.values() if h)
