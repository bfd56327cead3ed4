from __future__ import annotations

from threading import Event
from typing import Any

import anyio
import pytest
from mcp import Client
from typing_extensions import TypedDict

from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.tool import Toolbox, ToolServer
from mcp_servers.kit.work import Stopped, stoppable, tell, wanted

pytestmark = pytest.mark.anyio


class Loaf(TypedDict):
    loaf: str


class Bakery:
    """A server with one slow tool: it bakes until the oven is opened, or nobody waits for the loaf."""

    def __init__(self, patience: float) -> None:
        self.mcp = ToolServer("bakery", log_level="CRITICAL")
        self.oven, self.thrown_away = Event(), Event()
        self.begun = 0
        tools = Toolbox(self.mcp, writes=True, patience=patience)

        @tools.write(title="Bake", long=True)
        async def bake(kind: str, actor: str = "agent") -> Loaf:
            """Bakes."""
            return Loaf(loaf=await stoppable(lambda: self._baked(kind)))

    def _baked(self, kind: str) -> str:
        self.begun += 1
        tell("rising")
        try:
            while not self.oven.wait(0.01):
                wanted()
        except Stopped:
            self.thrown_away.set()
            raise
        if kind == "burnt":
            raise Refusal("It burned; bake another.", code="burnt")
        return kind


@pytest.fixture(params=["auto", "legacy"])
def mode(request: pytest.FixtureRequest) -> Any:
    return request.param


async def call(bakery: Bakery, mode: Any, **arguments: str) -> Any:
    async with Client(bakery.mcp, mode=mode) as client:
        return await client.call_tool("bake", arguments)


async def test_a_call_that_outlasts_patience_goes_on_and_is_collected_over_another_connection(mode: Any) -> None:
    bakery = Bakery(patience=0.05)
    early = await call(bakery, mode, kind="rye")
    assert early.is_error
    assert "[unavailable:still_running] bake is at work (rising)" in early.content[0].text
    assert "same arguments" in early.content[0].text
    bakery.oven.set()
    assert (await call(bakery, mode, kind="rye", actor="ada")).structured_content == {"loaf": "rye"}
    assert bakery.begun == 1


async def test_other_arguments_are_other_work(mode: Any) -> None:
    bakery = Bakery(patience=0.05)
    await call(bakery, mode, kind="rye")
    bakery.oven.set()
    assert (await call(bakery, mode, kind="spelt")).structured_content == {"loaf": "spelt"}
    assert bakery.begun == 2


async def test_once_collected_the_same_call_starts_anew(mode: Any) -> None:
    bakery = Bakery(patience=5)
    bakery.oven.set()
    assert [(await call(bakery, mode, kind="rye")).structured_content for _ in range(2)] == [{"loaf": "rye"}] * 2
    assert bakery.begun == 2


async def test_a_failure_is_collected_as_its_sentence(mode: Any) -> None:
    bakery = Bakery(patience=0.05)
    await call(bakery, mode, kind="burnt")
    bakery.oven.set()
    assert "[refusal:burnt] It burned" in (await call(bakery, mode, kind="burnt")).content[0].text


async def test_a_cancelled_call_stops_the_work(mode: Any) -> None:
    bakery = Bakery(patience=60)
    with anyio.move_on_after(0.2):
        await call(bakery, mode, kind="rye")
    assert await anyio.to_thread.run_sync(bakery.thrown_away.wait, 10)


async def test_work_that_another_still_waits_for_goes_on(mode: Any) -> None:
    bakery = Bakery(patience=60)
    answers: list[Any] = []

    async def wait() -> None:
        answers.append(await call(bakery, mode, kind="rye"))

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        with anyio.move_on_after(0.2):
            await call(bakery, mode, kind="rye")
        bakery.oven.set()
    assert answers[0].structured_content == {"loaf": "rye"}
    assert bakery.begun == 1


async def test_a_long_call_tells_its_progress(mode: Any) -> None:
    bakery = Bakery(patience=60)
    told: list[str | None] = []

    async def progress(_done: float, _total: float | None, message: str | None) -> None:
        told.append(message)
        bakery.oven.set()

    async with Client(bakery.mcp, mode=mode) as client:
        result = await client.call_tool("bake", {"kind": "rye"}, progress_callback=progress)
    assert result.structured_content == {"loaf": "rye"}
    assert told == ["rising"]
