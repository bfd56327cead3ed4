"""Values for the parameters of a generated call, as source: the shape that the function uses, harmless where nothing is known."""

from __future__ import annotations

import ast
import re
from typing import Any

from kintsugi.reasoners.nullness import Origin, Step, default_for, origin
from kintsugi.reasoners.places import Place, own_nodes, parameters

Shape = dict[Step, Any]
_NUMBER: Step = ("each", "number")  # a mark in a shape: arithmetic is done on this value
_COUNTED = re.compile(
    r"(^|_)(qty|quantity|price|amount|total|count|cents|id|n|num|number|size|width|height|age|days|hours|limit|percent|rate|weight|page|offset)$"
)


def built(name: str, steps: tuple[Step, ...], leaf: str, place: Place) -> str:
    """The source of a parameter's value that has `leaf` at the end of the steps and plausible neighbours."""
    return value_of(steps, leaf, _shape(place, name))


def without(place: Place, owner: Origin, key: object) -> str:
    """The source of a table as the function uses it, but without the key."""
    shape = _shape(place, owner.name)
    for step in owner.steps:
        shape = shape.get(step, {})
    return value_of((), "", {step: inner for step, inner in shape.items() if step != ("item", key)}) if len(shape) > 1 else "{}"


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
        return value_of((), "", shape) if next(iter(shape))[0] != "attr" or all(s[0] == "attr" for s in shape) else "mock.MagicMock()"
    if re.match(r"(list|List|Sequence|Iterable|tuple|Tuple)\b", plain):
        return "[]"
    if re.match(r"(dict|Dict|Mapping)\b", plain):
        return "{}"
    if annotation or _called_on(place, parameter.arg):
        return "mock.MagicMock()"
    return _plain(parameter.arg)


def annotation_of(place: Place, name: str) -> str:
    """The annotation of a parameter as it is written; empty when there is none."""
    assert place.node is not None
    return next((ast.unparse(p.annotation) for p in parameters(place.node) if p.arg == name and p.annotation), "")


def value_of(steps: tuple[Step, ...], leaf: str, shape: Shape) -> str:
    """The source of a value with `leaf` at the end of the steps, and a plausible one for each field of the shape."""
    if not steps and leaf:
        return leaf
    counted = _NUMBER in shape
    shape = {step: inner for step, inner in shape.items() if step != _NUMBER}
    if not steps and not shape:
        return "1" if counted else '"x"'
    kind = steps[0][0] if steps else next(iter(shape))[0]
    fields = {step: value_of((), "", inner) if inner else _plain(step[1]) for step, inner in shape.items() if step[0] == kind}
    if steps:
        fields[steps[0]] = value_of(steps[1:], leaf, shape.get(steps[0], {}))
    if kind == "each":
        return f"[{', '.join(fields.values())}]"
    if kind == "item" and all(isinstance(step[1], int) for step in fields):
        return f"[{', '.join(fields.get(('item', i), '1') for i in range(max(step[1] for step in fields) + 1))}]"
    if kind == "item":
        return "{" + ", ".join(f"{step[1]!r}: {text}" for step, text in fields.items()) + "}"
    return f"SimpleNamespace({', '.join(f'{step[1]}={text}' for step, text in fields.items())})"


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


def _plain(name: object) -> str:
    return "1" if isinstance(name, str) and _COUNTED.search(name.lower()) else '"x"'


def _called_on(place: Place, name: str) -> bool:
    """Whether methods other than those of text are called on a parameter."""
    assert place.node is not None
    calls = [n.func for n in own_nodes(place.node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]
    return any(isinstance(f.value, ast.Name) and f.value.id == name and default_for(f.attr) != "''" for f in calls)
