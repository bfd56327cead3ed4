"""Give the function a resource that counts how many are open at once, and fails as the system does when there are too many."""

from __future__ import annotations

from collections.abc import Iterator

from kintsugi.reasoners.changes import Plan
from kintsugi.reasoners.matching import Facts
from kintsugi.reasoners.reproductions import Sketch
from kintsugi.reasoners.reproductions.writing import Setup, call_of, needed_imports
from kintsugi.reasoners.resources import Opened

_TRACKED = '''
still_open: list[object] = []


def tracked(*args, **kwargs):
    """Stands for what is opened; refuses when too many are open at once, as a process without descriptors does."""
    if len(still_open) >= {most}:
        raise OSError(24, "Too many open files")
    made = mock.MagicMock()

    def close(*args):
        still_open[:] = [each for each in still_open if each is not made]

    made.__enter__.return_value = made.__aenter__.return_value = made
    made.close.side_effect = made.__exit__.side_effect = made.__aexit__.side_effect = close
    made.aclose = mock.AsyncMock(side_effect=close)
    {answers}
    still_open.append(made)
    return made
'''


def bounded_resource(facts: Facts, plan: Plan) -> Iterator[Sketch]:
    """Calls the function several times: once failing as production did, once as a check of how many stay open."""
    opened: Opened | None = plan.aim.get("opened")
    place = plan.place
    if opened is None or place is None or place.source.is_nested(opened.function):
        return
    root, module = facts.sources.module(place.path)
    if not module:
        return
    owner = place.source.class_of(opened.function)
    name = owner.name if owner else opened.function.name
    call = call_of(place, Setup(), "mock")
    answers = ("{}", '[{"id": 1}]', None)
    for as_check in (False, True):
        for answer in answers[:1] if as_check else (answers[2], answers[0]):
            target = opened.source.segment(opened.call.func)
            lines = _body(f"{module}.{target}" if target != "open" else "builtins.open", call, as_check)
            imports = ["import contextlib", "from unittest import mock", f"from {module} import {name}", *needed_imports(call)]
            if not any("contextlib" in line for line in lines):
                imports.remove("import contextlib")
            helper = _helper(opened, 1000 if as_check else 2, answer)
            yield Sketch(tuple(lines), tuple(imports), helper, (root,), f"{opened.function.name.strip('_')}_closes_what_it_opens", as_check)


def _body(target: str, call: str, as_check: bool) -> list[str]:
    lines = ["still_open.clear()", f"with mock.patch({target!r}, tracked):", "    for _ in range(5):"]
    if not as_check:
        return [*lines, f"        {call}"]
    check = 'assert len(still_open) <= 2, f"{len(still_open)} are still open after 5 calls"'
    return [*lines, "        with contextlib.suppress(Exception):", f"            {call}", check]


def _helper(opened: Opened, most: int, answer: str | None) -> str:
    verbs = ("get", "post", "put", "request", "send", "delete", "patch")
    lines = ['made.read.return_value = "{}"']
    if opened.is_async or "Client" in opened.constructor or "ession" in opened.constructor:
        kind = "AsyncMock" if opened.is_async else "MagicMock"
        given = f", json=mock.MagicMock(return_value={answer})" if answer else ""
        lines = [f"for verb in {verbs!r}:", f"    setattr(made, verb, mock.{kind}(return_value=mock.MagicMock(status_code=200{given})))"]
    return _TRACKED.replace("{most}", str(most)).replace("{answers}", "\n    ".join(lines))
