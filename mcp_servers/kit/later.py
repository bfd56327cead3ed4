"""A server that starts before its slices: it lists their tools as they were described, and loads a slice when one of its tools is called.

What the description says is what the slice registers: the surface tests compare them, and write the description (`make snapshots`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from anyio.to_thread import run_sync

from mcp_servers.kit.errors import KintsugiError
from mcp_servers.kit.tool import ListedTool, ResourceError, ToolError, ToolServer, sentence

SURFACE = Path(__file__).parents[1] / "surface.json"
"""The tools of each slice as a client lists them, by slice and name."""


class LateServer(ToolServer):
    """Its slices are loaded on demand, each once, in a thread. One that cannot be loaded answers with the reason, and is tried again."""

    def __init__(self, *given: Any, **settings: Any) -> None:
        super().__init__(*given, **settings)
        self._described: list[ListedTool] = []
        self._waiting: dict[Callable[[], None], frozenset[str]] = {}
        self._loading = Lock()

    def expect(self, tools: Sequence[ListedTool], load: Callable[[], None]) -> None:
        """Lists these tools; `load` registers them, and the resources that stand beside them, before the first of them is used."""
        self._described += tools
        self._waiting[load] = frozenset(tool.name for tool in tools)

    async def list_tools(self) -> list[ListedTool]:
        """The tools as they were described."""
        return list(self._described)

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> Any:
        """As every server calls it, once its slice is there."""
        try:
            await run_sync(self._load, [load for load, names in self._waiting.items() if name in names])
        except KintsugiError as error:
            raise ToolError(sentence(error)) from error
        return await super().call_tool(name, arguments, context)

    async def list_resource_templates(self) -> Any:
        """The addresses of all slices."""
        await self._load_all()
        return await super().list_resource_templates()

    async def read_resource(self, uri: Any, context: Any = None) -> Any:
        """As every server reads it, once the slices are there."""
        await self._load_all()
        return await super().read_resource(uri, context)

    async def _load_all(self) -> None:
        try:
            await run_sync(self._load, list(self._waiting))
        except KintsugiError as error:
            raise ResourceError(sentence(error)) from error

    def _load(self, wanted: Iterable[Callable[[], None]]) -> None:
        with self._loading:
            for load in wanted:
                if load in self._waiting:
                    load()
                    del self._waiting[load]


def described(name: str, *, writes: bool) -> list[ListedTool]:
    """The tools of a slice as the description has them; without `writes` those that only read."""
    tools = [ListedTool.model_validate(tool) for tool in _surface()[name].values()]
    return [tool for tool in tools if writes or (tool.annotations and tool.annotations.read_only_hint)]


@cache
def _surface() -> dict[str, dict[str, Any]]:
    return json.loads(SURFACE.read_text("utf-8"))
