"""A scripted Messages API on loopback: what a model would answer is a script, what it costs is counted from the bytes that came and went."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

Json = dict[str, Any]
BYTES_PER_TOKEN = 4
_KINDS = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error", 500: "api_error", 529: "overloaded_error"}


@dataclass(frozen=True, slots=True)
class Use:
    """The model wants a tool."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Turn:
    """The model's answer: texts and tool uses, in their order, after `delay` seconds. Without `stop` the blocks decide it."""

    blocks: Sequence[str | Use]
    stop: str = ""
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class Failure:
    """The API answers with an error, for example 429, 500 or 529."""

    status: int
    message: str = "scripted"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Malformed:
    """The API answers 200 with bytes that are no message."""

    body: bytes = b'{"type": "message", "content": [{"type'


Answer = Turn | Failure | Malformed | str


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool gave back to the model."""

    id: str
    text: str
    is_error: bool


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens: read fresh, written to the cache, read from the cache, answered."""

    fresh: int = 0
    written: int = 0
    cached: int = 0
    output: int = 0

    @property
    def total(self) -> int:
        return self.fresh + self.written + self.cached + self.output

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.fresh + other.fresh, self.written + other.written, self.cached + other.cached, self.output + other.output)

    def as_json(self) -> Json:
        return {
            "input_tokens": self.fresh,
            "cache_creation_input_tokens": self.written,
            "cache_read_input_tokens": self.cached,
            "output_tokens": self.output,
        }


@dataclass(frozen=True)
class Request:
    """What the API was sent: `number` counts the requests for messages from 0, failed ones too."""

    number: int
    body: Json
    headers: Mapping[str, str]

    @cached_property
    def system(self) -> str:
        return _text(self.body.get("system", ""))

    @cached_property
    def tools(self) -> tuple[str, ...]:
        return tuple(str(tool["name"]) for tool in self.body.get("tools") or ())

    @property
    def messages(self) -> list[Json]:
        return self.body["messages"]

    @cached_property
    def said(self) -> str:
        """All text of the last message that is not the model's own."""
        return _text(next((each["content"] for each in reversed(self.messages) if each["role"] == "user"), ""))

    @cached_property
    def results(self) -> tuple[Result, ...]:
        """The tool results of the last message, in their order; what a host adds after it as `system` is passed over."""
        last = next((each for each in reversed(self.messages) if each["role"] != "system"), {"content": ""})
        blocks = [block for block in _as_blocks(last["content"]) if block["type"] == "tool_result"]
        return tuple(Result(each["tool_use_id"], _text(each.get("content", "")), bool(each.get("is_error"))) for each in blocks)

    @cached_property
    def turns(self) -> int:
        """How often the model has answered in this conversation."""
        return sum(1 for message in self.messages if message["role"] == "assistant")

    @property
    def is_subagent(self) -> bool:
        """Whether Claude Code asks for one of its subagents."""
        return "cc_is_subagent=true" in self.system


Script = Callable[[Request], Answer] | Sequence[Answer]


class MessagesApi:
    """Serves `script` at `url` until the end of the context: a function of the request, or answers in turn (the last one repeats).

    A request without tools that a list is not meant for (hosts ask for titles) gets any text. A prompt of more than `context` tokens is
    answered as the API does it, with 400.
    """

    def __init__(self, script: Script, *, context: int = 1_000_000) -> None:
        self._script = script
        self._context = context
        self._prefixes: set[str] = set()
        self._lock = threading.Lock()
        self.requests: list[Request] = []
        self.usages: list[Usage] = []
        self.counted: list[Json] = []

    def __enter__(self) -> MessagesApi:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def usage(self) -> Usage:
        """Everything that was charged."""
        return sum(self.usages, Usage())

    def answer(self, body: Json, headers: Mapping[str, str]) -> tuple[Answer, Usage]:
        """What the script says to a request, and what it costs: an answer that is no message costs nothing."""
        with self._lock:
            request = Request(len(self.requests), body, headers)
            self.requests.append(request)
            scripted = self._scripted(request)
        tokens = _tokens(_bytes(_blocks(body)))
        if isinstance(scripted, Turn) and tokens > self._context:
            scripted = Failure(400, f"prompt is too long: {tokens} tokens > {self._context} maximum")
        if isinstance(scripted, Turn) and scripted.delay:
            time.sleep(scripted.delay)
        if not isinstance(scripted, Turn):
            return scripted, Usage()
        with self._lock:
            usage = self._charged(body, scripted)
            self.usages.append(usage)
        return scripted, usage

    def _scripted(self, request: Request) -> Answer:
        if callable(self._script):
            found = self._script(request)
        elif request.tools:
            asked = sum(1 for each in self.requests if each.tools)
            found = self._script[min(asked, len(self._script)) - 1]
        else:
            found = "ok"
        return Turn((found,)) if isinstance(found, str) else found

    def _charged(self, body: Json, turn: Turn) -> Usage:
        """The longest prefix that an earlier request marked is read from the cache; up to the last mark it is written there."""
        blocks = _blocks(body)
        sizes = [len(json.dumps(_bare(block), ensure_ascii=False).encode()) for block in blocks]
        prefixes = list(_digests(blocks, str(body.get("model"))))
        marks = [number for number, block in enumerate(blocks) if "cache_control" in block]
        if body.get("cache_control") and blocks:
            marks.append(len(blocks) - 1)
        read = max((number + 1 for number, prefix in enumerate(prefixes) if prefix in self._prefixes), default=0) if marks else 0
        kept = max(read, marks[-1] + 1) if marks else 0
        self._prefixes.update(prefixes[number] for number in marks)
        return Usage(
            _tokens(sum(sizes[kept:])), _tokens(sum(sizes[read:kept])), _tokens(sum(sizes[:read])), _tokens(_bytes(_content(turn, "")))
        )


def _handler(api: MessagesApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body: Json = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            path = self.path.partition("?")[0]
            if path == "/v1/messages/count_tokens":
                api.counted.append(body)
                self._send(200, json.dumps({"input_tokens": _tokens(_bytes(_blocks(body)))}).encode())
            elif path == "/v1/messages":
                self._message(body)
            else:
                self._send(404, _error("not_found_error", path))

        def _message(self, body: Json) -> None:
            answer, usage = api.answer(body, dict(self.headers))
            match answer:
                case Failure(status, message, headers):
                    self._send(status, _error(_KINDS.get(status, "api_error"), message), headers)
                case Malformed(raw):
                    self._send(200, raw)
                case Turn() if body.get("stream"):
                    events = _events(_message(answer, body, usage))
                    self._send(200, b"".join(events), {"Content-Type": "text/event-stream"})
                case Turn():
                    self._send(200, json.dumps(_message(answer, body, usage)).encode())
                case _:
                    raise TypeError(answer)

        def _send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
            try:
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **(headers or {}), "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                return  # whoever asked has gone

        def log_message(self, format: str, *args: Any) -> None:
            return

    return Handler


def _message(turn: Turn, body: Json, usage: Usage) -> Json:
    stop = turn.stop or ("tool_use" if any(isinstance(block, Use) for block in turn.blocks) else "end_turn")
    name = hashlib.sha256(json.dumps(body).encode()).hexdigest()[:12]
    return {
        "id": f"msg_{name}",
        "type": "message",
        "role": "assistant",
        "model": body.get("model"),
        "content": _content(turn, name),
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": usage.as_json(),
    }


def _content(turn: Turn, name: str) -> list[Json]:
    return [
        {"type": "text", "text": block}
        if isinstance(block, str)
        else {"type": "tool_use", "id": f"toolu_{name}{number}", "name": block.name, "input": dict(block.arguments)}
        for number, block in enumerate(turn.blocks)
    ]


def _events(message: Json) -> Iterator[bytes]:
    """The server-sent events of a message, its texts and arguments in two pieces each."""
    usage = message["usage"]
    yield _event("message_start", message={**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}})
    for index, block in enumerate(message["content"]):
        is_text = block["type"] == "text"
        yield _event("content_block_start", index=index, content_block={**block, **({"text": ""} if is_text else {"input": {}})})
        whole = block["text"] if is_text else json.dumps(block["input"])
        for piece in (whole[: len(whole) // 2], whole[len(whole) // 2 :]):
            delta = {"type": "text_delta", "text": piece} if is_text else {"type": "input_json_delta", "partial_json": piece}
            yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield _event("message_delta", delta=delta, usage=usage)
    yield _event("message_stop")


def _event(kind: str, **data: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n".encode()


def _error(kind: str, message: str) -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()


def _blocks(body: Json) -> list[Json]:
    """The prompt in the order of the cache: tools, system, messages, block by block."""
    found: list[Json] = [*(body.get("tools") or ()), *_as_blocks(body.get("system") or [])]
    for message in body.get("messages") or ():
        found += [{"role": message["role"], **block} for block in _as_blocks(message["content"])]
    return found


def _as_blocks(content: str | list[Json]) -> list[Json]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _bare(block: Json) -> Json:
    return {key: value for key, value in block.items() if key != "cache_control"}


def _digests(blocks: Sequence[Json], model: str) -> Iterator[str]:
    whole = hashlib.sha256(model.encode())
    for block in blocks:
        whole.update(json.dumps(_bare(block), sort_keys=True).encode())
        yield whole.hexdigest()


def _bytes(blocks: Sequence[Json]) -> int:
    return sum(len(json.dumps(_bare(block), ensure_ascii=False).encode()) for block in blocks)


def _tokens(size: int) -> int:
    return -(-size // BYTES_PER_TOKEN)


def _text(content: Any) -> str:
    """The text of a string or of content blocks, those inside tool results too."""
    if isinstance(content, str):
        return content
    parts = cast("list[Json]", content)
    return "\n".join(str(part["text"]) if "text" in part else _text(part.get("content", "")) for part in parts)
