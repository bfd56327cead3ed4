"""The driver's hands: the same tools, through the same door, as any MCP client uses. In memory, one short connection a call."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import KintsugiError, Misconfigured, Refusal, Unavailable
from mcp_servers.kit.jobs import STILL_RUNNING
from mcp_servers.launch import SLICES, server

if TYPE_CHECKING:
    from mcp.types import Tool

_KINDS: dict[str, type[KintsugiError]] = {"unavailable": Unavailable, "misconfigured": Misconfigured}


class Tools:
    """Calls tools by name. An error of a tool comes back as the error that it was, with its code and its sentence."""

    def __init__(
        self, deps: Deps, slices: Sequence[str] = tuple(SLICES), *, writes: bool = False, told: Callable[[str], None] | None = None
    ) -> None:
        """`told` hears how far a long call is, in words."""
        self.deps = deps
        self._told = told
        self._server = server(slices, deps, frozenset(slices) if writes else frozenset())

    async def listed(self) -> Sequence[Tool]:
        """The tools that can be called here, with their schemas."""
        from mcp import Client

        async with Client(self._server, mode="legacy") as client:
            return (await client.list_tools()).tools

    async def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        """The structured answer of the tool, however long it takes; raises `Refusal` (or its kin) with the tool's own sentence."""
        while True:
            try:
                return await self._call(name, arguments)
            except Unavailable as error:
                if error.code != STILL_RUNNING:
                    raise

    async def _call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        from mcp import Client  # most of a second: paid by the commands that call a tool
        from mcp.types import TextContent

        async with Client(self._server, mode="legacy") as client:
            result = await client.call_tool(name, arguments, progress_callback=self._heard)
        text = "".join(block.text for block in result.content if isinstance(block, TextContent))
        if result.is_error:
            raise _error(text)
        return result.structured_content if result.structured_content is not None else json.loads(text)

    async def _heard(self, progress: float, total: float | None, message: str | None) -> None:
        if self._told and message:
            self._told(message)


_TAGGED = re.compile(r"\[(\w+):(\w+)\] (.*)", re.S)


def _error(text: str) -> KintsugiError:
    tagged = _TAGGED.search(text)
    if tagged is None:
        return Refusal(text, code="invalid_arguments")
    kind, code, sentence = tagged.groups()
    return _KINDS.get(kind, Refusal)(sentence, code=code)
