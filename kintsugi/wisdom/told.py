"""What the other rooms tell, through the tools that every client uses: cases, tickets, lessons. Each may have nothing to say."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from kintsugi.wisdom.loose import listing, mapping, text
from mcp_servers.kit.errors import KintsugiError

Values = Mapping[str, Any]
TEST_GAP = "test-gap"
"""The label of the tickets that these pages open; they are told on the page of test gaps alone."""
_CASES, _ASKED = 40, 10


class Tools(Protocol):
    """The one call that is made of `kintsugi.tools.Tools`."""

    async def call(self, name: str, **arguments: Any) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Told:
    """Cases with their history, tickets, lessons; `silent` says who could not be asked, and why."""

    cases: tuple[Values, ...] = ()
    tickets: tuple[Values, ...] = ()
    lessons: tuple[Values, ...] = ()
    silent: tuple[str, ...] = ()


def ask(tools: Tools) -> Told:
    """Everything that is told now; who does not answer is named and the rest goes on."""
    return asyncio.run(_ask(tools))


async def _ask(tools: Tools) -> Told:
    silent: list[str] = []
    cases = await _answers(tools, silent, "cases", "list_cases", limit=_CASES)
    whole = [one for case in cases for one in await _answers(tools, silent, "", "get_case", case_id=text(case.get("id")))]
    tickets = await _answers(tools, silent, "tickets", "search_tickets", limit=100)
    lessons: dict[str, Values] = {}
    for title in list(dict.fromkeys(text(case.get("title"), 300) for case in cases))[:_ASKED]:
        for lesson in await _answers(tools, silent, "lessons", "search_lessons", text=title, limit=3):
            lessons[text(lesson.get("id"))] = lesson
    kept = tuple(one for one in tickets if TEST_GAP not in listing(one.get("labels")))
    return Told(tuple(whole), kept, tuple(lessons.values()), tuple(dict.fromkeys(silent)))


async def _answers(tools: Tools, silent: list[str], key: str, tool: str, **asked: Any) -> list[Values]:
    """The rows of an answer under `key`, or the answer itself where it is one thing."""
    try:
        answer = await tools.call(tool, **asked)
    except KintsugiError as error:
        silent.append(f"{tool}: {error}")
        return []
    if omitted := answer.get("omitted"):
        silent.append(f"{tool}: {omitted} more than were shown.")
    return [mapping(row) for row in listing(answer.get(key))] if key else [answer]
