"""HTTP for adapters: JSON in and out, a deadline, bounded answers, and retries only where repeating is safe."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx2

from mcp_servers.kit.errors import Misconfigured, Refusal, Unavailable

RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
LONGEST_PAUSE = 30.0


class Http:
    """A client of one service. `attempts` counts the first try; `limit` bounds an answer, in bytes; `pause` is awaited between attempts."""

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
    ) -> None:
        self._base = base_url.rstrip("/")
        self._headers = dict(headers or {})
        self._timeout = timeout
        self._attempts = attempts
        self._limit = limit
        self._transport = transport
        self._pause = pause

    async def json(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, body: Any = None, repeatable: bool | None = None
    ) -> Any:
        """The decoded answer. A call is repeated on a lost connection or a passing status only if its method, or `repeatable`, says that it is safe.

        Raises `Unavailable` (no answer, overload, too much, not JSON), `Misconfigured` (401, 403) or `Refusal` (another 4xx).
        """
        attempts = self._attempts if (repeatable if repeatable is not None else method in SAFE) else 1
        async with httpx2.AsyncClient(headers=self._headers, timeout=self._timeout, transport=self._transport) as client:
            for attempt in range(1, attempts + 1):
                try:
                    status, headers, content = await self._exchange(client, method, path, params, body)
                except httpx2.TransportError as error:
                    if attempt == attempts:
                        raise Unavailable(
                            f"{self._base} did not answer {method} {path}: {type(error).__name__}. Try again later."
                        ) from error
                    await self._pause(_backoff(attempt))
                    continue
                if status in RETRIED and attempt < attempts:
                    await self._pause(_retry_after(headers) or _backoff(attempt))
                    continue
                return self._decode(status, content, method, path)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _exchange(
        self, client: httpx2.AsyncClient, method: str, path: str, params: Mapping[str, str] | None, body: Any
    ) -> tuple[int, httpx2.Headers, bytes]:
        async with client.stream(method, self._base + path, params=params, json=body) as answer:
            content = bytearray()
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > self._limit:
                    raise Unavailable(
                        f"{self._base}{path} answered more than {self._limit:,} bytes; ask for less.", code="answer_too_large"
                    )
            return answer.status_code, answer.headers, bytes(content)

    def _decode(self, status: int, content: bytes, method: str, path: str) -> Any:
        said = content[:300].decode("utf-8", "replace")
        if status in {401, 403}:
            raise Misconfigured(f"{self._base} refused our credentials for {method} {path} ({status}): {said}", code="unauthorized")
        if status in RETRIED:
            raise Unavailable(f"{self._base} answered {status} to {method} {path}: {said}", code=f"http_{status}")
        if status >= 400:
            raise Refusal(f"{self._base} refused {method} {path} ({status}): {said}", code=f"http_{status}")
        try:
            return json.loads(content) if content else None
        except ValueError as error:
            raise Unavailable(f"{self._base}{path} answered {status} with something that is not JSON: {said}", code="not_json") from error


def _backoff(attempt: int) -> float:
    return random.uniform(0.5, 1.0) * 0.25 * 2**attempt


def _retry_after(headers: httpx2.Headers) -> float:
    value = headers.get("retry-after", "")
    return min(float(value), LONGEST_PAUSE) if value.replace(".", "", 1).isdigit() else 0.0
