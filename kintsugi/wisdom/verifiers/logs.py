"""Logs, asked through the logs tools: what changed with the release, and whether the expected lines were written."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kintsugi.tools import Tools
from kintsugi.wisdom.audit import constants
from kintsugi.wisdom.gathered import Gathered
from kintsugi.wisdom.loose import listing, mapping, text, whole
from kintsugi.wisdom.page import counted, section, table
from kintsugi.wisdom.verifiers import Seen
from mcp_servers.kit.errors import Unavailable
from mcp_servers.kit.inert import line
from mcp_servers.kit.project import Project, Source
from mcp_servers.launch import assemble


def verify(gathered: Gathered, address: str, expected: Sequence[str]) -> Seen:
    """What the logs say since the newest commit of the release. The address is a source of kintsugi.toml by name, files (a pattern too), or
    `docker:NAME`; raises `Unavailable` for one that nothing here reads."""
    with TemporaryDirectory(prefix="kintsugi-") as home:
        deps = assemble(_project(gathered.project, address), home=Path(home), environ=gathered.environ)
        try:
            return asyncio.run(_verified(Tools(deps, ["logs"]), _released(gathered), expected))
        finally:
            deps.database.close()


def _project(project: Project, address: str) -> Project:
    source = next((one for one in project.sources if one.name == address), None) or Source.at(address)
    if source is None:
        raise Unavailable(
            f"No source here reads {address.partition('://')[0]} addresses; name files, docker:NAME or a source of kintsugi.toml."
        )
    return replace(project, sources=(source,))


def _released(gathered: Gathered) -> str:
    return gathered.history.released[0].at if gathered.history.released else gathered.history.commits[0].at


async def _verified(tools: Tools, since: str, expected: Sequence[str]) -> Seen:
    health = await tools.call("check_deployment_health", since=since)
    rows = [(words, *await _written(tools, since, words)) for words in expected]
    findings = [mapping(one) for one in listing(health.get("findings"))]
    missing = sum(word == "FAIL" for _, word, _ in rows)
    word = text(health.get("word"))
    told = [
        (text(one.get("kind")), text(one.get("service")) or "–", text(one.get("text")), "yes" if one.get("harmful") else "no")
        for one in findings
    ]
    blocks = (
        section("Since the release", table(("kind", "service", "what", "harmful"), told)),
        section("Expected lines", table(("expected", "verdict", "seen"), rows)),
    )
    lines = f" Of {counted(len(rows), 'expected line')} {missing} were not written." if rows else ""
    summary = f"Since {since}: {word}. {_sentence(health)}{lines} Source: live logs."
    return Seen("findings" if word == "worse" or missing else "good" if word == "good" else "unknown", summary, blocks)


async def _written(tools: Tools, since: str, words: str) -> tuple[str, str]:
    parts = constants(words)
    if not parts:
        return "unknown", "it has no words that stay the same"
    found = whole((await tools.call("query_logs", since=since, text=parts[0], limit=1)).get("total"))
    return ("PASS", counted(found, "line")) if found else ("FAIL", "no line since the release")


def _sentence(health: dict[str, Any]) -> str:
    return line(text(health.get("because")), 500)
