"""Readings end when nobody waits for them any more."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import anyio
import pytest

from mcp_servers.kit.project import Project, Source
from mcp_servers.kit.work import Stopped, Work, doing
from mcp_servers.logs.bulk.portions import Advance
from mcp_servers.logs.model import Query
from mcp_servers.logs.reading import Reader
from mcp_servers.logs.sources import Tally
from mcp_servers.logs.stopping import stoppable


@pytest.mark.anyio
async def test_a_cancelled_digest_stops_its_thread() -> None:
    ended = Event()

    def endless(advance: Advance) -> None:
        try:
            while True:
                advance(1)
        except Stopped:
            ended.set()
            raise

    with anyio.move_on_after(0.1):
        await stoppable(endless)
    assert await anyio.to_thread.run_sync(ended.wait, 10)


@pytest.mark.anyio
async def test_a_digest_tells_how_much_it_has_read() -> None:
    with doing(Work()) as work:
        await stoppable(lambda advance: [advance(1024 * 1024) for _ in range(3)])
    assert work.words == "3 MiB read"


def test_records_that_nobody_wants_any_more_are_not_read(tmp_path: Path) -> None:
    lines = (f"2026-11-20 09:{minute:02d}:00,000 INFO order {minute}\n" for minute in range(60))
    (tmp_path / "app.log").write_text("".join(lines), "utf-8")
    reader = Reader(Project(tmp_path, "shop", sources=(Source("app", "files", {"paths": ["*.log"]}),)))
    with doing(Work()) as work:
        records = reader.scan(None, Query(), Tally())
        next(records)
        work.stop.set()
        with pytest.raises(Stopped):
            next(records)
