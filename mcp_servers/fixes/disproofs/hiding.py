"""Fixes that make an error invisible instead of impossible: handlers that carry on, and what ends a function before it can fail."""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter
from collections.abc import Iterator

from mcp_servers.fixes.disproofs.reading import Module, Reading, language, last_name

_EVERYTHING = {"", "Exception", "BaseException"}
_MISTAKES = {"AttributeError", "TypeError", "NameError", "UnboundLocalError", "AssertionError", "NotImplementedError", "ZeroDivisionError"}
_TELLING = {"print", "debug", "info", "warning", "warn", "error", "exception", "critical", "log", "print_exc", "format_exc", "str", "repr"}
_TEXTUAL = {
    "node": re.compile(r"catch\s*(?:\([^)]*\))?\s*\{(?P<body>[^{}]*)\}"),
    "php": re.compile(r"catch\s*\([^)]*\)\s*\{(?P<body>[^{}]*)\}"),
    "go": re.compile(r"(?:if\s+\w+\s*:=\s*)?\brecover\(\)(?P<body>[^\n]*)"),
}


def hides(reading: Reading) -> str:
    """The first place of the fix that hides the error, as a sentence, else the empty string."""
    return next(_places(reading), "")


def _places(reading: Reading) -> Iterator[str]:
    production = reading.failure.exception.rpartition(".")[2]
    for module in reading.modules:
        known = Counter(text for _, text in _all_hidden(module.old, production))
        for line, text in _all_hidden(module.new, production):
            known[text] -= 1
            if known[text] < 0:
                yield _told(module.path, line, f"catches {text} and carries on")
    for path in reading.program:
        for line, text in _textual(path, reading.before.get(path, b""), reading.after.get(path, b"")):
            yield _told(path, line, f"has {text!r}")


def _all_hidden(tree: ast.Module, production: str) -> Iterator[tuple[int, str]]:
    names = _aliases(tree)
    for node in ast.walk(tree):
        if text := _hidden(node, production, names):
            yield getattr(node, "lineno", 0), text


def _told(path: str, line: int, what: str) -> str:
    return f"The fix hides the error instead of mending it: {path}:{line} {what}."


def _textual(path: str, before: bytes, after: bytes) -> Iterator[tuple[int, str]]:
    """Handlers of other languages that throw nothing and call nothing."""
    pattern = _TEXTUAL.get(language(path))
    if pattern is None:
        return
    old, new = before.decode("utf-8", "replace"), after.decode("utf-8", "replace")
    known = [found[0] for found in pattern.finditer(old)]
    for found in pattern.finditer(new):
        if found[0] in known:
            known.remove(found[0])
        elif not re.search(r"\b(?:throw|panic)\b", found["body"]):
            yield new.count("\n", 0, found.start()) + 1, " ".join(found[0].split())[:60]


def _hidden(node: ast.AST, production: str, names: dict[str, set[str]]) -> str:
    """What a handler, a `suppress(…)`, a `finally` or an `__exit__` hides; else the empty string."""
    if isinstance(node, ast.ExceptHandler):
        caught = _caught(node.type, names)
        return _words(caught) if _carries_on(node.body) and _too_much(caught, production, node.body) else ""
    if isinstance(node, ast.Call) and last_name(node.func) == "suppress":
        caught = {name for argument in node.args for name in _caught(argument, names)}
        return _words(caught) if caught & {*_EVERYTHING, *_family(production)} else ""
    if isinstance(node, ast.Try | ast.TryStar) and any(
        isinstance(each, ast.Return | ast.Break | ast.Continue) for each in _inside(node.finalbody)
    ):
        return "every exception by leaving in its finally"
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in {"__exit__", "__aexit__"}:
        returned = [each.value for each in _inside(node.body) if isinstance(each, ast.Return)]
        return "every exception by what its __exit__ returns" if any(_truthy(value) for value in returned) else ""
    return ""


def _too_much(caught: set[str], production: str, body: list[ast.stmt]) -> bool:
    if caught & _EVERYTHING:
        return True
    family = _family(production)
    return bool(caught & family) and (bool(family & _MISTAKES) or _does_nothing(body))


def _family(production: str) -> set[str]:
    """An exception and what catches it too, as far as Python itself knows them."""
    kind = getattr(builtins, production, None)
    if not isinstance(kind, type):
        return {production} if production else set()
    return {each.__name__ for each in kind.__mro__} - {"object", "Exception", "BaseException"}


def _carries_on(body: list[ast.stmt]) -> bool:
    """Whether a handler can end without raising: a raise below a condition is none."""
    return not any(isinstance(each, ast.Raise) for each in body) and not (body and _always_raises(body[-1]))


def _always_raises(last: ast.stmt) -> bool:
    if isinstance(last, ast.If):
        return bool(last.orelse) and all(
            bool(part) and (isinstance(part[-1], ast.Raise) or _always_raises(part[-1])) for part in (last.body, last.orelse)
        )
    if isinstance(last, ast.With | ast.AsyncWith):
        return not _carries_on(last.body)
    return isinstance(last, ast.Raise)


def _does_nothing(body: list[ast.stmt]) -> bool:
    """Whether a handler only tells, and returns or sets a value that was written down: nothing is tried in another way."""
    return all(_idle(each) for each in body)


def _idle(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass() | ast.Continue() | ast.Break():
            return True
        case ast.Return(value=None):
            return True
        case ast.Return(value=ast.expr() as value) | ast.Assign(value=value) | ast.Expr(value=value):
            return _constant(value) or (isinstance(value, ast.Call) and last_name(value.func) in _TELLING)
        case _:
            return False


def _constant(value: ast.expr) -> bool:
    if isinstance(value, ast.List | ast.Tuple | ast.Set):
        return all(_constant(each) for each in value.elts)
    if isinstance(value, ast.Dict):
        return all(_constant(each) for each in value.values)
    if isinstance(value, ast.Call):
        return last_name(value.func) in {"dict", "list", "set", "tuple", "str", "int", "float"} and not value.args
    return isinstance(value, ast.Constant | ast.Name) or (isinstance(value, ast.UnaryOp) and _constant(value.operand))


def _truthy(value: ast.expr | None) -> bool:
    return value is not None and not (isinstance(value, ast.Constant) and not value.value)


def _inside(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """The nodes of these statements that belong to the same function."""
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(node))


def _caught(node: ast.expr | None, names: dict[str, set[str]]) -> set[str]:
    if node is None:
        return {""}
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    found = {last_name(each) for each in parts} - {""}
    return {real for name in found for real in names.get(name, {name})}


def _aliases(tree: ast.Module) -> dict[str, set[str]]:
    """Names that stand for exceptions: `ERRORS = (KeyError, ValueError)`, `from x import Y as Z`."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple | ast.Name | ast.Attribute):
            caught = _caught(node.value, {})
            if caught and all(isinstance(getattr(builtins, name, None), type) or name.endswith(("Error", "Exception")) for name in caught):
                found.update({last_name(target): caught for target in node.targets})
    return found


def _words(caught: set[str]) -> str:
    return ", ".join(sorted(caught - {""})) or "every exception"


def is_gutted(module: Module, function: str) -> bool:
    """Whether a function that did something now returns a constant, whatever it is given."""
    old, new = _named(module.old, function), _named(module.new, function)
    return any(_answers_blindly(each) for each in new) and not any(_answers_blindly(each) for each in old) and bool(old)


def _named(tree: ast.Module, name: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name]


def _answers_blindly(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    for statement in function.body:
        while isinstance(statement, ast.If) and isinstance(statement.test, ast.Constant) and statement.test.value and statement.body:
            statement = statement.body[0]
        if isinstance(statement, ast.Pass) or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
            continue
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) and last_name(statement.value.func) in _TELLING:
            continue
        return isinstance(statement, ast.Return) and (
            statement.value is None or (_constant(statement.value) and not isinstance(statement.value, ast.Name))
        )
    return True
