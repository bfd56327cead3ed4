from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from mcp_servers.kit.errors import Misconfigured, Refusal, Unavailable
from mcp_servers.kit.http import Http

pytestmark = pytest.mark.anyio


class Service:
    """A service that gives these answers in turn, the last one for ever, and remembers what it was asked."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []
        self.pauses: list[float] = []

    def client(self, **more: Any) -> Http:
        async def pause(seconds: float) -> None:
            self.pauses.append(seconds)

        return Http("http://service.test", transport=httpx2.MockTransport(self._answer), pause=pause, **more)

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_a_passing_fault_is_retried_and_the_service_says_when() -> None:
    service = Service(httpx2.Response(503, headers={"retry-after": "7"}), httpx2.Response(200, json={"ok": True}))
    assert await service.client().json("GET", "/x") == {"ok": True}
    assert service.pauses == [7.0]


async def test_a_write_is_not_repeated_unless_the_caller_says_it_is_safe() -> None:
    service = Service(httpx2.ConnectError("down"))
    with pytest.raises(Unavailable, match="did not answer POST /x"):
        await service.client().json("POST", "/x", body={})
    assert len(service.asked) == 1
    with pytest.raises(Unavailable):
        await service.client().json("POST", "/x", body={}, repeatable=True)
    assert len(service.asked) == 4


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda: httpx2.Response(401, text="no token"), Misconfigured),
        (lambda: httpx2.Response(404, text="no such thing"), Refusal),
        (lambda: httpx2.Response(200, text="<html>"), Unavailable),
        (lambda: httpx2.Response(200, content=b"x" * 2000), Unavailable),
    ],
)
async def test_every_other_answer_is_a_sentence(answer: Callable[[], httpx2.Response], error: type[Exception]) -> None:
    with pytest.raises(error, match=r"http://service\.test"):
        await Service(answer()).client(limit=1000).json("GET", "/x")
