"""Fixes made for the test's own input: what they compare with, and other inputs that tell whether they hold for more than one."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

from mcp_servers.fixes.disproofs.reading import Module, Reading

MOST = 4
"""Variants of one reproduction that are worth a run."""


def answers_the_test(reading: Reading) -> str:
    """A sentence when new code compares with a value of the test and answers with another one that was written down; else the empty string."""
    literals = _literals(reading.test_tree)
    for module in reading.modules:
        for node in _choices(module):
            asked = next((value for value in _asked(node) if value in literals), None)
            given = next((value for value in _given(node) if value in literals), None)
            if asked is not None and given is not None and asked != given:
                line = getattr(node, "lineno", 0)
                return f"The fix answers the test instead of mending the program: {module.path}:{line} gives {given!r} for {asked!r}, as the test expects."
    return ""


def steers(reading: Reading) -> bool:
    """Whether new code decides by anything: only such code can hold for one input alone. A table or a setting that grew cannot."""
    kinds = (ast.Compare, ast.If, ast.IfExp, ast.Match, ast.Try, ast.BoolOp, ast.Dict, ast.Lambda)
    return any(isinstance(node, kinds) for module in reading.modules for node in _local(module))


def variants(reading: Reading) -> list[str]:
    """The reproduction with one literal of its own varied each time, at most four: the same kind of input, another value."""
    found: dict[str, None] = {}
    tree = reading.test_tree
    places = [node for function in _tests(tree) for node in _inputs(function)]
    for number, node in enumerate(places):
        for value in _other(node.value):
            copied = copy.deepcopy(tree)
            again = [each for function in _tests(copied) for each in _inputs(function)][number]
            again.value = value
            found.setdefault(ast.unparse(copied))
    spread = max(1, len(found) // MOST)
    return list(found)[::spread][:MOST]


def _tests(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            yield node


def _inputs(function: ast.AST) -> Iterator[ast.Constant]:
    """Literals that are handed to calls, or stand in what is: not what is expected of them."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            for argument in [*node.args, *(each.value for each in node.keywords)]:
                for each in ast.walk(argument):
                    if isinstance(each, ast.Constant) and not isinstance(each.value, bool) and isinstance(each.value, str | int | float):
                        yield each


def _other(value: object) -> Iterator[str | int | float]:
    """Values of the same kind: the last letter or digit is another one, a number is one more."""
    if isinstance(value, str):
        at = next((index for index in range(len(value) - 1, -1, -1) if value[index].isalnum()), None)
        if at is not None:
            yield value[:at] + _next(value[at]) + value[at + 1 :]
    elif isinstance(value, int | float):
        yield value + 1
        yield value - 1


def _next(letter: str) -> str:
    for row in ("0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"):
        if letter in row:
            at = row.index(letter)
            return row[at - 1] if at else row[1]
    return letter


def _literals(tree: ast.Module) -> set[object]:
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and _telling(node.value)}


def _telling(value: object) -> bool:
    """Not one of the values that programs compare with anyway."""
    return not isinstance(value, bool | bytes | None.__class__) and value not in {"", 0, 1, -1, 2, ...}


def _local(module: Module) -> Iterator[ast.AST]:
    """New nodes inside functions."""
    inside = {
        id(node)
        for function in ast.walk(module.new)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    yield from (node for node in module.added if id(node) in inside)


def _choices(module: Module) -> Iterator[ast.AST]:
    for node in module.added:
        if isinstance(node, ast.If | ast.IfExp | ast.match_case):
            yield node
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "get"
            and isinstance(node.func.value, ast.Dict)
        ):
            yield node.func.value
        elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Dict):
            yield node.value


def _asked(node: ast.AST) -> Iterator[object]:
    where: list[ast.AST | None] = []
    if isinstance(node, ast.If | ast.IfExp):
        where = [node.test]
    elif isinstance(node, ast.match_case):
        where = [node.pattern]
    elif isinstance(node, ast.Dict):
        where = list(node.keys)
    yield from _constants(where)


def _given(node: ast.AST) -> Iterator[object]:
    where: list[ast.AST | None] = []
    if isinstance(node, ast.If | ast.match_case):
        where = [each for each in node.body if isinstance(each, ast.Return | ast.Assign)]
    elif isinstance(node, ast.IfExp):
        where = [node.body, node.orelse]
    elif isinstance(node, ast.Dict):
        where = list(node.values)
    yield from _constants(where)


def _constants(where: list[ast.AST | None]) -> Iterator[object]:
    for each in where:
        nodes = list(ast.walk(each)) if each else []
        fields = {id(key) for node in nodes for key in _fields(node)}
        yield from (node.value for node in nodes if isinstance(node, ast.Constant) and id(node) not in fields)


def _fields(node: ast.AST) -> Iterator[ast.AST]:
    """What only says which field is meant, as in `item["played"]`: no value that is compared with or answered. In a table written down on the
    spot it is one."""
    match node:
        case ast.Subscript(value=ast.Dict() | ast.List() | ast.Tuple()) | ast.Call(func=ast.Attribute(value=ast.Dict())):
            return
        case ast.Subscript(slice=key) | ast.Call(func=ast.Attribute(attr="get"), args=[key, *_]):
            yield key
        case _:
            return
