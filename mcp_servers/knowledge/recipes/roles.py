"""What a name is in the code around it: a variable, a field, something of this project, or something that means the same everywhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from mcp_servers.knowledge.recipes.patterns import DOTS
from mcp_servers.knowledge.recipes.tokens import Token, is_constant, tokens

_IMPORTED = {
    "python": re.compile(r"^\s*(?:from\s+[\w.]+\s+)?import\s+(.+)$", re.MULTILINE),
    "javascript": re.compile(r"^\s*(?:import\s+(.+?)\s+from\b|(?:const|let|var)\s+(.+?)\s*=\s*require\()", re.MULTILINE),
    "go": re.compile(r"^\s*(?:import\s+)?(?:(\w+)\s+)?\"([\w./-]+)\"\s*$", re.MULTILINE),
    "php": re.compile(r"^\s*use\s+([\w\\ ]+);", re.MULTILINE),
}
_DEFINED = re.compile(
    r"^[ \t]*(?:export\s+)?(?:default\s+)?(?:async\s+)?(?:def|class|func|function|fn|struct|type)\s+(?:\([^)]*\)\s*)?(\w+)", re.MULTILINE
)


def role(given: Sequence[Token], at: int, text: str, language: str) -> str:
    """variable, field, own or constant for the name token at this place of a file's text."""
    name = given[at].text
    before = given[at - 1].text if at else ""
    after = given[at + 1].text if at + 1 < len(given) else ""
    if before in DOTS:
        return "constant" if after == "(" else "field"
    keyword = _is_keyword_argument(before, after, language) and not _in_header(given, at)
    if is_constant(name, language) or name in _imported(text, language) or keyword:
        return "constant"
    if name in defined(text):
        return "own"
    if after == "(" or re.match(r"[A-Z]", name):
        return "constant"
    return "field" if after == ":" and before in ("{", ",") else "variable"


@lru_cache(maxsize=64)
def defined(text: str) -> frozenset[str]:
    """The functions and types that a file defines."""
    return frozenset(_DEFINED.findall(text))


@lru_cache(maxsize=64)
def _imported(text: str, language: str) -> frozenset[str]:
    grammar = _IMPORTED.get(language)
    said = " ".join(" ".join(found.groups("")) for found in grammar.finditer(text)) if grammar else ""
    return frozenset(re.findall(r"\w+", said))


def names_in(text: str, language: str) -> frozenset[str]:
    return frozenset(token.text for token in tokens(text, language) if token.kind == "name")


def _is_keyword_argument(before: str, after: str, language: str) -> bool:
    return language == "python" and after == "=" and before in ("(", ",")


def _in_header(given: Sequence[Token], at: int) -> bool:
    """Whether a token stands in the line that defines a function: what has a default there is a parameter."""
    start = next((number for number in range(at, -1, -1) if given[number].kind == "line"), -1)
    return any(token.text == "def" for token in given[start + 1 : start + 3])
