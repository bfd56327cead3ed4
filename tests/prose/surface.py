"""The tools that the servers really have, asked through the protocol."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from mcp import Client

from mcp_servers.launch import SLICES, assemble, server


@dataclass(frozen=True, slots=True)
class ToolHints:
    writes: bool
    schema: dict[str, Any]

    def words(self, parameter: str) -> list[str]:
        """The closed set of words that a parameter takes."""
        return list(self.schema["properties"][parameter].get("enum", ()))


def surface(home: Path) -> dict[str, ToolHints]:
    """Every tool of all slices by name, with writes allowed."""

    async def ask() -> dict[str, ToolHints]:
        deps = assemble(None, home=home)
        async with Client(server(list(SLICES), deps, frozenset(SLICES))) as client:
            listed = (await client.list_tools()).tools
        return {tool.name: ToolHints(not (tool.annotations and tool.annotations.read_only_hint), tool.input_schema) for tool in listed}

    return anyio.run(ask)
