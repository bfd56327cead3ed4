"""Send the recorded requests to the application, in process, through its own ASGI or WSGI door: no client library, no socket."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from kintsugi.reasoners.changes import Plan
from kintsugi.reasoners.matching import Facts
from kintsugi.reasoners.places import Source, parameters
from kintsugi.reasoners.reproductions import Sketch

_ASGI = re.compile(r"^(starlette|fastapi|quart|litestar|sanic|blacksheep)\.")
_WSGI = re.compile(r"^(flask|bottle|falcon|pyramid|werkzeug|django\.core\.wsgi)\.")
_FACTORIES = re.compile(r"^(create|make|build|get)_(app|application)$")

_COMMON = '''
seen: list[BaseException] = []


def remember(*args, factory=logging.getLogRecordFactory(), **kwargs):
    """What the application caught and logged counts as well."""
    record = factory(*args, **kwargs)
    if record.exc_info and record.exc_info[1]:
        seen.append(record.exc_info[1])
    return record


def is_another_case(error) -> bool:
    """Whether production knows this failure as a case of its own, which hides ours or comes with it."""
    while error is not None:
        step = error.__traceback__
        while step is not None:
            if (type(error).__name__, step.tb_frame.f_code.co_name) in OTHER_CASES:
                return True
            step = step.tb_next
        error = error.__cause__ or error.__context__
    return False


def judge(outcomes) -> None:
    """Raises what failed, and accepts no answer of 500 or more, other cases aside."""
    statuses = [each for each in outcomes if isinstance(each, int)]
    errors = [each for each in outcomes if not isinstance(each, int)]
    if not errors and max(statuses) < 500:
        return
    failures = [each for each in (*errors, *seen) if not is_another_case(each)]
    if failures:
        raise failures[0]
    assert errors or seen, f"answered {max(statuses)}"
'''

_ASGI_DRIVER = '''
async def ask(app, method, target, body, state):
    """Sends one request and returns the status of its answer."""
    path, _, query = target.partition("?")
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json"), (b"content-length", str(len(body.encode())).encode())]
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "path": unquote(path),
             "raw_path": path.encode(), "query_string": query.encode(), "root_path": "", "headers": headers, "client": ("127.0.0.1", 1),
             "server": ("localhost", 80), "state": dict(state)}
    inbox = [{"type": "http.request", "body": body.encode(), "more_body": False}]
    statuses = []

    async def receive():
        if not inbox:
            await asyncio.Event().wait()
        return inbox.pop()

    async def send(message):
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    return statuses[0]


async def replay(app, requests, copies=1):
    """Runs start-up and shutdown around the requests; returns a status or an exception for each."""
    events, ready, state = asyncio.Queue(), asyncio.Event(), {}

    async def send(message):
        ready.set()

    events.put_nowait({"type": "lifespan.startup"})
    scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": state}
    life, started = asyncio.ensure_future(app(scope, events.get, send)), asyncio.ensure_future(ready.wait())
    await asyncio.wait({life, started}, return_when=asyncio.FIRST_COMPLETED)
    try:
        sent = [ask(app, *request, state) for request in requests for _ in range(copies)]
        return await asyncio.wait_for(asyncio.gather(*sent, return_exceptions=True), 20)
    finally:
        events.put_nowait({"type": "lifespan.shutdown"})
        await asyncio.wait({life}, timeout=5)
        life.cancel()
        started.cancel()
        await asyncio.gather(life, started, return_exceptions=True)
'''

_WSGI_DRIVER = '''
def ask(app, method, target, body):
    """Sends one request and returns the status of its answer."""
    path, _, query = target.partition("?")
    data, statuses = body.encode(), []
    environ = {"REQUEST_METHOD": method, "PATH_INFO": unquote(path), "SCRIPT_NAME": "", "QUERY_STRING": query, "SERVER_NAME": "localhost",
               "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(data)),
               "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(data), "wsgi.errors": sys.stderr,
               "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False}

    def start_response(status, headers, exc_info=None):
        if exc_info:
            seen.append(exc_info[1])
        statuses.append(int(status.split()[0]))

    answer = app(environ, start_response)
    list(answer)
    return statuses[-1]
'''


def replay_request(facts: Facts, plan: Plan) -> Iterator[Sketch]:
    """Each recorded request once, one after another start-up."""
    yield from _sketches(facts, 1)


def burst(facts: Facts, plan: Plan) -> Iterator[Sketch]:
    """As many copies at once as production had in flight when it failed."""
    setting = plan.aim.get("setting")
    least = 2 * int(setting.value) + 2 if setting else 8
    yield from _sketches(facts, min(max(facts.concurrency, least), 64))


def _sketches(facts: Facts, copies: int) -> Iterator[Sketch]:
    requests = [(str(r.get("method", "GET")), str(r["target"]), str(r.get("body") or "")) for r in facts.requests if r.get("target")][:3]
    if not requests:
        return
    for source, name, kind in _apps(facts, requests[0][1])[:3]:
        root, module = facts.sources.module(source.path)
        if module and not (kind == "wsgi" and copies > 1):
            yield _sketch(root, module, name, kind, requests, -(-copies // len(requests)), _others(facts))


def _others(facts: Facts) -> str:
    """The failures that production knows as cases of their own, as a set of (exception, function)."""
    found: list[dict[str, str]] = facts.evidence.get("other_failures") or []
    pairs = sorted({(str(each["exception"]).rpartition(".")[2], str(each["function"])) for each in found})
    return "OTHER_CASES = {" + ", ".join(repr(pair) for pair in pairs) + "}" if pairs else "OTHER_CASES = set()"


def _sketch(root: str, module: str, name: str, kind: str, requests: list[tuple[str, str, str]], copies: int, others: str) -> Sketch:
    app = name.removesuffix("()")
    data = ["requests = [", *(f"    {request!r}," for request in requests), "]"]
    guard = ["monkeypatch_free = logging.getLogRecordFactory()", "logging.setLogRecordFactory(remember)", "try:"]
    if kind == "asgi":
        run, imports, driver = (
            f"    outcomes = asyncio.run(replay({name}, requests{f', copies={copies}' if copies > 1 else ''}))",
            ["import asyncio"],
            _ASGI_DRIVER,
        )
    else:
        run, imports, driver = f"    outcomes = [ask({name}, *request) for request in requests]", ["import io", "import sys"], _WSGI_DRIVER
    guard[0] = "factory = logging.getLogRecordFactory()"
    body = [
        *data, *guard, run, "finally:", "    logging.setLogRecordFactory(factory)",
        "judge(outcomes)",
    ]  # fmt: skip
    shared = ("import logging", "from urllib.parse import unquote", f"from {module} import {app}")
    what = f"{copies * len(requests)}_requests_at_once_are_answered" if copies > 1 else "recorded_requests_are_answered"
    return Sketch(tuple(body), (*imports, *shared), f"{others}\n{_COMMON}\n{driver}", (root,), what)


def _apps(facts: Facts, target: str) -> list[tuple[Source, str, str]]:
    """The application objects of the project, the one most likely to have answered the request first."""
    found: list[tuple[Source, str, str]] = []
    for path in facts.sources.app:
        found += [(facts.sources[path], name, kind) for name, kind in _in_module(facts.sources[path])]
    first = target.partition("?")[0].strip("/").partition("/")[0]
    service = str(facts.evidence.get("service", ""))

    def likely(app: tuple[Source, str, str]) -> int:
        source = app[0]
        on_trace = any(place.path == source.path for place in facts.places)
        modules = {facts.sources.module(place.path)[1] for place in facts.places}
        imports = bool({meaning for name in source.imports.values() for meaning in (name, name.rpartition(".")[0])} & modules)
        return -(8 * on_trace + 4 * bool(first and f"/{first}" in source.text) + 2 * bool(service and service in source.path) + imports)

    return sorted(found, key=likely)


def _in_module(source: Source) -> Iterator[tuple[str, str]]:
    kind = _kind(source)
    for node in source.tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
            targets: list[Any] = node.targets if isinstance(node, ast.Assign) else [node.target]
            made = (
                _made(source.meaning(node.value.func)) or (kind if targets[0].id in ("app", "application") else "")
                if isinstance(targets[0], ast.Name)
                else ""
            )
            if made:
                yield targets[0].id, made
        elif isinstance(node, ast.FunctionDef) and _FACTORIES.match(node.name) and len(parameters(node)) == len(node.args.defaults):
            if made := kind or next((m for n in ast.walk(node) if isinstance(n, ast.Call) and (m := _made(source.meaning(n.func)))), ""):
                yield f"{node.name}()", made
        elif isinstance(node, ast.AsyncFunctionDef) and [p.arg for p in parameters(node)] == ["scope", "receive", "send"]:
            yield node.name, "asgi"
        elif isinstance(node, ast.FunctionDef) and [p.arg for p in parameters(node)] == ["environ", "start_response"]:
            yield node.name, "wsgi"


def _made(meaning: str) -> str:
    if meaning.rpartition(".")[2] not in (
        "Starlette",
        "FastAPI",
        "Quart",
        "Litestar",
        "Sanic",
        "Flask",
        "Bottle",
        "App",
        "default_app",
        "get_wsgi_application",
    ):
        return ""
    return "asgi" if _ASGI.match(meaning) else "wsgi" if _WSGI.match(meaning) else ""


def _kind(source: Source) -> str:
    if any(_ASGI.match(f"{meaning}.") for meaning in source.imports.values()):
        return "asgi"
    return "wsgi" if any(_WSGI.match(f"{meaning}.") for meaning in source.imports.values()) else ""
