"""Honest texts with the words of attacks arrive as they were written: in logs, in tickets and in lessons."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kintsugi.tools import Tools
from mcp_servers.kit.inert import inert
from mcp_servers.kit.project import Project, Source
from mcp_servers.kit.redaction import clean
from mcp_servers.launch import assemble
from tests.conftest import Clock
from tests.injection.benign import CORPUS

ALTERED = 0.01
"""The share of honest texts that may be blocked or altered."""
PER_MINUTE = 40


def test_there_are_enough_of_them() -> None:
    assert len(CORPUS) >= 300


@pytest.mark.anyio
async def test_honest_records_arrive_as_they_were_written(tmp_path: Path, clock: Clock) -> None:
    log = tmp_path / "service.log"
    stamped = [(f"2026-11-20T09:{number // PER_MINUTE:02d}:{number % PER_MINUTE:02d}Z", text) for number, text in enumerate(CORPUS)]
    records = [{"timestamp": at, "level": "INFO", "service": "shop", "message": text} for at, text in stamped]
    log.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    project = Project(tmp_path, "shop", sources=(Source("shop", "files", {"paths": [str(log)]}),))
    tools = Tools(assemble(project, home=tmp_path / "home", clock=clock), ("logs",))
    seen: list[str] = []
    for minute in range(-(-len(CORPUS) // PER_MINUTE)):
        window = {"since": f"2026-11-20T09:{minute:02d}:00Z", "until": f"2026-11-20T09:{minute:02d}:59Z"}
        seen += [record["body"] for record in (await tools.call("query_logs", **window, limit=PER_MINUTE))["records"]]
    assert len(set(CORPUS) - set(seen)) / len(CORPUS) < ALTERED


def test_honest_words_are_altered_neither_in_answers_nor_in_tickets() -> None:
    altered = [text for text in CORPUS if clean(text) != text or inert(text) != text]
    assert len(altered) / len(CORPUS) < ALTERED, altered
