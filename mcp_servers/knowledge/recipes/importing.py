"""A line among the imports of a file."""

from __future__ import annotations

import re

from mcp_servers.knowledge.recipes.model import Import

_IMPORTS = {
    "python": re.compile(r"(?:import|from)\s+[\w.]+"),
    "javascript": re.compile(r"import\b.*['\"]|(?:const|let|var)\s+[^=]+=\s*require\("),
    "go": re.compile(r"(?:import\s+)?(?:[\w.]+\s+)?\"[\w./-]+\"$"),
    "php": re.compile(r"use\s+[\w\\]+"),
}


def is_import(line: str, language: str) -> bool:
    """Whether a line imports something and does no more."""
    grammar = _IMPORTS.get(language)
    return grammar is not None and grammar.match(line.strip()) is not None


def with_import(text: str, wanted: Import, language: str) -> str:
    """The text with the line among its imports; as it was when the line is there."""
    lines = text.split("\n")
    if wanted.line.strip() in (line.strip() for line in lines):
        return text
    top = [
        number for number, line in enumerate(lines) if is_import(line, language) and "__future__" not in line and _outside(line, language)
    ]
    if not top:
        at = _head(lines)
        return "\n".join((*lines[:at], wanted.line.strip(), "", *lines[at:]))
    lead = lines[top[0]][: len(lines[top[0]]) - len(lines[top[0]].lstrip())]
    return "\n".join((*lines[: _place(lines, top, wanted)], lead + wanted.line.strip(), *lines[_place(lines, top, wanted) :]))


def _outside(line: str, language: str) -> bool:
    return language == "go" or line == line.lstrip()


def _place(lines: list[str], top: list[int], wanted: Import) -> int:
    if wanted.where == "first":
        return top[0]
    later = [number for number in top if lines[number].strip() > wanted.line.strip()] if wanted.where == "sorted" else []
    return later[0] if later else top[-1] + 1


def _head(lines: list[str]) -> int:
    """The first line behind a docstring and what must stand at the very top."""
    text, at = "\n".join(lines), 0
    found = re.match(r"(?:#![^\n]*\n)?\s*(?:(\"\"\"|''')[\s\S]*?\1[^\n]*\n+|['\"]use strict['\"];?\n+)?(?:from __future__[^\n]*\n+)*", text)
    at = found[0].count("\n") if found else 0
    return at
