"""What a role may do here: the tools that its file names, less everything that writes. A model proposes by its answer; the driver acts."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from anyio.to_thread import run_sync

from kintsugi.reasoners import Tree
from kintsugi.reasoners.models import repository
from kintsugi.reasoners.models.messages import Json
from kintsugi.roles import Role
from kintsugi.tools import Tools
from mcp_servers.kit.errors import KintsugiError
from mcp_servers.kit.redaction import visible

TRIED = frozenset({"try_reproduction"})
"""Tools with an effect that a model may call all the same: they run a test in the sandbox."""
ANSWER = "answer"
FORMLESS = "The answer has not the right form"
"""How the sentence begins that a model gets for an answer that is none."""
LONGEST = 24_000
"""Characters of one tool result."""

Take = Callable[[Mapping[str, Any]], Awaitable[Json]]
"""Takes a role's answer: the value that it stands for. Raises `KintsugiError` with what is wrong about it."""


class Hands:
    """The tools of one role on one case: the servers', the repository's, and `answer`, which ends the conversation."""

    def __init__(self, tools: Tools, tree: Tree, case: str, role: Role, answer: Json, take: Take) -> None:
        self._tools = tools
        self._tree = tree
        self._case = case
        self._role = role
        self._answer = answer
        self._take = take
        self._allowed: dict[str, Json] = {}
        self.taken: Json | None = None

    async def definitions(self) -> list[Json]:
        """The tools as the Messages API takes them, always in the same order, so that the cache holds."""
        named = set(self._role.tools)
        for tool in await self._tools.listed():
            reads = tool.annotations is not None and bool(tool.annotations.read_only_hint)
            if tool.name in named and (reads or tool.name in TRIED):
                self._allowed[tool.name] = {"name": tool.name, "description": tool.description or "", "input_schema": tool.input_schema}
        for name in self._role.host_tools:
            if name in repository.DEFINITIONS:
                self._allowed[name] = repository.DEFINITIONS[name]
        self._allowed[ANSWER] = {"name": ANSWER, "description": "Your result. It ends your work.", "input_schema": self._answer}
        return list(self._allowed.values())

    async def do(self, use: Json) -> Json:
        """The tool result of one use. What a tool refuses comes back as its sentence, for the model to act on."""
        name, arguments = str(use["name"]), cast("Json", use.get("input"))
        try:
            if name not in self._allowed:
                text, failed = f"There is no tool {name[:80]!r} here; there are {', '.join(self._allowed)}.", True
            elif not isinstance(arguments, dict):
                text, failed = f"{name} needs its arguments as an object.", True
            else:
                text, failed = await self._done(name, arguments), False
        except (KintsugiError, ValueError, TypeError) as error:
            text, failed = visible(str(error)), True
        if len(text) > LONGEST:
            text = f"{text[:LONGEST]}\n… {len(text) - LONGEST} more characters; ask for less."
        return {"type": "tool_result", "tool_use_id": use["id"], "content": text, **({"is_error": True} if failed else {})}

    async def _done(self, name: str, arguments: Json) -> str:
        if name == ANSWER:
            self.taken = await self._take(arguments)
            return "Taken."
        if name in repository.DEFINITIONS:
            return visible(await run_sync(repository.call, self._tree, name, arguments))
        if name in TRIED:
            arguments = {**arguments, "case_id": self._case}
        return json.dumps(await self._tools.call(name, **arguments), ensure_ascii=False, separators=(",", ":"), default=str)
