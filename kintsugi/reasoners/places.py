"""Where things are in a Python project: parsed modules, the function and statement at a line, and how a module is imported."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from kintsugi.reasoners import Tree
from mcp_servers.kit import syntax
from mcp_servers.kit.stack import Frame, bare_function, resolve_path

Function = ast.FunctionDef | ast.AsyncFunctionDef
_NOT_OURS = {".venv", "venv", "node_modules", "site-packages", ".git", "build", "dist", "vendor"}


class Source:
    """One parsed module. `tree` is empty when the text is no Python that we can parse."""

    def __init__(self, path: str, text: str) -> None:
        self.path, self.text = path, text
        self.lines = text.splitlines()
        try:
            self.tree = syntax.parse(text)
        except (SyntaxError, ValueError, RecursionError):
            self.tree = ast.Module([], [])

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    @cached_property
    def functions(self) -> list[Function]:
        return [node for node in ast.walk(self.tree) if isinstance(node, Function)]

    def segment(self, node: ast.AST) -> str:
        return ast.get_source_segment(self.text, node) or ast.unparse(node)

    def function_at(self, line: int, name: str = "") -> Function | None:
        """The innermost function around a line; with a name, the one so named that is nearest to the line."""
        around = [f for f in self.functions if f.lineno <= line <= (f.end_lineno or f.lineno)]
        if name and name != "<module>":
            named = [f for f in around if f.name == name] or [f for f in self.functions if f.name == name]
            return min(named, key=lambda f: abs(f.lineno - line), default=None)
        return max(around, key=lambda f: f.lineno, default=None)

    def chain(self, node: ast.AST) -> Iterator[ast.AST]:
        """The node's parents, innermost first."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def statement(self, node: ast.AST) -> ast.stmt | None:
        """The statement that a node belongs to (itself when it is one)."""
        for each in (node, *self.chain(node)):
            if isinstance(each, ast.stmt):
                return each
        return None

    def block(self, statement: ast.stmt) -> list[ast.stmt]:
        """The list of statements that holds this one; empty when it is an `elif`, which has no place before it."""
        parent = self.parents.get(statement)
        if isinstance(parent, ast.If) and statement in parent.orelse and self.lines[statement.lineno - 1].lstrip().startswith("elif"):
            return []
        for name in ("body", "orelse", "finalbody"):
            block: list[ast.stmt] = getattr(parent, name, None) or []
            if statement in block:
                return block
        return []

    def starts_line(self, statement: ast.stmt) -> bool:
        return not self.lines[statement.lineno - 1].encode()[: statement.col_offset].strip()

    def class_of(self, function: Function) -> ast.ClassDef | None:
        parent = self.parents.get(function)
        return parent if isinstance(parent, ast.ClassDef) else None

    def is_nested(self, function: Function) -> bool:
        return any(isinstance(each, Function | ast.Lambda) for each in self.chain(function))

    @cached_property
    def imports(self) -> dict[str, str]:
        """What each imported name means: `{"rq": "requests", "post": "requests.post"}`, relative imports made absolute."""
        found: dict[str, str] = {}
        package = PurePosixPath(self.path).parent.parts
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {a.asname or a.name.partition(".")[0]: a.name if a.asname else a.name.partition(".")[0] for a in node.names}
            elif isinstance(node, ast.ImportFrom):
                base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
                module = ".".join(part for part in (base, node.module or "") if part)
                found |= {a.asname or a.name: f"{module}.{a.name}" for a in node.names}
        return found

    def meaning(self, node: ast.AST) -> str:
        """The dotted meaning of a name or attribute through this module's imports, or ''."""
        if isinstance(node, ast.Name):
            return self.imports.get(node.id, node.id)
        if isinstance(node, ast.Attribute) and (base := self.meaning(node.value)):
            return f"{base}.{node.attr}"
        return ""

    def module_names(self) -> set[str]:
        """Names that exist at module level."""
        names = set(self.imports)
        for node in self.tree.body:
            if isinstance(node, Function | ast.ClassDef):
                names.add(node.name)
            names |= (
                {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)} if is_assign(node) else set()
            )
        return names


@dataclass(frozen=True, slots=True)
class Place:
    """An in-app frame found again in the repository."""

    source: Source
    line: int
    function: str
    node: Function | None

    @property
    def path(self) -> str:
        return self.source.path


class Sources:
    """The Python modules of a tree, parsed when first asked for."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.files = tuple(path for path in tree.files() if not _NOT_OURS & set(PurePosixPath(path).parts))
        self._known: dict[str, Source] = {}

    @property
    def python(self) -> list[str]:
        return [path for path in self.files if path.endswith(".py")]

    @property
    def app(self) -> list[str]:
        return [path for path in self.python if not is_test(path)]

    def __getitem__(self, path: str) -> Source:
        if path not in self._known:
            self._known[path] = Source(path, self.tree.read(path))
        return self._known[path]

    def place(self, frame: Frame) -> Place | None:
        """The repository line that a frame means: by path suffix, and by the shown code where lines have moved since."""
        path = resolve_path(frame.file, self.app) if frame.in_app else None
        if path is None:
            return None
        source, name = self[path], bare_function(frame.function)
        function = source.function_at(frame.line, name)
        return Place(source, _moved(source, function, frame), name, function)

    def module(self, path: str) -> tuple[str, str]:
        """How a file is imported: the folder that must be on the path ('' is the root) and the dotted name ('' when it has none)."""
        parts = PurePosixPath(path).with_suffix("").parts
        depth = self._root_depth(path, parts)
        names = parts[depth:-1] if parts[-1] == "__init__" else parts[depth:]
        return "/".join(parts[:depth]), ".".join(names) if all(name.isidentifier() for name in names) else ""

    def _root_depth(self, path: str, parts: Sequence[str]) -> int:
        present, depth = set(self.files), len(parts) - 1
        if "/".join((*parts[:depth], "__init__.py")) in present:
            while depth and "/".join((*parts[:depth], "__init__.py")) in present:
                depth -= 1
            return depth
        for start in range(depth):  # a namespace package: the way its neighbours import it tells its root
            if parts[start] == "src":
                continue
            dotted = r"\.".join(re.escape(part) for part in parts[start:-1])
            if any(re.search(rf"^\s*(?:from|import)\s+{dotted}\b", self[each].text, re.MULTILINE) for each in self.python):
                return start
        return depth


def _moved(source: Source, function: Function | None, frame: Frame) -> int:
    code = frame.code.strip()
    if not code or (0 < frame.line <= len(source.lines) and source.lines[frame.line - 1].strip() == code):
        return frame.line
    first, last = (function.lineno, function.end_lineno or function.lineno) if function else (1, len(source.lines))
    same = [number for number in range(first, last + 1) if source.lines[number - 1].strip() == code]
    return min(same, key=lambda number: abs(number - frame.line), default=frame.line)


def is_test(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return (
        bool({"tests", "test", "testing"} & set(parts[:-1]))
        or parts[-1].startswith(("test_", "conftest"))
        or parts[-1].endswith("_test.py")
    )


def is_assign(node: ast.AST) -> bool:
    return isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign)


def parameters(function: Function) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without those of the functions and classes inside it."""
    for child in ast.iter_child_nodes(function):
        yield child
        if not isinstance(child, Function | ast.ClassDef | ast.Lambda):
            yield from own_nodes(child)
