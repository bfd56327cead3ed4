"""A Python project as its modules, classes and functions. A module is parsed when something first leads to it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import PurePosixPath

from mcp_servers.fixes.places.model import Spot
from mcp_servers.kit import syntax

Definition = ast.FunctionDef | ast.AsyncFunctionDef
MOST_MODULES = 120


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """One function: its spot, its node, and the qualified name of the class it is a method of ('' for none)."""

    spot: Spot
    node: Definition
    owner: str
    first: int
    last: int


@dataclass(slots=True, eq=False)
class Module:
    """One parsed file. Names map to what the module's own text says of them; `imports` are dotted and absolute."""

    path: str
    text: str
    tree: ast.Module
    functions: dict[str, Function] = field(default_factory=dict[str, Function])
    classes: dict[str, ast.ClassDef] = field(default_factory=dict[str, ast.ClassDef])
    imports: dict[str, str] = field(default_factory=dict[str, str])
    stars: list[str] = field(default_factory=list[str])
    values: dict[str, ast.expr] = field(default_factory=dict[str, ast.expr])

    def function_at(self, line: int, name: str = "") -> Function | None:
        """The innermost function around a line; without a line, the first of that name."""
        around = [each for each in self.functions.values() if each.first <= line <= each.last]
        if around:
            return max(around, key=lambda each: each.first)
        bare = name.rpartition(".")[2]
        return next((each for each in self.functions.values() if each.node.name == bare), None)


class Program:
    """The Python files of a tree, by path and by the dotted name they are imported as."""

    def __init__(self, files: Sequence[str], read: Callable[[str], str]) -> None:
        self.files = tuple(files)
        self._read = read
        self._known: dict[str, Module | None] = {}
        self._by_last: dict[str, list[tuple[str, ...]]] = {}
        for path in self.files:
            if path.endswith(".py") and (parts := _dotted(path)):
                self._by_last.setdefault(parts[-1], []).append(parts)
        self._paths = {_dotted(path): path for path in self.files if path.endswith(".py")}
        self._python = frozenset(self._paths.values())
        self._methods: dict[str, list[Function]] = {}
        self._bases: dict[str, set[str]] = {}

    def module(self, path: str) -> Module | None:
        """The module of a file; None for what is not there, is no Python that we can parse, or is one too many."""
        if path not in self._known:
            readable = path in self._python and len(self._known) < MOST_MODULES
            module = self._known[path] = parsed(path, self._read(path)) if readable else None
            for function in module.functions.values() if module else ():
                if function.owner:
                    self._methods.setdefault(function.node.name, []).append(function)
            for name, node in module.classes.items() if module else ():
                bases = {ast.unparse(base).partition("[")[0].rpartition(".")[2] for base in node.bases}
                self._bases.setdefault(name.rpartition(".")[2], set()).update(bases)
        return self._known[path]

    def methods(self, name: str) -> list[Function]:
        """The methods of this name in the modules that were parsed so far."""
        return self._methods.get(name, [])

    def overriding(self, method: Function) -> list[Function]:
        """The methods that stand for this one in classes derived from its own, by the names of the classes, in what was parsed so far."""
        if not method.owner:
            return []
        others = [each for each in self.methods(method.node.name) if each is not method]
        return [each for each in others if self._derives(each.owner.rpartition(".")[2], method.owner.rpartition(".")[2])]

    def _derives(self, name: str, base: str) -> bool:
        seen, ahead = {name}, [name]
        while ahead:
            bases = self._bases.get(ahead.pop(), set()) - seen
            if base in bases:
                return True
            seen |= bases
            ahead += bases
        return False

    def function(self, spot: Spot) -> Function | None:
        module = self.module(spot.file)
        return module.functions.get(spot.function) if module else None

    def find(self, dotted: str, near: str = "") -> str | None:
        """The file that `import dotted` means: the one whose path ends so, nearest to the importing file."""
        wanted = tuple(dotted.split("."))
        fitting = [parts for parts in self._by_last.get(wanted[-1], ()) if parts[-len(wanted) :] == wanted]
        if not fitting:
            return None
        home = PurePosixPath(near).parts
        best = min(fitting, key=lambda parts: (-_common(parts, home), len(parts), parts))
        return self._paths[best]


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes inside, without those of nested functions and classes (their decorators and defaults are the outer one's)."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, Definition | ast.ClassDef):
            yield from own_nodes(child)


@lru_cache(maxsize=8192)
def nodes_of(function: Definition) -> tuple[ast.AST, ...]:
    """The own nodes of a function, walked once."""
    return tuple(own_nodes(function))


def _dotted(path: str) -> tuple[str, ...]:
    parts = PurePosixPath(path).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def _common(one: Sequence[str], two: Sequence[str]) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))


@lru_cache(maxsize=256)
def parsed(path: str, text: str) -> Module | None:
    """The module of a text; None for what is no Python that we can parse."""
    try:
        module = Module(path, text, syntax.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    _gather(module, module.tree, "", "")
    return module


def _gather(module: Module, node: ast.AST, prefix: str, owner: str) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Definition):
            name = prefix + child.name
            first = min([child.lineno, *(each.lineno for each in child.decorator_list)])
            known = module.functions.get(name)
            if known is None or not _is_stub(child):
                module.functions[name] = Function(Spot(module.path, name), child, owner, first, child.end_lineno or child.lineno)
            _gather(module, child, f"{name}.", "")
        elif isinstance(child, ast.ClassDef):
            module.classes[prefix + child.name] = child
            _gather(module, child, f"{prefix}{child.name}.", prefix + child.name)
        else:
            _note(module, child, prefix)
            _gather(module, child, prefix, owner)


def _note(module: Module, node: ast.AST, prefix: str) -> None:
    match node:
        case ast.Import(names=names):
            module.imports |= {a.asname or a.name.partition(".")[0]: a.name if a.asname else a.name.partition(".")[0] for a in names}
        case ast.ImportFrom(names=names):
            base = _base(module.path, node)
            for alias in names:
                if alias.name == "*":
                    module.stars.append(base)
                else:
                    module.imports[alias.asname or alias.name] = f"{base}.{alias.name}" if base else alias.name
        case ast.Assign(targets=[ast.Name(id=name)], value=value) | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            if not prefix:
                module.values.setdefault(name, value)
        case _:
            pass


def _base(path: str, node: ast.ImportFrom) -> str:
    package = PurePosixPath(path).parent.parts
    base = package[: len(package) - node.level + 1] if node.level else ()
    return ".".join([*base, *([node.module] if node.module else [])])


def _is_stub(node: Definition) -> bool:
    """An overload or a stub says nothing of what the function does."""
    return any("overload" in ast.unparse(each) for each in node.decorator_list)
