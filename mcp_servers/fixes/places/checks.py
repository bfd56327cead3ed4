"""Where a failing check gets its values from: the failing statement, what produced its operands, then what ran before it, then the set-up."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from mcp_servers.fixes.places.code import Function, Module, nodes_of
from mcp_servers.fixes.places.resolving import Call, Resolver, Scope

STATEMENT, PRODUCER, DEFINED, BEFORE, AROUND = 1.0, 0.9, 0.4, 0.3, 0.12
_SET_UP = frozenset({"setUp", "setUpClass", "asyncSetUp", "setup_method", "setup_class", "setup", "setUpModule", "setup_module"})


@dataclass(frozen=True, slots=True)
class Seed:
    """A function that the check leads to, how strongly, and how."""

    target: Function
    weight: float
    reason: str


def seeds(resolver: Resolver, module: Module, line: int, name: str = "") -> Iterator[Seed]:
    """What the check at a line of a test's module leads to, the strongest first."""
    function = module.function_at(line, name)
    scope = Scope(module, function)
    body = function.node.body if function else module.tree.body
    statement = _statement(body, line) if line else None
    if statement is None:
        for each in body if function else ():
            yield from _seeded(resolver.calls(scope, each), STATEMENT, "called by the failing check")
    else:
        yield from _seeded(resolver.calls(scope, statement), STATEMENT, "called on the line that failed")
        yield from _producers(resolver, scope, body, statement)
    if function:
        yield from _set_up(resolver, module, function)


def words(module: Module, line: int, name: str = "") -> Iterator[str]:
    """The names and texts of the check: of its name, and of the failing statement."""
    function = module.function_at(line, name)
    if function is None:
        return
    yield function.node.name
    statement = _statement(function.node.body, line) if line else None
    for node in ast.walk(statement or function.node):
        yield from word_of(node)


def word_of(node: ast.AST) -> Iterator[str]:
    """The name or text that a node brings."""
    match node:
        case ast.Name(id=text) | ast.Attribute(attr=text) | ast.arg(arg=text) | ast.keyword(arg=str(text)):
            yield text
        case ast.FunctionDef(name=text) | ast.AsyncFunctionDef(name=text):
            yield text
        case ast.Constant(value=str(text)) if len(text) < 400:
            yield text
        case _:
            pass


def _producers(resolver: Resolver, scope: Scope, body: list[ast.stmt], failing: ast.stmt) -> Iterator[Seed]:
    """Earlier statements, the nearest first: those that set a name which the failing one reads (and what these read) weigh more."""
    wanted = _read(failing)
    before = [each for each in _flat(body) if each.lineno < failing.lineno]
    for distance, statement in enumerate(reversed(before)):
        header = _header(statement)
        produces = bool(_set(statement) & wanted)
        if produces:
            wanted |= _read(header)
        weight = PRODUCER * 0.9**distance if produces else BEFORE * 0.8**distance
        why = "gives a value that the failing check reads" if produces else "called before the failing check"
        yield from _seeded(resolver.calls(scope, header), weight, why)


def _set_up(resolver: Resolver, module: Module, function: Function) -> Iterator[Seed]:
    """Set-up methods of the test's class, fixtures that it asks for, and data at the level of the module that it reads."""
    asked = {argument.arg for argument in function.node.args.args}
    for each in module.functions.values():
        near = each.owner == function.owner and each.node.name in _SET_UP
        if near or (each.node.name in asked and each.node.decorator_list):
            yield Seed(each, AROUND, "sets the failing check up")
    read = {node.id for node in nodes_of(function.node) if isinstance(node, ast.Name)}
    for name in sorted(read & module.classes.keys()):
        yield from _seeded(resolver.calls(Scope(module), module.classes[name]), DEFINED, "made what the failing check reads")
    for name in sorted(read & module.functions.keys()):
        for decorator in module.functions[name].node.decorator_list:
            yield from _seeded(resolver.calls(Scope(module), decorator), DEFINED, "made what the failing check reads")
    for name in sorted(read & module.values.keys()):
        yield from _seeded(resolver.calls(Scope(module), module.values[name]), AROUND, "gives a value that the failing check reads")
    for decorator in function.node.decorator_list:
        yield from _seeded(resolver.calls(Scope(module), decorator), AROUND, "gives a value that the failing check reads")


def _seeded(calls: Iterator[Call], weight: float, reason: str) -> Iterator[Seed]:
    for call in calls:
        yield Seed(call.target, weight * call.sure, reason)


def _statement(body: list[ast.stmt], line: int) -> ast.stmt | None:
    """The innermost statement at a line. A `with` that failed failed in its block, which may be what had to raise."""
    around = [each for each in _flat(body) if each.lineno <= line <= (each.end_lineno or each.lineno)]
    best = max(around, key=lambda each: (each.lineno, -(each.end_lineno or 0)), default=None)
    return best if best is None or isinstance(best, ast.With | ast.AsyncWith) else _header(best)


def _flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for name in ("body", "orelse", "finalbody"):
            yield from _flat(getattr(statement, name, None) or [])
        for handler in getattr(statement, "handlers", ()):
            yield from _flat(handler.body)


def _header(statement: ast.stmt) -> ast.stmt:
    """A compound statement without its block."""
    match statement:
        case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
            made: ast.stmt = ast.Assign([target], value)
        case ast.While(test=test) | ast.If(test=test):
            made = ast.Expr(test)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            made = ast.Expr(ast.Tuple([item.context_expr for item in items], ast.Load()))
        case ast.Try():
            made = ast.Pass()
        case _:
            return statement
    return ast.copy_location(made, statement)


def _read(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)} | {
        ast.unparse(each) for each in ast.walk(node) if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name)
    }


def _set(statement: ast.stmt) -> set[str]:
    """The names that a statement may change: those it assigns, and those whose methods it calls for their effect."""
    names = {
        ast.unparse(each) for each in ast.walk(statement) if isinstance(each, ast.Name | ast.Attribute) and isinstance(each.ctx, ast.Store)
    }
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name)))):
            names.add(name)
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            names = {name}
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name))]) | ast.With(items=[ast.withitem(optional_vars=ast.Name(id=name))]):
            names.add(name)
        case _:
            pass
    return names
