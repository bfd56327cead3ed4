"""The loop as a durable workflow: each move is a recorded step, and what a crash interrupted goes on when the driver starts again.

A case is moved under its lease only, so that several drivers may run: beside each other, or on several hosts with one store. What a dead one
left is taken over from the ledger, which alone says what comes next.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Protocol

from kintsugi.loop.executor import beating, claimed
from kintsugi.loop.moves import next_move
from mcp_servers.cases.leases import FENCED, LAPSE, Leases, holding
from mcp_servers.cases.ledger import Ledger
from mcp_servers.kit.database import Database
from mcp_servers.kit.errors import KintsugiError, Refusal

APPLICATION_VERSION = "1"  # ours, not computed from the code: pending work must survive an upgrade
MOST_MOVES = 40
LONGEST_MOVE = 120.0
POLL = 0.1
BEATS = 5
"""How often a driver shows that it lives, within the time after which it would count as dead."""


class Mover(Protocol):
    """What makes the moves of a case: see `Healer`."""

    async def step(self, case_id: str) -> bool:
        """Makes the next move. False: the case rests, or it waits for something outside."""
        ...


class Loop:
    """Runs healing workflows on one driver of the state folder `state`. Use as an async context."""

    def __init__(self, healer: Mover, ledger: Ledger, state: Path, *, lapse: float = LAPSE) -> None:
        self._healer = healer
        self._ledger = ledger
        self._state = state
        self._lapse = lapse
        self._mine = ExitStack()
        self._executor = ""
        self._heal: Callable[[str], Coroutine[Any, Any, str]] | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._elsewhere: set[str] = set()
        self._stopping = False
        self.problems: dict[str, Exception] = {}

    async def __aenter__(self) -> Loop:
        try:
            await self._launch()
        except BaseException:
            self._mine.close()
            raise
        await self._adopt()
        return self

    async def __aexit__(self, *_: object) -> None:
        from dbos import DBOS

        self._stopping = True
        try:
            await asyncio.wait_for(asyncio.gather(*self._running.values(), return_exceptions=True), LONGEST_MOVE)
            await asyncio.to_thread(DBOS.destroy, workflow_completion_timeout_sec=0)
        finally:
            self._mine.close()

    async def start(self, case: str) -> None:
        """Takes a case as far as it can go now, in the background. A case that is already on its way is left to it."""
        from dbos import DBOS, SetWorkflowID

        if case in self._running:
            return
        assert self._heal is not None, "use `async with Loop(...)`"
        with SetWorkflowID(f"{case}:{uuid.uuid4().hex}"):  # never that of a workflow that ended: it would not run again
            handle: Any = await DBOS.start_workflow_async(self._heal, case)
        self._running[case] = asyncio.create_task(self._finish(case, handle))

    async def settle(self) -> None:
        """Waits until all cases that were started rest, or are in the hands of another driver that lives. What went wrong is in `problems`."""
        while True:
            await asyncio.gather(*self._running.values())
            left = await self._left_by_others()
            if not left:
                return
            for case in left:
                await self.start(case)

    async def _launch(self) -> None:
        from dbos import DBOS, DBOSConfig

        executor = self._mine.enter_context(claimed(self._state))
        self._executor = executor.id
        url = f"sqlite:///{executor.workflows}"
        await asyncio.to_thread(_usable, url)
        self._leases = Leases(self._ledger.database, executor.id, lapse=self._lapse, gone=executor.gone)
        self._mine.enter_context(beating(self._leases.beat, self._lapse / BEATS))
        logging.getLogger("dbos").setLevel(logging.ERROR)
        config: DBOSConfig = {
            "name": "kintsugi",
            "system_database_url": url,
            "application_version": APPLICATION_VERSION,
            "executor_id": executor.id,
            "log_level": "CRITICAL",  # what goes wrong in a case is reported by `settle`, once
        }
        DBOS(config=config)

        @DBOS.step(name="move")
        async def move(case: str, number: int) -> bool:
            return await self._move(case)

        @DBOS.workflow(name="heal")
        async def heal(case: str) -> str:
            for number in range(MOST_MOVES):
                if self._stopping or not await move(case, number):
                    break
            return case

        self._heal = heal
        await asyncio.to_thread(DBOS.launch)

    async def _move(self, case: str) -> bool:
        lease = await asyncio.to_thread(self._leases.take, case)
        if lease is None:
            self._elsewhere.add(case)
            return False
        try:
            with holding(lease):
                return await self._healer.step(case)
        except Refusal as refusal:
            if refusal.code != FENCED:
                raise
            self._elsewhere.add(case)
            return False

    async def _adopt(self) -> None:
        """Takes on what a crash of this driver interrupted and the launch has set going again, so that no case is healed twice at once."""
        from dbos import DBOS

        waiting = ["PENDING", "ENQUEUED"]  # the launch moves an interrupted one from the first to the second, and back when it runs
        for left in await DBOS.list_workflows_async(name="heal", status=waiting, load_output=False):
            if left.executor_id != self._executor and left.status == "PENDING":
                continue  # of this folder when it was elsewhere: the ledger tells what is left to do
            handle: Any = await DBOS.retrieve_workflow_async(left.workflow_id)
            case = left.workflow_id.partition(":")[0]
            self._running[case] = asyncio.create_task(self._finish(case, handle))

    async def _finish(self, case: str, handle: Any) -> None:
        try:
            await handle.get_result(polling_interval_sec=POLL)
            self.problems.pop(case, None)
        except Exception as problem:  # a case that fails must not stop the others; the driver reports it
            self.problems[case] = problem
        finally:
            self._running.pop(case, None)
            with suppress(KintsugiError):  # a store that is away: the next start of this driver takes the case back
                await asyncio.to_thread(self._leases.release, case)

    async def _left_by_others(self) -> list[str]:
        """Of the cases that other drivers had: those that are free now and have a next move. Waits until each driver has let go, beaten, or lapsed."""
        watched = {case: await asyncio.to_thread(self._leases.sign, case) for case in self._elsewhere}
        self._elsewhere.clear()
        end, free = time.monotonic() + self._lapse, [case for case, sign in watched.items() if sign is None]
        watched = {case: sign for case, sign in watched.items() if sign is not None}
        while watched and time.monotonic() < end:
            await asyncio.sleep(self._lapse / BEATS / 4)
            for case, first in list(watched.items()):
                now = await asyncio.to_thread(self._leases.sign, case)
                if now != first:
                    del watched[case]
                if now is None:
                    free.append(case)
        moving = [await asyncio.to_thread(self._ledger.case, case) for case in (*free, *watched)]
        return [case.id for case in moving if next_move(case) is not None]


def _usable(url: str) -> None:
    """Raises `Misconfigured` for a store that is damaged or read-only, before the workflow engine meets it and says less."""
    database = Database.open(url)
    try:
        with database.transaction():
            pass
    finally:
        database.close()
