"""HTTP for adapters: JSON in and out, a deadline, bounded answers, and retries only where repeating is safe."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from mcp_servers.kit.errors import Misconfigured, Refusal, Unavailable

RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
MOVED = frozenset({301, 302, 307, 308})
LONGEST_PAUSE = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, the headers by lower-case name, and the decoded body (None when empty)."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(slots=True)
class Circuit:
    """Stops asking a service that failed `limit` calls in a row, for `rest` seconds; then one call may try. `clock` counts seconds."""

    limit: int = 5
    rest: float = 60.0
    clock: Callable[[], float] = time.monotonic
    _failed: int = field(default=0, init=False)
    _until: float = field(default=0.0, init=False)

    def admit(self, service: str) -> None:
        """Returns when a call may be made; raises `Unavailable` `circuit_open` while the service rests."""
        left = self._until - self.clock()
        if left > 0:
            raise Unavailable(
                f"{service} failed {self._failed} times in a row and is left alone for another {left:.0f} s.", code="circuit_open"
            )

    def note(self, *, failed: bool) -> None:
        self._failed = self._failed + 1 if failed else 0
        self._until = self.clock() + self.rest if self._failed >= self.limit else 0.0


class Http:
    """A client of one service. `attempts` counts the first try; `limit` bounds an answer, in bytes; `pause` is awaited between attempts;
    `now` is the time in seconds since 1970. Redirects are followed within the service only, so that no header leaves it."""

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
        attempts: int = 3,
        limit: int = 16_000_000,
        transport: httpx2.AsyncBaseTransport | None = None,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
        now: Callable[[], float] = time.time,
        circuit: Circuit | None = None,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._headers = dict(headers or {})
        self._timeout = timeout
        self._attempts = attempts
        self._limit = limit
        self._transport = transport
        self._pause = pause
        self._now = now
        self._circuit = circuit or Circuit()

    async def json(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, body: Any = None, repeatable: bool | None = None
    ) -> Any:
        """The decoded body of a good answer; raises as `answer`."""
        return (await self.answer(method, path, params=params, body=body, repeatable=repeatable)).body

    async def answer(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        repeatable: bool | None = None,
        expect: frozenset[int] = frozenset(),
    ) -> Answer:
        """The answer, when it is good or its status is one of `expect`.

        A call is repeated on a lost connection or a passing status only if its method, or `repeatable`, says that it is safe; and after a
        limit, since what was limited was not done. Raises `Unavailable` (no answer, overload, a limit that lasts, too much, not JSON),
        `Misconfigured` (401, 403) or `Refusal` (another 4xx).
        """
        self._circuit.admit(self._base)
        try:
            answer = await self._persisted(method, path, params, body, repeatable if repeatable is not None else method in SAFE, expect)
        except Unavailable:
            self._circuit.note(failed=True)
            raise
        except (Misconfigured, Refusal):
            self._circuit.note(failed=False)
            raise
        self._circuit.note(failed=False)
        return answer

    async def _persisted(
        self, method: str, path: str, params: Mapping[str, str] | None, body: Any, repeatable: bool, expect: frozenset[int]
    ) -> Answer:
        async with httpx2.AsyncClient(headers=self._headers, timeout=self._timeout, transport=self._transport) as client:
            for attempt in range(1, self._attempts + 1):
                last = attempt == self._attempts
                try:
                    status, headers, content = await self._exchange(client, method, self._base + path, params, body)
                except httpx2.TransportError as error:
                    if last or not repeatable:
                        raise Unavailable(
                            f"{self._base} did not answer {method} {path}: {type(error).__name__}. Try again later.", code="no_answer"
                        ) from error
                    await self._pause(_backoff(attempt))
                    continue
                limited = _limited(status, headers, content)
                if not last and (limited or (repeatable and status in RETRIED)):
                    await self._pause(self._told(headers, limited) or _backoff(attempt))
                    continue
                return self._decode(429 if limited else status, headers, content, f"{method} {path}", expect)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _exchange(
        self, client: httpx2.AsyncClient, method: str, url: str, params: Mapping[str, str] | None, body: Any
    ) -> tuple[int, httpx2.Headers, bytes]:
        for _ in range(4):
            async with client.stream(method, url, params=params, json=body) as answer:
                content = bytearray()
                async for chunk in answer.aiter_bytes():
                    content += chunk
                    if len(content) > self._limit:
                        raise Unavailable(f"{url} answered more than {self._limit:,} bytes; ask for less.", code="answer_too_large")
                place = answer.headers.get("location", "") if answer.status_code in MOVED else ""
                if not place:
                    return answer.status_code, answer.headers, bytes(content)
                url, params = self._followed(url, place), None
        raise Unavailable(f"{self._base} leads from one address to another without end, at last to {url}.", code="redirects")

    def _followed(self, url: str, place: str) -> str:
        there, here = httpx2.URL(url).join(place), httpx2.URL(self._base)
        if (there.scheme, there.host, there.port) != (here.scheme, here.host, here.port):
            raise Refusal(f"{self._base} leads to another service, {there.scheme}://{there.host}; it is not followed.", code="redirected")
        return str(there)

    def _told(self, headers: httpx2.Headers, limited: bool) -> float:
        """The pause that the service asks for, 0 when it names none; raises `Unavailable` for one that is too long to wait here."""
        asked, reset = headers.get("retry-after", ""), headers.get("x-ratelimit-reset", "")
        seconds = float(asked) if asked.replace(".", "", 1).isdigit() else 0.0
        if not asked and limited and reset.isdigit() and headers.get("x-ratelimit-remaining") == "0":
            seconds = max(float(reset) - self._now(), 1.0)
        if seconds > LONGEST_PAUSE:
            raise Unavailable(f"{self._base} asks us to wait {seconds:.0f} s before the next call; try again then.", code="rate_limited")
        return seconds

    def _decode(self, status: int, headers: httpx2.Headers, content: bytes, call: str, expect: frozenset[int]) -> Answer:
        said = content[:300].decode("utf-8", "replace")
        if status not in expect and status >= 400:
            raise _refused(self._base, status, call, said)
        try:
            body = json.loads(content) if content else None
        except ValueError as error:
            if status >= 400:
                return Answer(status, _lower(headers), {"message": said})
            raise Unavailable(
                f"{self._base} answered {status} to {call} with something that is not JSON: {said}", code="not_json"
            ) from error
        return Answer(status, _lower(headers), body)


def _refused(base: str, status: int, call: str, said: str) -> Misconfigured | Unavailable | Refusal:
    if status in {401, 403}:
        return Misconfigured(f"{base} refused our credentials for {call} ({status}): {said}", code="unauthorized")
    if status == 429:
        return Unavailable(f"{base} limits us at {call}: {said}", code="rate_limited")
    if status in RETRIED:
        return Unavailable(f"{base} answered {status} to {call}: {said}", code=f"http_{status}")
    return Refusal(f"{base} refused {call} ({status}): {said}", code=f"http_{status}")


def _lower(headers: httpx2.Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _backoff(attempt: int) -> float:
    return random.uniform(0.5, 1.0) * 0.25 * 2**attempt


def _limited(status: int, headers: httpx2.Headers, content: bytes) -> bool:
    """Whether the service says that we ask too often; some say so with 403."""
    if status != 403:
        return status == 429
    return "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0" or b"rate limit" in content[:2000].lower()
