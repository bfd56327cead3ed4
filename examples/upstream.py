"""The systems behind the shop: payment provider, language model, recommendations and mail. Not part of the shop's own code.

The provider answers 503 to about 8 % and hangs 4 s for about 3 % of first tries; a repeated Idempotency-Key is served at once.
Which ones is decided by the seed and the key, so two runs treat the same order alike.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from collections.abc import Callable
from zlib import crc32

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

HANG = 4.0
REMEMBERED = 50_000
WORDS = "this lamp shines warm and soft over a desk or beside a chair where people read in the evening with a cup of tea".split()


class Upstream:
    """Answers as the outside world does, the same way for the same seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._seen: set[str] = set()

    async def payments(self, request: Request) -> JSONResponse:
        key = request.headers.get("Idempotency-Key")
        if not key:
            return JSONResponse({"error": "Idempotency-Key is missing"}, 400)
        draw = self._draw(key)
        if self._first(key):
            if draw < 8:
                return JSONResponse({"error": "try again"}, 503)
            if draw >= 97:
                await asyncio.sleep(HANG)
        return JSONResponse({"receipt": f"R-{crc32(key.encode()):08x}"})

    async def completions(self, request: Request) -> JSONResponse:
        body = await request.json()
        question = str(body["messages"][-1]["content"])
        tokens = re.findall(r"\s*(?:\w+|[^\w\s])", self._answer(question))
        limit = int(body.get("max_tokens", 4096))
        choice = {
            "message": {"role": "assistant", "content": "".join(tokens[:limit])},
            "finish_reason": "stop" if len(tokens) <= limit else "length",
        }
        return JSONResponse({"choices": [choice], "usage": {"completion_tokens": min(limit, len(tokens))}})

    async def recommendations(self, request: Request) -> JSONResponse:
        product, limit = request.path_params["id"], int(request.query_params.get("limit", "4"))
        return JSONResponse({"products": [(product * 7 + step * 11) % 60 + 1 for step in range(limit)]})

    async def mail(self, request: Request) -> JSONResponse:
        key = f"mail {(await request.body()).decode('utf-8', 'replace')}"
        busy = self._draw(key) < 12 and self._first(key)
        return JSONResponse({"error": "busy"}, 503) if busy else JSONResponse({"status": "accepted"}, 202)

    def _answer(self, question: str) -> str:
        draw = self._draw(question)
        length = 20 + draw * 65 // 100
        words = " ".join(WORDS[(draw + step) % len(WORDS)] for step in range(length))
        return json.dumps({"answer": words.capitalize() + ".", "products": ["Desk lamp", "Wool rug"]})

    def _draw(self, key: str) -> int:
        return crc32(f"{self._seed}:{key}".encode()) % 100

    def _first(self, key: str) -> bool:
        if len(self._seen) > REMEMBERED:
            self._seen.clear()
        known = key in self._seen
        self._seen.add(key)
        return not known


async def health(request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


def create(seed: int) -> Starlette:
    """Return the stub as an application."""
    stub = Upstream(seed)
    routes: list[tuple[str, Callable[..., object], str]] = [
        ("/healthz", health, "GET"),
        ("/payments", stub.payments, "POST"),
        ("/chat/completions", stub.completions, "POST"),
        ("/recommendations/{id:int}", stub.recommendations, "GET"),
        ("/mail", stub.mail, "POST"),
    ]
    return Starlette(routes=[Route(path, handler, methods=[method]) for path, handler, method in routes])


def main() -> None:
    """Serve on loopback until told to stop."""
    parser = argparse.ArgumentParser(prog="upstream")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    uvicorn.run(create(options.seed), port=options.port, access_log=False, log_level="warning", timeout_keep_alive=60)


if __name__ == "__main__":
    main()
