"""The loop as a durable workflow: each move is a recorded step, and what a crash interrupted goes on when the driver starts again."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from kintsugi.loop.healer import Healer
from mcp_servers.cases.ledger import Ledger
from mcp_servers.kit.database import Database

APPLICATION_VERSION = "1"  # ours, not computed from the code: pending work must survive an upgrade
MOST_MOVES = 40
LONGEST_MOVE = 120.0


class Loop:
    """Runs healing workflows on one worker. Use as an async context; `executor` must be stable for this worker."""

    def __init__(self, healer: Healer, ledger: Ledger, state: Path, *, executor: str = "local") -> None:
        self._healer = healer
        self._ledger = ledger
        self._state = state
        self._executor = executor
        self._heal: Callable[[str], Coroutine[Any, Any, str]] | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._stopping = False
        self.problems: dict[str, Exception] = {}

    async def __aenter__(self) -> Loop:
        from dbos import DBOS, DBOSConfig

        url = f"sqlite:///{self._state / 'workflows.sqlite'}"
        await asyncio.to_thread(_usable, url)
        logging.getLogger("dbos").setLevel(logging.ERROR)
        config: DBOSConfig = {
            "name": "kintsugi",
            "system_database_url": url,
            "application_version": APPLICATION_VERSION,
            "executor_id": self._executor,
            "log_level": "CRITICAL",  # what goes wrong in a case is reported by `settle`, once
        }
        DBOS(config=config)

        @DBOS.step(name="move")
        async def move(case: str, number: int) -> bool:
            return await self._healer.step(case)

        @DBOS.workflow(name="heal")
        async def heal(case: str) -> str:
            for number in range(MOST_MOVES):
                if self._stopping or not await move(case, number):
                    break
            return case

        self._heal = heal
        await asyncio.to_thread(DBOS.launch)
        await self._adopt()
        return self

    async def __aexit__(self, *_: object) -> None:
        from dbos import DBOS

        self._stopping = True
        await asyncio.wait_for(asyncio.gather(*self._running.values(), return_exceptions=True), LONGEST_MOVE)
        await asyncio.to_thread(DBOS.destroy, workflow_completion_timeout_sec=0)

    async def start(self, case: str) -> None:
        """Takes a case as far as it can go now, in the background. A case that is already on its way is left to it."""
        from dbos import DBOS, SetWorkflowID

        if case in self._running:
            return
        assert self._heal is not None, "use `async with Loop(...)`"
        with SetWorkflowID(f"{case}:{uuid.uuid4().hex}"):  # never that of a workflow that ended: it would not run again
            handle: Any = await DBOS.start_workflow_async(self._heal, case)
        self._running[case] = asyncio.create_task(self._finish(case, handle))

    async def _adopt(self) -> None:
        """Takes on what a crash of this worker interrupted and the launch has set going again, so that no case is healed twice at once."""
        from dbos import DBOS

        waiting = ["PENDING", "ENQUEUED"]  # the launch moves an interrupted one from the first to the second, and back when it runs
        for left in await DBOS.list_workflows_async(name="heal", status=waiting, load_output=False):
            if left.executor_id != self._executor and left.status == "PENDING":
                continue  # another worker's
            handle: Any = await DBOS.retrieve_workflow_async(left.workflow_id)
            case = left.workflow_id.partition(":")[0]
            self._running[case] = asyncio.create_task(self._finish(case, handle))

    async def settle(self) -> None:
        """Waits until all cases that were started rest. What went wrong with one of them is in `problems`."""
        await asyncio.gather(*self._running.values())

    async def _finish(self, case: str, handle: Any) -> None:
        try:
            await handle.get_result()
            self.problems.pop(case, None)
        except Exception as problem:  # a case that fails must not stop the others; the driver reports it
            self.problems[case] = problem
        finally:
            self._running.pop(case, None)


def _usable(url: str) -> None:
    """Raises `Misconfigured` for a store that is damaged or read-only, before the workflow engine meets it and says less."""
    database = Database.open(url)
    try:
        with database.transaction():
            pass
    finally:
        database.close()
