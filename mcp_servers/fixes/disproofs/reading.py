"""A fix as it can be read: two folders, what differs between them, and the reproduction."""

from __future__ import annotations

import ast
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from mcp_servers.fixes.policy import is_test
from mcp_servers.fixes.toolchains import LANGUAGES
from mcp_servers.kit import syntax
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.stack import Failure

CHECK = "KINTSUGI_CHECK"
_DECLARED = re.compile(rf"\\b{CHECK}\\s*=\\s*(?P<quote>[\"'])(?P<check>[^\"']+)(?P=quote)")
_SETTINGS = {".toml", ".yaml", ".yml", ".json", ".ini", ".cfg", ".conf", ".env", ".properties"}


@dataclass(frozen=True)
class Reading:
    """Everything that is known of a fix before anything runs. Paths are relative, with slashes; contents are bytes."""

    before: Mapping[str, bytes]
    after: Mapping[str, bytes]
    test_path: str
    test: str
    failure: Failure

    @cached_property
    def changed(self) -> tuple[str, ...]:
        """Every file that the fix adds, changes or takes away, but for the reproduction itself."""
        names = self.before.keys() | self.after.keys()
        return tuple(sorted(name for name in names if name != self.test_path and self.before.get(name) != self.after.get(name)))

    @cached_property
    def program(self) -> tuple[str, ...]:
        """The changed files that are no tests."""
        return tuple(name for name in self.changed if not is_test(name))

    @cached_property
    def modules(self) -> tuple[Module, ...]:
        """The changed Python files of the program that both sides can be read of; a new or deleted one has an empty side."""
        found = (Module.read(name, self.before.get(name, b""), self.after.get(name, b"")) for name in self.program if name.endswith(".py"))
        return tuple(module for module in found if module)

    @cached_property
    def test_tree(self) -> ast.Module:
        """The reproduction as Python; empty when it is none."""
        return parsed(self.test) or ast.Module([], [])


@dataclass(frozen=True)
class Module:
    """One Python file before and after."""

    path: str
    old: ast.Module
    new: ast.Module

    @classmethod
    def read(cls, path: str, before: bytes, after: bytes) -> Module | None:
        old, new = parsed(before), parsed(after)
        return cls(path, old, new) if old is not None and new is not None else None

    @cached_property
    def added(self) -> tuple[ast.AST, ...]:
        """Nodes of the new tree that the old one does not have as often: outermost ones and all below them."""
        return tuple(_more(self.new, self.old))

    @cached_property
    def removed(self) -> tuple[ast.AST, ...]:
        return tuple(_more(self.old, self.new))


def _more(here: ast.Module, there: ast.Module) -> Iterator[ast.AST]:
    left = Counter(ast.dump(node) for node in ast.walk(there))
    for node in ast.walk(here):
        text = ast.dump(node)
        if left[text]:
            left[text] -= 1
        else:
            yield node


def parsed(source: str | bytes) -> ast.Module | None:
    try:
        return syntax.parse(source)
    except (SyntaxError, ValueError):
        return None


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below `folder` by its relative path; a link counts as the text it points to, and git's own folder is left out."""
    found: dict[str, bytes] = {}
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != ".git"]
        for name in [*files, *(each for each in folders if (Path(parent) / each).is_symlink())]:
            path = Path(parent) / name
            found[path.relative_to(folder).as_posix()] = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
    return found


def language(path: str) -> str:
    """The language of a test by its name: python, node, php, go, or the empty string."""
    return LANGUAGES.get(PurePosixPath(path).suffix, "")


def require_inside(path: str) -> None:
    """Raises `Refusal` unless `path` is a plain relative path to a file of a language whose tests can be run."""
    parts = PurePosixPath(path).parts
    if not language(path) or path.startswith("/") or "\\" in path or "\0" in path or {"..", ".git"} & set(parts):
        raise Refusal(f"{path!r} is no place for a test; give a path inside the project such as 'tests/test_reproduces.py'.")


def declared_check(test: str) -> str:
    """The name in `KINTSUGI_CHECK = "…"` of a test that checks a bound instead of repeating an exception, else the empty string."""
    tree = parsed(test)
    if tree is None and (found := _DECLARED.search(test)):
        return found["check"]
    for node in tree.body if tree else ():
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(check))) if name == CHECK:
                return check
            case _:
                continue
    return ""


def is_setting(name: str) -> bool:
    """Whether a file holds settings rather than code."""
    path = PurePosixPath(name)
    return path.suffix in _SETTINGS or path.name.startswith(".env")


def last_name(node: ast.expr | None) -> str:
    """`c` of `a.b.c`, the name itself, or the empty string."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a chain of names and attributes, else the empty string."""
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value)
        return f"{owner}.{node.attr}" if owner else ""
    return node.id if isinstance(node, ast.Name) else ""
