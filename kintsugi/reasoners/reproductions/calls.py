"""Call the failing function with arguments under which the value is missing again."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl

from kintsugi.reasoners.changes import Plan
from kintsugi.reasoners.idioms import Answer
from kintsugi.reasoners.matching import Facts
from kintsugi.reasoners.nullness import Origin, Step, default_for, origin
from kintsugi.reasoners.places import Function, Place, Source, own_nodes, parameters
from kintsugi.reasoners.reproductions import Sketch

Shape = dict[Step, Any]
_NUMBER: Step = ("each", "number")  # a mark in a shape: arithmetic is done on this value
_COUNTED = re.compile(
    r"(^|_)(qty|quantity|price|amount|total|count|cents|id|n|num|number|size|width|height|age|days|hours|limit|percent|rate|weight|page|offset)$"
)


@dataclass(slots=True)
class Setup:
    """What a call needs: a value per parameter (as source), patches by dotted target, and what mocks of parameters answer."""

    values: dict[str, str] = field(default_factory=dict[str, str])
    patches: dict[str, str] = field(default_factory=dict[str, str])
    mocked: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])


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
        leaf = "None" if facts.short_exception != "IndexError" else "[]"
        yield Setup({where.name: _built(where.name, where.steps, leaf, place)})
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
            yield Setup({owner.name: _built(owner.name, owner.steps, _without(place, owner, key.value), place)})
        return
    wanted = _peeled(place, key)
    if wanted.root == "parameter":
        for literal in _missing_keys(facts, plan, place, wanted):
            setup = Setup({wanted.name: _built(wanted.name, wanted.steps, literal, place)})
            if owner.root == "parameter" and owner.name != wanted.name:
                setup.values[owner.name] = _built(owner.name, owner.steps, "{}", place)
            yield setup
    elif owner.root == "parameter":
        yield Setup({owner.name: _built(owner.name, owner.steps, "{}", place)})


def _searched(facts: Facts, plan: Plan, place: Place, where: Origin) -> Iterator[Setup]:
    """A search that finds nothing: by a text that does not fit, an empty collection, or a collaborator that answers None."""
    call = where.node
    assert isinstance(call, ast.Call)
    name = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
    if name in ("match", "search", "fullmatch") and call.args and not where.steps:
        text = _peeled(place, call.args[-1])
        if text.root == "parameter":
            for literal in ('""', '"?"'):
                yield Setup({text.name: _built(text.name, text.steps, literal, place)})
            return
    if name == "next" and call.args and not where.steps:
        yield from _none_fits(facts, plan, place, call.args[0])
        return
    yield from _collaborator(place, call, _value(where.steps, "[]" if facts.short_exception == "IndexError" else "None", {}))


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
    annotation = _annotation(place, wanted.name) if not wanted.steps else ""
    number = annotation == "int" or (not annotation and re.search(r"(^|_)(id|number|n|index)$", name))
    yield from (("987654321", '"no-such-key"') if number else ('"no-such-key"',))


def _annotation(place: Place, name: str) -> str:
    assert place.node is not None
    return next((ast.unparse(p.annotation) for p in parameters(place.node) if p.arg == name and p.annotation), "")


def _without(place: Place, owner: Origin, key: object) -> str:
    shape = _shape(place, owner.name)
    for step in owner.steps:
        shape = shape.get(step, {})
    return _value((), "", {step: inner for step, inner in shape.items() if step != ("item", key)}) if len(shape) > 1 else "{}"


def _built(name: str, steps: tuple[Step, ...], leaf: str, place: Place) -> str:
    """The source of a parameter's value that has `leaf` at the end of the steps and plausible neighbours."""
    return _value(steps, leaf, _shape(place, name))


def _shape(place: Place, name: str) -> Shape:
    """Which fields of a parameter the function uses."""
    shape: Shape = {}
    assert place.node is not None
    for node in own_nodes(place.node):
        if not isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Name):
            continue
        parent = place.source.parents.get(node)
        if isinstance(node, ast.Attribute) and isinstance(parent, ast.Call) and parent.func is node:
            continue
        found = origin(place.source, place.node, node)
        if found.root == "parameter" and found.name == name:
            inner = shape
            for step in found.steps:
                inner = inner.setdefault(step, {})
            if _is_counted(parent, node):
                inner.setdefault(_NUMBER, {})
    return shape


def _is_counted(parent: ast.AST | None, node: ast.expr) -> bool:
    """Whether arithmetic is done on a node, other than joining texts."""
    if isinstance(parent, ast.BinOp):
        other = parent.right if parent.left is node else parent.left
        texts = isinstance(other, ast.JoinedStr) or (isinstance(other, ast.Constant) and isinstance(other.value, str))
        named = isinstance(other, ast.Constant) and isinstance(other.value, int | float)
        return not texts and (named or not isinstance(parent.op, ast.Add | ast.Mod))
    if isinstance(parent, ast.Compare):
        return any(isinstance(each, ast.Constant) and isinstance(each.value, int | float) for each in (parent.left, *parent.comparators))
    return (
        isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id in {"int", "float", "round", "abs", "range"}
    )


def _value(steps: tuple[Step, ...], leaf: str, shape: Shape) -> str:
    if not steps and leaf:
        return leaf
    counted = _NUMBER in shape
    shape = {step: inner for step, inner in shape.items() if step != _NUMBER}
    if not steps and not shape:
        return "1" if counted else '"x"'
    kind = steps[0][0] if steps else next(iter(shape))[0]
    fields = {step: _value((), "", inner) if inner else _plain(step[1]) for step, inner in shape.items() if step[0] == kind}
    if steps:
        fields[steps[0]] = _value(steps[1:], leaf, shape.get(steps[0], {}))
    if kind == "each":
        return f"[{', '.join(fields.values())}]"
    if kind == "item" and all(isinstance(step[1], int) for step in fields):
        return f"[{', '.join(fields.get(('item', i), '1') for i in range(max(step[1] for step in fields) + 1))}]"
    if kind == "item":
        return "{" + ", ".join(f"{step[1]!r}: {text}" for step, text in fields.items()) + "}"
    return f"SimpleNamespace({', '.join(f'{step[1]}={text}' for step, text in fields.items())})"


def _plain(name: object) -> str:
    return "1" if isinstance(name, str) and _COUNTED.search(name.lower()) else '"x"'


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


def plausible(parameter: ast.arg, place: Place) -> str:
    """The source of a harmless value for a parameter: by its annotation, its use, then its name."""
    annotation = ast.unparse(parameter.annotation) if parameter.annotation else ""
    plain = re.sub(r"\s*\|\s*None|Optional\[(.*)\]", r"\1", annotation).strip()
    shape = _shape(place, parameter.arg)
    known = {
        "str": '"x"',
        "int": "1",
        "float": "1.0",
        "bool": "True",
        "bytes": 'b"x"',
        "Decimal": 'Decimal("1")',
        "date": "date(2026, 1, 2)",
        "datetime": "datetime(2026, 1, 2)",
    }
    if plain in known:
        return known[plain]
    if shape:
        return _value((), "", shape) if next(iter(shape))[0] != "attr" or all(s[0] == "attr" for s in shape) else "mock.MagicMock()"
    if re.match(r"(list|List|Sequence|Iterable|tuple|Tuple)\b", plain):
        return "[]"
    if re.match(r"(dict|Dict|Mapping)\b", plain):
        return "{}"
    if annotation or _called_on(place, parameter.arg):
        return "mock.MagicMock()"
    return _plain(parameter.arg)


def _called_on(place: Place, name: str) -> bool:
    """Whether methods other than those of text are called on a parameter."""
    assert place.node is not None
    calls = [n.func for n in own_nodes(place.node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]
    return any(isinstance(f.value, ast.Name) and f.value.id == name and default_for(f.attr) != "''" for f in calls)


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


def sketch(facts: Facts, place: Place, setup: Setup, style: str, reply: Answer | None, wrap: tuple[str, ...] = ()) -> Sketch:
    """A test that makes one call under a set-up; a refusal is expected when that is what the change answers with."""
    root, module = facts.sources.module(place.path)
    imports, load = _loading(place, module)
    call = call_of(place, setup, style)
    lines, patches = (
        list(wrap),
        [f"mock.patch({f'{module}.{target}'!r}, {made})" for target, made in setup.patches.items()] if module else [],
    )
    extra: list[str] = []
    if reply and reply.exception:
        extra.append("import pytest")
        if reply.module and reply.module != "builtins":
            extra.append(f"from {reply.module} import {reply.exception}")
        patches.append(f"pytest.raises({reply.exception})")
    lines += [*load, *([f"with {', '.join(patches)}:", f"    {call}"] if patches else [call])]
    text = "\n".join(lines)
    extra += needed_imports(text)
    name = f"{place.function.strip('_')}_{'refuses_what_it_does_not_know' if reply and reply.exception else 'bears_a_missing_value'}"
    return Sketch(tuple(lines), (*imports, *extra), roots=(root,), name=name)


def needed_imports(text: str) -> list[str]:
    """The imports of what generated calls may mention."""
    known = (
        ("mock.", "from unittest import mock"), ("SimpleNamespace", "from types import SimpleNamespace"), ("asyncio.", "import asyncio"),
        ("Decimal(", "from decimal import Decimal"), ("date(", "from datetime import date"), ("datetime(", "from datetime import datetime"),
    )  # fmt: skip
    return [line for word, line in known if re.search(rf"(?<!\w){re.escape(word)}", text)]


def _loading(place: Place, module: str) -> tuple[list[str], list[str]]:
    assert place.node is not None
    owner = place.source.class_of(place.node)
    name = owner.name if owner else place.node.name
    if module:
        return [f"from {module} import {name}"], []
    lines = [
        f"file = next(root / {place.path!r} for root in Path(__file__).resolve().parents if (root / {place.path!r}).exists())",
        'spec = importlib.util.spec_from_file_location("subject", file)',
        "subject = importlib.util.module_from_spec(spec)",
        "spec.loader.exec_module(subject)",
        f"{name} = subject.{name}",
    ]
    return ["import importlib.util", "from pathlib import Path"], lines


def call_of(place: Place, setup: Setup, style: str = "") -> str:
    """The source of one call of the place's function."""
    function, source = place.node, place.source
    assert function is not None
    owner = source.class_of(function)
    given = parameters(function)
    receiver, decorators = "", {ast.unparse(d) for d in function.decorator_list}
    if owner and not decorators & {"staticmethod"} and given:
        if "classmethod" not in decorators:
            receiver = _receiver(source, owner, given[0].arg, setup, style)
        given = given[1:]
    arguments = [a for p in given if (a := _argument(function, p, setup, place))]
    target = f"{owner.name}.{function.name}" if owner else function.name
    if receiver and decorators & {"property", "cached_property", "functools.cached_property"}:
        return f"{target}.{'fget' if 'property' in decorators else 'func'}({receiver})"
    call = f"{target}({', '.join([*([receiver] if receiver else []), *arguments])})"
    if isinstance(function, ast.AsyncFunctionDef):
        return f"asyncio.run({call})"
    return f"list({call})" if any(isinstance(n, ast.Yield | ast.YieldFrom) for n in own_nodes(function)) else call


def _argument(function: Function, parameter: ast.arg, setup: Setup, place: Place) -> str:
    positional = [*function.args.posonlyargs, *function.args.args]
    optional = {p.arg for p in positional[len(positional) - len(function.args.defaults) :]} | {
        p.arg for p, d in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True) if d is not None
    }
    name = parameter.arg
    if name in setup.mocked:
        value = _mock(setup.mocked[name])
    elif name in setup.values:
        value = setup.values[name]
    elif name in optional:
        return ""
    else:
        value = plausible(parameter, place)
    return value if parameter in function.args.posonlyargs else f"{name}={value}"


def _mock(answers: dict[str, str]) -> str:
    return "mock.MagicMock(**{" + ", ".join(f"{path!r}: {value}" for path, value in answers.items()) + "})"


def _receiver(source: Source, owner: ast.ClassDef, name: str, setup: Setup, style: str) -> str:
    if name in setup.mocked:
        return _mock(setup.mocked[name])
    value = setup.values.get(name, "")
    if style == "built":
        init = next((n for n in owner.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)
        if init and not value:
            inner = Place(source, init.lineno, "__init__", init)
            return f"{owner.name}({', '.join(a for p in parameters(init)[1:] if (a := _argument(init, p, Setup(), inner)))})"
        fields = {n.target.id: "None" if re.search(rf"\b{n.target.id}=None", value) else _field(n) for n in owner.body
                  if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name) and (n.value is None or re.search(rf"\b{n.target.id}=None", value))}  # fmt: skip
        if not init:
            return f"{owner.name}({', '.join(f'{key}={text}' for key, text in fields.items())})"
    if value.startswith("SimpleNamespace("):
        return value.replace("SimpleNamespace(", "mock.MagicMock(", 1)
    return f"{owner.name}.__new__({owner.name})" if style == "bare" else "mock.MagicMock()"


def _field(node: ast.AnnAssign) -> str:
    return {"int": "1", "float": "1.0", "bool": "True", "list": "[]", "dict": "{}"}.get(
        re.split(r"\W", ast.unparse(node.annotation))[0], '"x"'
    )
