"""A server that starts pays for its tools' names, not for what stands behind them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from mcp import Client, MCPError

from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import Unavailable
from mcp_servers.launch import SLICES, assemble, served

LISTED = """
import asyncio, sys
from pathlib import Path
from mcp_servers.launch import SLICES, assemble, served
mcp = served(list(SLICES), lambda: assemble(None, home=Path(sys.argv[1])), frozenset(SLICES))
asyncio.run(mcp.list_tools())
print(*sys.modules)
asyncio.run(mcp.call_tool("list_approvals", {}))
print(*sys.modules)
"""
SERVERS = {f"mcp_servers.{name}.server" for name in SLICES}
ENGINES = {"dbos", "docker", "anthropic", "scipy", "psycopg", "kintsugi.cli"}


def test_nothing_is_imported_that_only_a_call_needs(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LISTED, str(tmp_path)]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}
    told = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True)
    listed, called = (set(line.split()) for line in told.stdout.splitlines())
    assert (SERVERS | ENGINES | {"sqlalchemy"}) & listed == set()
    assert (SERVERS | ENGINES) & called == {"mcp_servers.cases.server"}


def closed_at_first(home: Path) -> Callable[[], Deps]:
    """A store that answers from the second time on."""
    asked: list[Path] = []

    def deps() -> Deps:
        asked.append(home)
        if len(asked) == 1:
            raise Unavailable("The database did not answer. Start it; then try again.", code="database_unavailable")
        return assemble(None, home=home)

    return deps


@pytest.mark.anyio
async def test_what_cannot_be_opened_is_the_answer_of_the_call_and_is_tried_again(tmp_path: Path) -> None:
    async with Client(served(list(SLICES), closed_at_first(tmp_path))) as client:
        refused = await client.call_tool("list_cases", {})
        assert refused.is_error
        assert "[unavailable:database_unavailable] The database did not answer." in str(refused.content)
        assert not (await client.call_tool("list_cases", {})).is_error


@pytest.mark.anyio
async def test_an_address_is_read_once_its_slice_is_there(tmp_path: Path) -> None:
    async with Client(served(list(SLICES), closed_at_first(tmp_path))) as client:
        with pytest.raises(MCPError, match="The database did not answer"):
            await client.read_resource("case://case_nope")
        with pytest.raises(MCPError, match="There is no case 'case_nope'"):
            await client.read_resource("case://case_nope")


@pytest.mark.anyio
async def test_a_tool_that_writes_does_not_exist_where_only_reading_is_allowed(tmp_path: Path) -> None:
    async with Client(served(list(SLICES), lambda: assemble(None, home=tmp_path))) as client:
        await client.call_tool("list_cases", {})
        refused = await client.call_tool("pause_healing", {"reason": "to see"})
    assert refused.is_error
    assert "Unknown tool: pause_healing" in str(refused.content)
