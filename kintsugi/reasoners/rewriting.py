"""Changing text by place: spans of one module become exact, unique replacements."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from kintsugi.reasoners.places import Source
from mcp_servers.kit import syntax


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start:end` of a text give way to `text`."""

    start: int
    end: int
    text: str


def offset(source: Source, line: int, column: int) -> int:
    """The character offset of a syntax position (line from 1, column in UTF-8 bytes)."""
    lines = source.text.splitlines(keepends=True)
    before = sum(len(each) for each in lines[: line - 1])
    return before + (len(lines[line - 1].encode()[:column].decode()) if line <= len(lines) else 0)


def over(source: Source, node: ast.expr | ast.stmt, text: str) -> Span:
    return Span(
        offset(source, node.lineno, node.col_offset), offset(source, node.end_lineno or node.lineno, node.end_col_offset or 0), text
    )


def before(source: Source, statement: ast.stmt, lines: Iterable[str]) -> Span:
    """New lines above a statement, at its indentation."""
    start = offset(source, statement.lineno, 0)
    return Span(start, start, "".join(f"{indent(source, statement)}{line}\n" if line else "\n" for line in lines))


def indent(source: Source, statement: ast.stmt) -> str:
    line = source.lines[statement.lineno - 1]
    return line[: len(line) - len(line.lstrip())]


def step(source: Source) -> str:
    """The indentation unit of a module."""
    for line in source.lines:
        if line.startswith("\t"):
            return "\t"
        if line.startswith("  ") and not line.strip().startswith(("#", '"')):
            return line[: len(line) - len(line.lstrip())]
    return "    "


def apply(text: str, spans: Iterable[Span]) -> str:
    for span in reversed(sorted(spans, key=lambda span: (span.start, span.end))):
        text = text[: span.start] + span.text + text[span.end :]
    return text


def import_span(source: Source, statement: str) -> Span | None:
    """A line `import x` or `from x import y` in its place among the first imports; None when the module has it."""
    new = syntax.parse(statement).body[0]
    if isinstance(new, ast.Import | ast.ImportFrom) and _has(source, new):
        return None
    imports = [node for node in source.tree.body if isinstance(node, ast.Import | ast.ImportFrom) and _module(node) != "__future__"]
    if not imports:
        body = source.tree.body
        head = [n for n in body[:3] if _is_docstring(n) or (isinstance(n, ast.ImportFrom) and n.module == "__future__")]
        line = (head[-1].end_lineno or 0) + 1 if head else 1
        start = offset(source, line, 0)
        return Span(start, start, f"\n{statement}\n" if head else f"{statement}\n\n")
    if isinstance(new, ast.Import):
        for node in imports:
            if isinstance(node, ast.ImportFrom) or _module(node) > _module(new):
                start = offset(source, node.lineno, 0)
                apart = "\n" if _is_standard(_module(new)) and not _is_standard(_module(node)) else ""
                return Span(start, start, f"{statement}\n{apart}")
    start = offset(source, (imports[-1].end_lineno or imports[-1].lineno) + 1, 0)
    return Span(start, start, f"{statement}\n")


def _has(source: Source, new: ast.Import | ast.ImportFrom) -> bool:
    module = f"{new.module}." if isinstance(new, ast.ImportFrom) else ""
    return all(source.imports.get(alias.name) == f"{module}{alias.name}" for alias in new.names)


def _module(node: ast.Import | ast.ImportFrom) -> str:
    return node.module or "" if isinstance(node, ast.ImportFrom) else node.names[0].name


def _is_standard(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def edits_between(path: str, old: str, new: str) -> tuple[dict[str, Any], ...]:
    """The draft's `replace` edits that turn `old` into `new`; each search is unique in the text it meets."""
    a, b = old.splitlines(keepends=True), new.splitlines(keepends=True)
    edits: list[dict[str, Any]] = []
    text = old
    for _, i1, i2, j1, j2 in reversed([op for op in SequenceMatcher(None, a, b, autojunk=False).get_opcodes() if op[0] != "equal"]):
        low, high = i1, i2
        while (low > 0 or high < len(a)) and (low == high or text.count("".join(a[low:high])) != 1):
            low, high = (low - 1, high) if low > 0 and (i1 - low <= high - i2 or high == len(a)) else (low, high + 1)
        search, replace = "".join(a[low:high]), "".join((*a[low:i1], *b[j1:j2], *a[i2:high]))
        if text.count(search) != 1:
            return ({"path": path, "kind": "replace", "search": old, "replace": new},)
        edits.append({"path": path, "kind": "replace", "search": search, "replace": replace})
        text = text.replace(search, replace)
    return tuple(edits) if text == new else ({"path": path, "kind": "replace", "search": old, "replace": new},)
