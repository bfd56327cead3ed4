"""Which expression was None (or missing) at a throwing line, and where that value came from."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from kintsugi.reasoners.matching import Facts, NotSure
from kintsugi.reasoners.places import Function, Place, Source, own_nodes, parameters

Step = tuple[Literal["item", "attr", "each"], Any]
Root = Literal["parameter", "call", "lookup", "global", "unknown"]

_METHODS: dict[str, Any] = {"''": str, "[]": list, "{}": dict, "set()": set, "0": int}
_RE_CALLS = {"match", "search", "fullmatch"}
_ITERATING = {"list", "tuple", "set", "sorted", "sum", "any", "all", "max", "min", "enumerate", "dict", "reversed"}
_ATTRIBUTE = re.compile(r"'NoneType' object has no attribute '(\w+)'")
_CALLEE = re.compile(r"(\w+)(?:\(\)|: argument)")
_POSITION = re.compile(r"\barg(?:ument)? (\d+)")
_KIND = re.compile(r"\b(str|string|bytes|integer|number|int|float)\b")
_EMPTY_OF = {"str": "''", "string": "''", "bytes": "b''", "int": "0", "integer": "0", "number": "0", "float": "0"}
_MISSES = {"first", "one_or_none", "scalar", "scalar_one_or_none", "fetchone", "next", "get", "find_one"}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value began: a parameter, a call or a table, and the steps from there to the value."""

    root: Root
    node: ast.expr | None = None
    name: str = ""
    steps: tuple[Step, ...] = ()

    @property
    def is_miss(self) -> bool:
        """A search that found nothing, rather than a field that may be empty."""
        return self.root in ("call", "lookup") and not self.steps


@dataclass(frozen=True, slots=True)
class Emptiness:
    """An expression that was None when it was used, the node that used it, and the source text of a harmless default."""

    place: Place
    function: Function
    expression: ast.expr
    use: ast.expr
    default: str
    origin: Origin


def find(facts: Facts) -> Emptiness:
    """The empty expression of the frame nearest the throw; raises `NotSure` when the line does not tell which it was."""
    place, function = facts.thrown_in
    found = [(expression, use, default) for expression, use, default in _uses(facts.message, place) if _may_be_none(expression)]
    if not found:
        raise NotSure(f"{place.path}:{place.line} shows no expression that fits the message")
    if len({ast.dump(expression) for expression, _, _ in found}) > 1:
        bare = {ast.dump(e) for e, _, _ in found}
        raise NotSure(f"{place.path}:{place.line} holds {len(bare)} expressions that could be None, and the trace does not say which")
    expression, use, default = found[0]
    return Emptiness(place, function, expression, use, default, origin(place.source, function, expression))


def nodes_at(place: Place) -> Iterator[ast.AST]:
    """The expressions of the place's function that stand on its line."""
    for node in own_nodes(place.node) if place.node else ():
        if isinstance(node, ast.expr | ast.comprehension):
            span = node.iter if isinstance(node, ast.comprehension) else node
            if span.lineno <= place.line <= (span.end_lineno or span.lineno):
                yield node
        elif isinstance(node, ast.For | ast.AsyncFor) and node.lineno == place.line:
            yield node


def _uses(message: str, place: Place) -> Iterator[tuple[ast.expr, ast.expr, str]]:
    attribute = _ATTRIBUTE.search(message)
    for node in nodes_at(place):
        if attribute:
            if isinstance(node, ast.Attribute) and node.attr == attribute[1] and isinstance(node.ctx, ast.Load):
                yield node.value, node, default_for(attribute[1])
        elif "not subscriptable" in message:
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
                yield node.value, node, _subscripted(node)
        else:
            yield from _operand(message, node)


def _subscripted(node: ast.Subscript) -> str:
    if isinstance(node.slice, ast.Slice):
        return "''"
    return "{}" if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str) else ""


def _operand(message: str, node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr, str]]:
    if "argument of type 'NoneType'" in message and isinstance(node, ast.Compare) and isinstance(node.ops[-1], ast.In | ast.NotIn):
        yield node.comparators[-1], node, "()"
    elif "'NoneType' object is not iterable" in message:
        yield from _iterated(node)
    elif isinstance(node, ast.Call) and (argument := _none_argument(message, node)):
        yield argument[0], node, argument[1]
    elif isinstance(node, ast.Call) and "None" in message:
        yield from _refused(message, node)
    elif isinstance(node, ast.BinOp) and ("unsupported operand" in message or "can only concatenate" in message):
        yield from _added(message, node)
    elif isinstance(node, ast.Compare) and "not supported between instances" in message and len(node.ops) == 1:
        left = re.search(r"instances of 'NoneType'", message)
        yield (node.left if left else node.comparators[0]), node, "0"
    elif isinstance(node, ast.FormattedValue) and node.format_spec and "NoneType.__format__" in message:
        yield node.value, node, "0"


def _none_argument(message: str, node: ast.Call) -> tuple[ast.expr, str] | None:
    name = callee(node)
    if not node.args:
        return None
    if "'NoneType' has no len()" in message and name == "len":
        return node.args[0], "()"
    if "not 'NoneType'" in message and message.startswith(f"{name}()") and name in ("int", "float"):
        return node.args[0], "0"
    if "expected string or bytes-like object" in message and name in {*_RE_CALLS, "sub", "findall", "split", "finditer"}:
        return node.args[-1], "''"
    return None


def _refused(message: str, node: ast.Call) -> Iterator[tuple[ast.expr, ast.expr, str]]:
    """The arguments that a function written in C may have refused: the one that it counts, else each of the call.

    `normalize() argument 2 must be str, not None`, `must be real number, not NoneType`, `str expected, not NoneType` …
    """
    named, counted = _CALLEE.search(message), _POSITION.search(message)
    if named and named[1] != callee(node):
        return
    defaults = {_EMPTY_OF[kind] for kind in _KIND.findall(message)}
    default = defaults.pop() if len(defaults) == 1 else ""
    arguments = node.args[int(counted[1]) - 1 : int(counted[1])] if counted else node.args
    yield from ((argument, node, default) for argument in arguments)


def callee(node: ast.Call) -> str:
    """The last name of what is called, empty where it has none."""
    return node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _iterated(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr, str]]:
    if isinstance(node, ast.For | ast.comprehension):
        yield node.iter, node.iter, "()"
    elif isinstance(node, ast.Starred):
        yield node.value, node, "()"
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args and node.func.id in _ITERATING:
        yield node.args[0], node, "()"


def _added(message: str, node: ast.BinOp) -> Iterator[tuple[ast.expr, ast.expr, str]]:
    sides = re.search(r"'(\w+)' and '(\w+)'", message)
    left_empty = sides is not None and sides[1] == "NoneType"
    other = (sides[2] if left_empty else sides[1]) if sides else "str"
    default = {"int": "0", "float": "0", "Decimal": "0", "str": "''", "list": "[]", "tuple": "()"}.get(other, "")
    yield (node.left if left_empty else node.right), node, default


def default_for(method: str) -> str:
    """The empty value whose type alone has this method, '' when none of the usual types has it."""
    return next((text for text, kind in _METHODS.items() if method in dir(kind)), "")


def _may_be_none(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        return not (default_for(name) == "''" or name in {"items", "keys", "values"})
    return not isinstance(
        node, ast.Constant | ast.JoinedStr | ast.List | ast.Dict | ast.Tuple | ast.ListComp | ast.BinOp | ast.BoolOp | ast.Compare
    )


def origin(source: Source, function: Function, node: ast.expr, depth: int = 0) -> Origin:
    """Follows a value back through plain assignments, loops, fields and calls to where the function got it."""
    if depth > 8:
        return Origin("unknown", node)
    if isinstance(node, ast.Await | ast.NamedExpr):
        return origin(source, function, node.value, depth + 1)
    if isinstance(node, ast.Name):
        return _named(source, function, node, depth)
    if isinstance(node, ast.Attribute):
        return _deeper(origin(source, function, node.value, depth + 1), ("attr", node.attr), node)
    if isinstance(node, ast.Subscript):
        base = origin(source, function, node.value, depth + 1)
        return _deeper(base, ("item", node.slice.value), node) if isinstance(node.slice, ast.Constant) else Origin("lookup", node)
    if isinstance(node, ast.Call):
        return _called(source, function, node, depth)
    return Origin("unknown", node)


def _deeper(base: Origin, step: Step, node: ast.expr) -> Origin:
    if base.root in ("lookup", "unknown"):
        return Origin("unknown", node)
    return Origin(base.root, base.node, base.name, (*base.steps, step))


def _called(source: Source, function: Function, node: ast.Call, depth: int) -> Origin:
    if isinstance(node.func, ast.Attribute) and node.func.attr == "get" and 1 <= len(node.args) <= 2 and not node.keywords:
        base = origin(source, function, node.func.value, depth + 1)
        key = node.args[0]
        if isinstance(key, ast.Constant):
            return _deeper(base, ("item", key.value), node) if base.root != "global" else Origin("global", node)
        return Origin("lookup", node)
    return Origin("call", node)


def _named(source: Source, function: Function, node: ast.Name, depth: int) -> Origin:
    assigned = _assignment(function, node)
    if isinstance(assigned, tuple):
        base = origin(source, function, assigned[0], depth + 1)
        return _deeper(base, ("each", None), node)
    if assigned is not None:
        return origin(source, function, assigned, depth + 1)
    if node.id in {parameter.arg for parameter in parameters(function)}:
        return Origin("parameter", node, node.id)
    return Origin("global", node, node.id)


def _assignment(function: Function, name: ast.Name) -> ast.expr | tuple[ast.expr] | None:
    """The last value given to a name above its use; a one-tuple means: each of this."""
    best: tuple[int, ast.expr | tuple[ast.expr]] | None = None
    for node in own_nodes(function):
        value: ast.expr | tuple[ast.expr] | None = None
        if (isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name.id for t in node.targets)) or (
            isinstance(node, ast.AnnAssign | ast.NamedExpr) and isinstance(node.target, ast.Name) and node.target.id == name.id
        ):
            value = node.value
        elif (
            isinstance(node, ast.For | ast.AsyncFor | ast.comprehension) and isinstance(node.target, ast.Name) and node.target.id == name.id
        ):
            value = (node.iter,)
        if value is None or name in set(ast.walk(value if not isinstance(value, tuple) else value[0])):
            continue
        line = (value[0] if isinstance(value, tuple) else value).lineno
        if (line <= name.lineno or isinstance(node, ast.comprehension)) and (best is None or line >= best[0]):
            best = (line, value)
    return best[1] if best else None


def is_search(call: ast.expr) -> bool:
    """Whether a call reads like a search that may find nothing."""
    if isinstance(call, ast.Subscript):
        return True
    if not isinstance(call, ast.Call):
        return False
    name = callee(call)
    return name in _MISSES | _RE_CALLS or name.startswith(("find", "get_", "lookup", "fetch", "load", "search", "by_", "query"))
