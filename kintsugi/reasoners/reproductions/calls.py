"""Call the failing function with arguments under which the value is missing again."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import parse_qsl

from kintsugi.reasoners.changes import Plan
from kintsugi.reasoners.matching import Facts
from kintsugi.reasoners.nullness import Origin, callee, default_for, origin
from kintsugi.reasoners.places import Function, Place, own_nodes, parameters
from kintsugi.reasoners.reproductions import Sketch
from kintsugi.reasoners.reproductions.values import annotation_of, built, value_of, without
from kintsugi.reasoners.reproductions.writing import Setup, sketch


def call_function(facts: Facts, plan: Plan) -> Iterator[Sketch]:
    """Direct calls of the function nearest the throw, for each likely way that the value went missing."""
    place = plan.place
    if place is None or place.node is None or place.source.is_nested(place.node):
        return
    where: Origin | None = plan.aim.get("origin")
    for setup in _setups(facts, plan, place, where):
        for style in _styles(place):
            yield sketch(facts, place, setup, style, plan.aim.get("answer"))


def _setups(facts: Facts, plan: Plan, place: Place, where: Origin | None) -> Iterator[Setup]:
    if where is None:
        yield from _recorded(facts, place)
        return
    assert place.node is not None
    if where.root == "parameter":
        leaf = str(plan.aim.get("leaf") or ("None" if facts.short_exception != "IndexError" else "[]"))
        yield Setup({where.name: built(where.name, where.steps, leaf, place)})
    elif where.root == "lookup" and where.node:
        yield from _missed(facts, plan, place, where.node)
    elif where.root == "call" and isinstance(where.node, ast.Call):
        yield from _searched(facts, plan, place, where)


def _missed(facts: Facts, plan: Plan, place: Place, node: ast.expr) -> Iterator[Setup]:
    """A table without the key: the key is one that nobody has, or the table is empty."""
    assert place.node is not None
    table = (
        node.value
        if isinstance(node, ast.Subscript)
        else node.func.value
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        else None
    )
    key = node.slice if isinstance(node, ast.Subscript) else node.args[0] if isinstance(node, ast.Call) else None
    if table is None or key is None:
        return
    owner = _peeled(place, table)
    if isinstance(key, ast.Constant):
        if owner.root == "parameter":
            yield Setup({owner.name: built(owner.name, owner.steps, without(place, owner, key.value), place)})
        return
    wanted = _peeled(place, key)
    if wanted.root == "parameter":
        for literal in _missing_keys(facts, plan, place, wanted):
            setup = Setup({wanted.name: built(wanted.name, wanted.steps, literal, place)})
            if owner.root == "parameter" and owner.name != wanted.name:
                setup.values[owner.name] = built(owner.name, owner.steps, "{}", place)
            yield setup
    elif owner.root == "parameter":
        yield Setup({owner.name: built(owner.name, owner.steps, "{}", place)})


def _searched(facts: Facts, plan: Plan, place: Place, where: Origin) -> Iterator[Setup]:
    """A search that finds nothing: by a text that does not fit, an empty collection, or a collaborator that answers None."""
    call = where.node
    assert isinstance(call, ast.Call)
    name = callee(call)
    if name in ("match", "search", "fullmatch") and call.args and not where.steps:
        text = _peeled(place, call.args[-1])
        if text.root == "parameter":
            for literal in ('""', '"?"'):
                yield Setup({text.name: built(text.name, text.steps, literal, place)})
            return
    if name == "next" and call.args and not where.steps:
        yield from _none_fits(facts, plan, place, call.args[0])
        return
    yield from _collaborator(place, call, value_of(where.steps, "[]" if facts.short_exception == "IndexError" else "None", {}))


def _none_fits(facts: Facts, plan: Plan, place: Place, generator: ast.expr) -> Iterator[Setup]:
    assert place.node is not None
    names = {n.id for n in ast.walk(generator) if isinstance(n, ast.Name)}
    setup = Setup()
    for parameter in parameters(place.node):
        if parameter.arg in names:
            iterated = any(
                isinstance(n, ast.comprehension) and isinstance(n.iter, ast.Name) and n.iter.id == parameter.arg
                for n in ast.walk(generator)
            )
            setup.values[parameter.arg] = (
                "[]" if iterated else next(_missing_keys(facts, plan, place, Origin("parameter", None, parameter.arg)))
            )
    yield setup


def _collaborator(place: Place, call: ast.Call, value: str) -> Iterator[Setup]:
    """The collaborator answers with the value; earlier calls of the same method find something."""
    root, name, path = _chain(place, call.func)
    kind = "AsyncMock" if isinstance(place.source.parents.get(call), ast.Await) else "MagicMock"
    earlier = _earlier(place, call)
    answer = f"side_effect=[{'[mock.MagicMock()], ' * earlier}{value}, *[[]] * 9]" if earlier else f"return_value={value}"
    if root == "parameter":
        yield Setup(mocked={name: {path: f"mock.{kind}({answer})"}})
    elif root == "module" and "return_value" in path:
        first, _, rest = f".{path}".partition(".return_value.")
        yield Setup(patches={f"{name}{first}": f"mock.MagicMock(**{{{f'return_value.{rest}'!r}: mock.{kind}({answer})}})"})
    elif root == "module":
        yield Setup(patches={f"{name}{'.' + path if path else ''}": f"mock.{kind}({answer})"})
    yield Setup()


def _earlier(place: Place, call: ast.Call) -> int:
    assert place.node is not None
    same = [n for n in own_nodes(place.node) if isinstance(n, ast.Call) and ast.dump(n.func) == ast.dump(call.func)]
    return sum(1 for n in same if n.lineno < call.lineno)


def _chain(place: Place, node: ast.expr) -> tuple[Literal["parameter", "module", ""], str, str]:
    """The root of a dotted call (a parameter or a name of the module) and the mock path from there."""
    path: list[str] = []
    for _ in range(12):
        if isinstance(node, ast.Attribute):
            path.insert(0, node.attr)
            node = node.value
        elif isinstance(node, ast.Call):
            path.insert(0, "return_value")
            node = node.func
        elif isinstance(node, ast.Await):
            node = node.value
        elif isinstance(node, ast.Name):
            assert place.node is not None
            if node.id in {p.arg for p in parameters(place.node)}:
                return "parameter", node.id, ".".join(path)
            bound = _bound(place.node, node.id)
            if bound is None:
                return "module", node.id, ".".join(path).removeprefix(".")
            if bound[1]:
                path[:0] = ["__enter__", "return_value"]
            node = bound[0]
        else:
            break
    return "", "", ""


def _bound(function: Function, name: str) -> tuple[ast.expr, bool] | None:
    for node in own_nodes(function):
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            return node.value, False
        if isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name) and node.optional_vars.id == name:
            return node.context_expr, True
    return None


def _peeled(place: Place, node: ast.expr) -> Origin:
    """Where a key comes from, through `str(…)`, `.upper()` and the like."""
    assert place.node is not None
    for _ in range(6):
        found = origin(place.source, place.node, node)
        if found.root != "call" or not isinstance(found.node, ast.Call) or found.steps:
            return found
        call = found.node
        if isinstance(call.func, ast.Attribute) and default_for(call.func.attr) == "''":
            node = call.func.value
        elif isinstance(call.func, ast.Name) and call.func.id in ("str", "int") and call.args:
            node = call.args[0]
        else:
            return found
    return Origin("unknown")


def _missing_keys(facts: Facts, plan: Plan, place: Place, wanted: Origin) -> Iterator[str]:
    """Keys that are surely missing: the one of the message, then one of ours. Numbers for what is declared or named a number."""
    key = plan.aim.get("key")
    if isinstance(key, str | int):
        yield repr(key)
    name = str(wanted.steps[-1][1]) if wanted.steps and wanted.steps[-1][1] else wanted.name
    annotation = annotation_of(place, wanted.name) if not wanted.steps else ""
    number = annotation == "int" or (not annotation and re.search(r"(^|_)(id|number|n|index)$", name))
    yield from (("987654321", '"no-such-key"') if number else ('"no-such-key"',))


def _recorded(facts: Facts, place: Place) -> Iterator[Setup]:
    """Arguments named like fields of the recorded requests."""
    assert place.node is not None
    names = [p.arg for p in parameters(place.node) if p.arg not in ("self", "cls")]
    for request in facts.requests[:3]:
        data = request_data(request)
        if len(names) == 1 and names[0] not in data and isinstance(request.get("body"), str) and request["body"]:
            yield Setup({names[0]: repr(_json(request["body"]))})
        elif names and all(name in data for name in names):
            yield Setup({name: repr(data[name]) for name in names})


def request_data(request: Any) -> dict[str, Any]:
    """The named values of a recorded request: its query and the top level of a JSON body."""
    query = dict(parse_qsl(str(request.get("target", "")).partition("?")[2]))
    body = _json(str(request.get("body") or ""))
    return query | (body if isinstance(body, dict) else {})


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _styles(place: Place) -> tuple[str, ...]:
    """How `self` is made, for a method; a plain function has one style."""
    assert place.node is not None
    owner = place.source.class_of(place.node)
    decorators = {ast.unparse(d) for d in place.node.decorator_list}
    if owner is None or decorators & {"staticmethod", "classmethod"}:
        return ("",)
    fields = any("dataclass" in ast.unparse(d) for d in owner.decorator_list)
    return (
        ("built", "mock", "bare")
        if fields or any(isinstance(n, ast.FunctionDef) and n.name == "__init__" for n in owner.body)
        else ("bare", "mock")
    )
