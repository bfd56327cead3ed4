"""The whole tool surface, as a client lists it. A change to it is a diff that somebody reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import Tool

from mcp_servers.kit.budget import tokens
from mcp_servers.kit.deps import Deps
from mcp_servers.launch import SLICES, assemble, served, server
from tests.surface.snapshots import same_as_stored

pytestmark = pytest.mark.anyio
MOST, MOST_OF_THE_CORE = 9_000, 5_000
CORE = ("logs", "cases", "knowledge", "fixes")


@pytest.fixture
def deps(tmp_path: Path) -> Deps:
    return assemble(None, home=tmp_path)


async def listed(deps: Deps, slices: Sequence[str], writes: Sequence[str] = tuple(SLICES), mode: Any = "auto") -> list[Tool]:
    async with Client(server(slices, deps, frozenset(writes)), mode=mode) as client:
        return (await client.list_tools()).tools


def whole(tool: Tool) -> dict[str, Any]:
    return tool.model_dump(mode="json", by_alias=True, exclude_none=True)


def as_read(tool: Tool) -> dict[str, Any]:
    """What a host puts before the model of a tool: the output schema and the hints stay with the host."""
    return {"name": tool.name, "description": tool.description, "input_schema": tool.input_schema}


def hinted(tool: Tool) -> dict[str, bool]:
    assert tool.annotations is not None, f"{tool.name} states no hints"
    return tool.annotations.model_dump(exclude_none=True, exclude={"title"})


async def test_the_surface_is_the_one_that_was_reviewed(deps: Deps) -> None:
    surface = {name: {tool.name: whole(tool) for tool in await listed(deps, [name])} for name in SLICES}
    same_as_stored(surface, "../../mcp_servers/surface.json")


async def test_both_protocol_modes_and_one_process_for_all_list_the_same_tools(deps: Deps) -> None:
    everything = [whole(tool) for tool in await listed(deps, list(SLICES))]
    assert [whole(tool) for tool in await listed(deps, list(SLICES), mode="legacy")] == everything
    assert [whole(tool) for name in SLICES for tool in await listed(deps, [name])] == everything


async def test_a_server_that_has_loaded_nothing_lists_what_one_that_has_lists(deps: Deps) -> None:
    names, writes = list(SLICES), frozenset({"cases", "fixes"})
    async with Client(served(names, lambda: deps, writes)) as late, Client(server(names, deps, writes)) as ready:
        assert [whole(tool) for tool in (await late.list_tools()).tools] == [whole(tool) for tool in (await ready.list_tools()).tools]
        places = [(await client.list_resource_templates()).resource_templates for client in (late, ready)]
        assert sorted(map(repr, places[0])) == sorted(map(repr, places[1]))


@pytest.mark.promise("4.10")
async def test_without_permission_no_tool_that_writes_exists(deps: Deps) -> None:
    reading = await listed(deps, list(SLICES), writes=())
    assert [tool.name for tool in reading if not hinted(tool)["read_only_hint"]] == []
    assert {tool.name for tool in await listed(deps, list(SLICES)) if hinted(tool)["read_only_hint"]} == {tool.name for tool in reading}


async def test_every_tool_says_what_it_is_does_may_do_and_answers(deps: Deps) -> None:
    for tool in await listed(deps, list(SLICES)):
        assert set(hinted(tool)) == {"read_only_hint", "destructive_hint", "idempotent_hint", "open_world_hint"}, tool.name
        assert tool.title, tool.name
        assert tool.description, tool.name
        assert tool.output_schema, tool.name


async def test_a_person_approves_and_no_tool_does(deps: Deps) -> None:
    approving = [tool.name for tool in await listed(deps, list(SLICES)) if tool.name.startswith(("approve", "resume", "reject"))]
    assert approving == []


async def test_the_tool_list_costs_a_model_little(deps: Deps) -> None:
    cost = {name: tokens([as_read(tool) for tool in await listed(deps, [name])]) for name in SLICES}
    reading = {name: tokens([as_read(tool) for tool in await listed(deps, [name], writes=())]) for name in SLICES}
    assert sum(cost.values()) < MOST, json.dumps(cost)
    assert sum(cost[name] for name in CORE) < MOST_OF_THE_CORE, json.dumps(cost)
    same_as_stored({"all": {**cost, "total": sum(cost.values())}, "reading": {**reading, "total": sum(reading.values())}}, "tokens.json")
