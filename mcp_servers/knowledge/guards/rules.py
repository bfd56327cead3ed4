"""From a change to rules that could have caught it: what the change took away, written as ast-grep rules. Pure; nothing is proven here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import PurePosixPath
from textwrap import dedent
from typing import Any

from mcp_servers.kit import syntax

Rule = dict[str, Any]

LANGUAGES = {
    ".py": "python", ".js": "javascript", ".jsx": "javascript", ".mjs": "javascript", ".ts": "typescript", ".tsx": "tsx", ".go": "go",
    ".rs": "rust", ".java": "java", ".kt": "kotlin", ".rb": "ruby", ".php": "php", ".cs": "csharp", ".c": "c", ".cpp": "cpp",
    ".scala": "scala", ".swift": "swift", ".sh": "bash", ".lua": "lua",
}  # fmt: skip
MOST = 12
_TELLING = (ast.Call, ast.Attribute, ast.Subscript, ast.BinOp, ast.Compare)
_CANDIDATE = (ast.Call, ast.Subscript, ast.BinOp, ast.Compare, ast.BoolOp, ast.Assign, ast.Return, ast.Raise, ast.AugAssign)
_SHORTEST = 6
_LIVE_LINE = re.compile(r"^(?!//|#|\*|/\*|--).*\w[.(\[]")


def language_of(path: str) -> str:
    """The ast-grep language of a file, or an empty string."""
    return LANGUAGES.get(PurePosixPath(path).suffix.lower(), "")


def candidates(path: str, before: str, after: str) -> list[Rule]:
    """Rules (the inner part of an ast-grep rule) that may flag `before` and not `after`, the most useful first."""
    if not language_of(path):
        return []
    old, new = dedent(before), dedent(after)
    removed = _removed_lines(old, new)
    found = _python(old, new, removed) if language_of(path) == "python" else None
    patterns = found if found is not None else _by_lines(old, removed)
    unique = {str(rule): rule for rule in patterns}
    return list(unique.values())[:MOST]


def _removed_lines(before: str, after: str) -> set[int]:
    matcher = SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False)
    changed = (code for code in matcher.get_opcodes() if code[0] in ("replace", "delete"))
    return {number for _, first, last, _, _ in changed for number in range(first + 1, last + 1)}


def _python(before: str, after: str, removed: set[int]) -> list[Rule] | None:
    try:
        old, new = syntax.parse(before), syntax.parse(after)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    nodes = [node for node in ast.walk(old) if isinstance(node, _CANDIDATE) and _touches(node, removed)]
    texts = {ast.get_source_segment(before, node) or "" for node in nodes if any(isinstance(part, _TELLING) for part in ast.walk(node))}
    literal = sorted((text for text in texts if len(text) >= _SHORTEST and "$" not in text), key=lambda text: (len(text), text))
    return [*_missing_keywords(nodes, new), *({"pattern": text} for text in literal)]


def _touches(node: ast.expr | ast.stmt, lines: set[int]) -> bool:
    return not lines.isdisjoint(range(node.lineno, (node.end_lineno or node.lineno) + 1))


def _missing_keywords(nodes: list[Any], after: ast.Module) -> Iterator[Rule]:
    """A call that only gained a keyword (`get(url)` → `get(url, timeout=5)`): the mistake is any such call without it."""
    now: dict[str, list[ast.Call]] = {}
    for node in ast.walk(after):
        if isinstance(node, ast.Call):
            now.setdefault(ast.unparse(node.func), []).append(node)
    for call in (node for node in nodes if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        for later in now.get(name, []) if re.fullmatch(r"[A-Za-z_]\w*(?:\.\w+)*", name) else []:
            gained = sorted(_keywords(later) - _keywords(call))
            if gained and list(map(ast.dump, later.args)) == list(map(ast.dump, call.args)):
                yield {"all": [{"pattern": f"{name}($$$ARGS)"}, {"not": {"has": _keyword(gained[0])}}]}


def _keyword(name: str) -> Rule:
    return {"stopBy": {"kind": "call"}, "kind": "keyword_argument", "has": {"field": "name", "regex": f"^{name}$"}}


def _keywords(call: ast.Call) -> set[str]:
    return {keyword.arg for keyword in call.keywords if keyword.arg}


def _by_lines(before: str, removed: set[int]) -> list[Rule]:
    lines = [line.strip().rstrip(";") for number, line in enumerate(before.splitlines(), 1) if number in removed]
    return [{"pattern": line} for line in lines if _LIVE_LINE.match(line) and not line.endswith(("{", ",")) and "$" not in line]
