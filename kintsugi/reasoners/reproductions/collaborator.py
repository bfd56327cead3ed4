"""Let the other side fail once the way production saw it, then answer: the function must come through."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kintsugi.reasoners.changes import Plan
from kintsugi.reasoners.matching import Facts
from kintsugi.reasoners.outgoing import Outgoing
from kintsugi.reasoners.reproductions import Sketch
from kintsugi.reasoners.reproductions.writing import Setup, call_of, needed_imports

_FAKE = """
def reply(status):
    made = mock.MagicMock(status_code=status, status=status, code=status, ok=status < 400, is_success=status < 400, is_error=status >= 400)
    made.json.return_value = {payload}
    made.read.return_value = b"{}"
    made.text, made.content = "{}", b"{}"
    made.__enter__.return_value = made
    if status >= 400:
        made.raise_for_status.side_effect = {refused}
    return made
"""


def faulty_collaborator(facts: Facts, plan: Plan) -> Iterator[Sketch]:
    """A first answer that fails (a status, or no answer in time), then a good one; without a retry, a call that must carry a time limit."""
    found: Outgoing | None = plan.aim.get("outgoing")
    place = plan.place
    if found is None or place is None or place.node is None or place.source.is_nested(place.node):
        return
    root, module = facts.sources.module(place.path)
    if not module:
        return
    owner = place.source.class_of(place.node)
    name = owner.name if owner else place.node.name
    target, imports = _target(found, module)
    for call in dict.fromkeys(call_of(place, Setup(), style) for style in (("built", "mock", "bare") if owner else ("",))):
        for payload in ("mock.MagicMock()", "{}"):
            shared = ("from unittest import mock", f"from {module} import {name}", *imports, *needed_imports(call))
            if plan.aim.get("retried"):
                for fault, extra in _faults(facts, found):
                    yield _retried(found, call, target, fault, payload, (*shared, *extra), root, place.function)
            if plan.aim.get("limit") and payload == "{}":
                yield _limited(found, call, target, shared, root, place.function)


def _target(found: Outgoing, module: str) -> tuple[str, list[str]]:
    """What to patch: the client's method, the library's function, or the name that this module imported."""
    func = found.call.func
    if found.client is None and isinstance(func, ast.Name):
        return f"{module}.{func.id}", []
    return found.target, [f"import {found.library}"]


def _faults(facts: Facts, found: Outgoing) -> list[tuple[str, tuple[str, ...]]]:
    """The sources of the first outcome: an exception as production saw it, or an answer with the status it saw."""
    status = next((m[1] for text in facts.texts for m in [re.search(r"\b(50[0234])\b", text)] if m), "503")
    chain = [e.type for e in facts.trace.exceptions] if facts.trace else []
    library = found.library.partition(".")[0]
    outer = next((t for t in chain if t.startswith((f"{library}.", "urllib."))), "")
    thrown = facts.short_exception
    if library == "urllib" and (thrown in ("HTTPError", "TimeoutError", "URLError", "timeout") or outer):
        http = f'urllib.error.HTTPError("http://localhost", {status}, "unavailable", Message(), BytesIO())'
        made = (
            http
            if thrown == "HTTPError"
            else 'TimeoutError("timed out")'
            if thrown in ("TimeoutError", "timeout")
            else 'urllib.error.URLError("unreachable")'
        )
        return [(made, ("import urllib.error", "from email.message import Message", "from io import BytesIO"))]
    if outer and "Status" not in outer and not outer.endswith("HTTPError"):
        kind = outer.rpartition(".")[2]
        return [(f'{library}.{kind}("no answer")' if library != "requests" else f'requests.exceptions.{kind}("no answer")', ())]
    if thrown in (
        "TimeoutError",
        "ConnectionError",
        "ConnectionResetError",
        "ConnectionRefusedError",
        "ConnectTimeout",
        "ReadTimeout",
        "ConnectError",
    ):
        kind = {"requests": "requests.exceptions.ConnectionError"}.get(library, f"{library}.ConnectError")
        return [(f'{kind}("no answer")', ())]
    return [(f"reply({status})", ())]


def _retried(
    found: Outgoing, call: str, target: str, fault: str, payload: str, imports: tuple[str, ...], root: str, function: str
) -> Sketch:
    library = found.library.partition(".")[0]
    refused = {"requests": 'requests.exceptions.HTTPError(f"{status} Server Error")'}.get(
        library, f'{library}.HTTPStatusError(f"Server error {{status}}", request=mock.MagicMock(), response=made)'
    )  # fmt: skip
    if library == "urllib":
        refused = "None"
    made = "AsyncMock" if found.is_async else "MagicMock"
    helper = _FAKE.replace("{payload}", payload).replace("{refused}", refused)
    pause = "asyncio.sleep" if found.is_async else "time.sleep"
    body = [
        f"outcomes = [{fault}, reply(200)]",
        f"with mock.patch({target!r}, mock.{made}(side_effect=outcomes)) as sent, mock.patch({pause!r}):",
        f"    {call}",
        "assert sent.call_count == 2",
    ]
    both = (*imports, "import requests") if library == "requests" else (*imports, f"import {library}") if library != "urllib" else imports
    return Sketch(tuple(body), tuple(dict.fromkeys(both)), helper, (root,), f"{function.strip('_')}_comes_through_a_short_outage")


def _limited(found: Outgoing, call: str, target: str, imports: tuple[str, ...], root: str, function: str) -> Sketch:
    """A check that the call carries a time limit: a call that never ends cannot be waited for in a test."""
    made = "AsyncMock" if found.is_async else "MagicMock"
    body = [
        f"with mock.patch({target!r}, mock.{made}(return_value=reply(200))) as sent:",
        "    with contextlib.suppress(Exception):",
        f"        {call}",
        'assert sent.call_args.kwargs.get("timeout"), "the call may wait without end"',
    ]
    helper = _FAKE.replace("{payload}", "mock.MagicMock()").replace("{refused}", "None")
    return Sketch(tuple(body), ("import contextlib", *imports), helper, (root,), f"{function.strip('_')}_does_not_wait_without_end", True)
