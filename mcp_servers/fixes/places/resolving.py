"""What an expression may call: names followed through imports, assignments, constructors, annotations and base classes. Static, so a guess."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mcp_servers.fixes.places.code import Function, Module, Program, nodes_of, own_nodes

OVERRIDING = 0.5
"""How sure it is that an object is one of a class derived from the one that it is known as."""
_DEEP = 12
_TABLE = 200
_TWINS = 4
"""A method of this name in more classes than this is a guess not worth making."""
_OPERATORS: Mapping[type[ast.AST], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.FloorDiv: "floordiv", ast.Mod: "mod", ast.Pow: "pow",
    ast.BitOr: "or", ast.BitAnd: "and", ast.BitXor: "xor", ast.LShift: "lshift", ast.RShift: "rshift",
    ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.In: "contains", ast.NotIn: "contains",
    ast.USub: "neg", ast.Invert: "invert",
}  # fmt: skip
_BUILTINS = {
    "len": "len", "str": "str", "repr": "repr", "hash": "hash", "iter": "iter", "list": "iter", "tuple": "iter", "set": "iter",
    "sorted": "iter", "dict": "iter", "next": "next", "bool": "bool", "int": "int", "float": "float", "format": "format", "abs": "abs",
    "bytes": "bytes", "reversed": "reversed", "sum": "iter", "any": "iter", "all": "iter",
}  # fmt: skip
_COMMON = frozenset(
    name for kind in (str, bytes, list, dict, set, int) for name in dir(kind) if not name.startswith("__")
) | {"read", "write", "close", "open", "group", "match", "search", "exists", "wait", "start", "run", "info", "debug", "error", "warning"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Value:
    """What a name stands for: a module, a class, an instance of one, or a function. `name` is qualified inside the module."""

    kind: Literal["module", "class", "instance", "function"]
    module: Module
    name: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where an expression stands: its module and the function around it."""

    module: Module
    function: Function | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One function that an expression may call. `sure` is the share of this target among those that the expression may mean."""

    target: Function
    sure: float


class Resolver:
    """Answers what is called where in one program. Nothing is run."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._calls: dict[int, tuple[Call, ...]] = {}

    def calls(self, scope: Scope, node: ast.AST) -> Iterator[Call]:
        """What the expressions inside a node may call, in the order of the text."""
        for each in (node, *own_nodes(node)):
            yield from self._called(scope, each)
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and each is not node and scope.function:
                inner = scope.module.functions.get(f"{scope.function.spot.function}.{each.name}")
                if inner:
                    yield Call(inner, 0.5)

    def callees(self, function: Function) -> tuple[Call, ...]:
        """What a function may call, its nested functions and decorators among them."""
        key = id(function)
        if key not in self._calls:
            module = self.program.module(function.spot.file)
            scope = Scope(module, function) if module else None
            self._calls[key] = tuple(self.calls(scope, function.node)) if scope else ()
        return self._calls[key]

    def _called(self, scope: Scope, node: ast.AST) -> Iterator[Call]:
        match node:
            case ast.Call(func=ast.Name(id=name), args=[argument, *_]) if name in _BUILTINS:
                yield from self._special(scope, argument, _BUILTINS[name])
            case ast.Call(func=func):
                yield from self._targets(scope, func)
            case ast.BinOp(left=left, op=op, right=right):
                yield from self._special(scope, left, _OPERATORS.get(type(op), ""))
                yield from self._special(scope, right, "r" + _OPERATORS.get(type(op), ""))
            case ast.Compare(left=left, ops=ops, comparators=others):
                for one, op, other in zip([left, *others], ops, others, strict=False):
                    yield from self._special(scope, other if isinstance(op, ast.In | ast.NotIn) else one, _OPERATORS.get(type(op), ""))
            case ast.Subscript(value=value, ctx=context):
                name = "setitem" if isinstance(context, ast.Store) else "delitem" if isinstance(context, ast.Del) else "getitem"
                yield from self._special(scope, value, name)
            case ast.For(iter=value) | ast.comprehension(iter=value):
                yield from self._special(scope, value, "iter")
                yield from self._special(scope, value, "next")
            case ast.With(items=items) | ast.AsyncWith(items=items):
                for item in items:
                    yield from self._special(scope, item.context_expr, "enter")
                    yield from self._special(scope, item.context_expr, "exit")
            case ast.FormattedValue(value=value):
                yield from self._special(scope, value, "str")
            case ast.Attribute(ctx=ast.Load()) | ast.Name(ctx=ast.Load()):
                yield from self._referred(scope, node)
            case _:
                pass

    def _targets(self, scope: Scope, func: ast.expr) -> Iterator[Call]:
        values = self.values(scope, func)
        found = [function for value in values for function in self._run_by(value)]
        if not values and isinstance(func, ast.Attribute):
            found = self._twins(func.attr)
        for function in found:
            yield Call(function, 1.0 if values else 1 / len(found))
            overriding = self.program.overriding(function) if isinstance(func, ast.Attribute) else []
            for other in overriding:
                yield Call(other, OVERRIDING / len(overriding))

    def _run_by(self, value: Value) -> Iterator[Function]:
        """What runs when a value is called."""
        match value.kind:
            case "function":
                yield value.module.functions[value.name]
            case "class":
                for name in ("__init__", "__new__", "__post_init__"):
                    yield from self._method(value.module, value.name, name)
            case "instance":
                yield from self._method(value.module, value.name, "__call__")
            case "module":
                return

    def _special(self, scope: Scope, node: ast.expr, name: str) -> Iterator[Call]:
        for value in self.values(scope, node) if name else ():
            if value.kind == "instance":
                for function in self._method(value.module, value.name, f"__{name}__"):
                    yield Call(function, 1.0)

    def _referred(self, scope: Scope, node: ast.Attribute | ast.Name) -> Iterator[Call]:
        """Properties that are read, functions that are handed on, and those of a table that the module keeps."""
        values = self.values(scope, node, referred=True)
        for function in [value.module.functions[value.name] for value in values if value.kind == "function"]:
            yield Call(function, 1.0 if _is_property(function.node) else 0.5)
        if not values and isinstance(node, ast.Attribute):
            twins = [each for each in self._twins(node.attr) if _is_property(each.node)]
            for function in twins:
                yield Call(function, 1 / len(twins))
        if isinstance(node, ast.Name) and isinstance(table := scope.module.values.get(node.id), ast.Dict | ast.List | ast.Tuple):
            parts = [part for part in ast.walk(table) if isinstance(part, ast.Name | ast.Attribute) and isinstance(part.ctx, ast.Load)]
            listed = [value for part in parts[:_TABLE] for value in self.values(Scope(scope.module), part, 2) if value.kind == "function"]
            for value in _distinct(listed):
                yield Call(value.module.functions[value.name], 1 / len(listed))

    def _twins(self, name: str) -> list[Function]:
        if name in _COMMON or (name.startswith("__") and name.endswith("__")):
            return []
        twins = self.program.methods(name)
        return twins if len(twins) <= _TWINS else []

    def values(self, scope: Scope, node: ast.expr, depth: int = 0, *, referred: bool = False) -> list[Value]:
        """What an expression may stand for; empty when nothing of the project."""
        if depth > _DEEP:
            return []
        match node:
            case ast.Name(id=name):
                return self._name(scope, name, depth)
            case ast.Attribute(value=base, attr=attr):
                return [found for value in self.values(scope, base, depth + 1) for found in self._attribute(value, attr, depth, referred)]
            case ast.Call(func=ast.Name(id="super")):
                return self._bases(scope)
            case ast.Call(func=func, args=args):
                made = [result for value in self.values(scope, func, depth + 1) for result in self._result(value, depth)]
                return made or (self.values(scope, args[0], depth + 1) if _is_partial(func) and args else [])
            case ast.Await(value=inner) | ast.NamedExpr(value=inner) | ast.Subscript(value=ast.Name() as inner):
                return self.values(scope, inner, depth + 1)
            case ast.IfExp(body=one, orelse=other):
                return [*self.values(scope, one, depth + 1), *self.values(scope, other, depth + 1)]
            case ast.BoolOp(values=several):
                return [found for one in several for found in self.values(scope, one, depth + 1)]
            case ast.BinOp(left=left):
                return [value for value in self.values(scope, left, depth + 1) if value.kind == "instance"]
            case _:
                return []

    def _name(self, scope: Scope, name: str, depth: int) -> list[Value]:
        function = scope.function
        if function:
            if local := self._local(scope, function, name, depth):
                return local
            nested = scope.module.functions.get(f"{function.spot.function}.{name}")
            if nested:
                return [Value("function", scope.module, nested.spot.function)]
        return self.member(scope.module, name, depth + 1)

    def _local(self, scope: Scope, function: Function, name: str, depth: int) -> list[Value]:
        arguments = [*function.node.args.posonlyargs, *function.node.args.args, *function.node.args.kwonlyargs]
        for at, argument in enumerate(arguments):
            if argument.arg == name:
                if at == 0 and function.owner and not _is_static(function.node):
                    return [Value("class" if _is_classmethod(function.node) else "instance", scope.module, function.owner)]
                return self._annotated(scope.module, argument.annotation, depth)
        found: list[Value] = []
        for node in nodes_of(function.node):
            match node:
                case ast.Assign(targets=targets, value=value) if any(isinstance(t, ast.Name) and t.id == name for t in targets):
                    found += self.values(scope, value, depth + 2)
                case ast.AnnAssign(target=ast.Name(id=given), annotation=annotation) if given == name:
                    found += self._annotated(scope.module, annotation, depth)
                case ast.withitem(context_expr=value, optional_vars=ast.Name(id=given)) if given == name:
                    found += self.values(scope, value, depth + 2)
                case ast.ExceptHandler(type=ast.expr() as kind, name=given) if given == name:
                    found += self._annotated(scope.module, kind, depth)
                case _:
                    pass
        return found[:_TWINS]

    def member(self, module: Module, name: str, depth: int = 0) -> list[Value]:
        """What a name means at the level of a module."""
        if depth > _DEEP:
            return []
        if name in module.functions:
            return [Value("function", module, name)]
        if name in module.classes:
            return [Value("class", module, name)]
        if name in module.imports:
            return self._imported(module, module.imports[name], depth)
        if name in module.values:
            return self.values(Scope(module), module.values[name], depth + 1)
        for star in module.stars:
            path = self.program.find(star, module.path)
            other = self.program.module(path) if path else None
            if other and other is not module and (found := self.member(other, name, depth + 1)):
                return found
        return []

    def _imported(self, module: Module, dotted: str, depth: int) -> list[Value]:
        path = self.program.find(dotted, module.path)
        if path and path != module.path and (found := self.program.module(path)):
            inside = self._from(module, dotted, depth)
            return inside or [Value("module", found)]
        return self._from(module, dotted, depth)

    def _from(self, module: Module, dotted: str, depth: int) -> list[Value]:
        parent, _, name = dotted.rpartition(".")
        path = self.program.find(parent, module.path) if parent else None
        home = self.program.module(path) if path else None
        return self.member(home, name, depth + 1) if home and home is not module else []

    def _bases(self, scope: Scope) -> list[Value]:
        node = scope.module.classes.get(scope.function.owner) if scope.function else None
        found = [value for base in (node.bases if node else ()) for value in self.values(Scope(scope.module), base, 4)]
        return [Value("instance", value.module, value.name) for value in found if value.kind == "class"]

    def _attribute(self, value: Value, attr: str, depth: int, referred: bool = False) -> list[Value]:
        if value.kind == "module":
            inside = self.member(value.module, attr, depth + 1)
            path = None if inside else self.program.find(f"{_dotted_of(value.module)}.{attr}", value.module.path)
            other = self.program.module(path) if path else None
            return inside or ([Value("module", other)] if other else [])
        if value.kind == "function":
            return []
        for function in self._method(value.module, value.name, attr):
            home = self.program.module(function.spot.file)
            if home and value.kind == "instance" and _is_property(function.node) and not referred:
                return self._annotated(home, function.node.returns, depth)
            return [Value("function", home, function.spot.function)] if home else []
        return self._field(value, attr, depth)

    def _field(self, value: Value, attr: str, depth: int) -> list[Value]:
        """An attribute that a class sets in its body or in its constructor."""
        node = value.module.classes.get(value.name)
        for each in node.body if node else ():
            match each:
                case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation) if name == attr:
                    return self._annotated(value.module, annotation, depth)
                case ast.Assign(targets=[ast.Name(id=name)], value=given) if name == attr:
                    return self.values(Scope(value.module), given, depth + 1)
                case _:
                    pass
        own = [each for each in value.module.functions.values() if each.owner == value.name]
        for function in [*self._method(value.module, value.name, "__init__"), *own]:
            home = self.program.module(function.spot.file)
            for each in nodes_of(function.node) if home else ():
                match each:
                    case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)], value=given) if name == attr and home:
                        if found := self.values(Scope(home, function), given, depth + 2):
                            return found
                    case ast.AnnAssign(target=ast.Attribute(value=ast.Name(id="self"), attr=name), annotation=kind) if (
                        name == attr and home
                    ):
                        return self._annotated(home, kind, depth)
                    case _:
                        pass
        return []

    def _result(self, value: Value, depth: int) -> list[Value]:
        """What calling a value gives."""
        if value.kind == "class":
            return [Value("instance", value.module, value.name)]
        if value.kind != "function":
            return []
        function = value.module.functions[value.name]
        if annotated := self._annotated(value.module, function.node.returns, depth):
            return annotated
        if function.owner and _returns_self(function.node):
            return [Value("instance", value.module, function.owner)]
        returned = [each.value for each in nodes_of(function.node) if isinstance(each, ast.Return) and each.value is not None]
        found = [made for each in returned[:6] for made in self.values(Scope(value.module, function), each, depth + 3)]
        return _distinct(found)

    def _annotated(self, module: Module, annotation: ast.expr | None, depth: int) -> list[Value]:
        if annotation is None or depth > _DEEP:
            return []
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            try:
                annotation = ast.parse(annotation.value, mode="eval").body
            except (SyntaxError, ValueError):
                return []
        names = [node for node in ast.walk(annotation) if isinstance(node, ast.Name | ast.Attribute)]
        found = [value for name in names for value in self.values(Scope(module), name, depth + 1) if value.kind == "class"]
        return [Value("instance", value.module, value.name) for value in _distinct(found)[:2]]

    def _method(self, module: Module, owner: str, name: str, depth: int = 0) -> list[Function]:
        """The method of a class, its own or that of the nearest base that has one."""
        found = module.functions.get(f"{owner}.{name}")
        node = module.classes.get(owner)
        if found or node is None or depth > 6:
            return [found] if found else []
        for base in node.bases:
            for value in self.values(Scope(module), base, 4):
                if value.kind == "class" and (inherited := self._method(value.module, value.name, name, depth + 1)):
                    return inherited
        return []


def _distinct(values: list[Value]) -> list[Value]:
    return list({(value.kind, value.module.path, value.name): value for value in values}.values())


def _dotted_of(module: Module) -> str:
    path = module.path.removesuffix(".py").removesuffix("/__init__")
    return path.replace("/", ".")


def _decorators(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    return {part for each in node.decorator_list for part in ast.unparse(each).partition("(")[0].split(".")}


def _is_property(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return bool(_decorators(node) & {"property", "cached_property", "setter"})


def _is_static(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return "staticmethod" in _decorators(node)


def _is_classmethod(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return "classmethod" in _decorators(node) or node.name in {"__new__", "__init_subclass__", "__class_getitem__"}


def _returns_self(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(
        isinstance(each, ast.Return) and isinstance(each.value, ast.Name) and each.value.id in {"self", "cls"} for each in nodes_of(node)
    )


def _is_partial(func: ast.expr) -> bool:
    return ast.unparse(func).rpartition(".")[2] == "partial"
