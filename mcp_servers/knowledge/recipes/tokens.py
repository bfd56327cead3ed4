"""The words of source code, whatever its language: names, literals, operators, and where a logical line begins. Comments are no words."""

from __future__ import annotations

import builtins
import keyword
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

LANGUAGES = {
    ".py": "python", ".js": "javascript", ".mjs": "javascript", ".cjs": "javascript", ".jsx": "javascript", ".ts": "javascript",
    ".tsx": "javascript", ".go": "go", ".php": "php", ".rb": "ruby", ".java": "java", ".kt": "java", ".cs": "java", ".rs": "rust",
}  # fmt: skip
_HASH = frozenset({"python", "ruby", "php"})
_LONGEST = 400_000


@dataclass(frozen=True, slots=True)
class Token:
    """A word of code. `kind` is name, string, number, op or line; a line's text is its depth. `start:end` are characters of the text."""

    kind: str
    text: str
    start: int
    end: int


def language_of(path: str) -> str:
    """The language of a file by its ending, or an empty string where we do not read it."""
    return LANGUAGES.get(PurePosixPath(path).suffix.lower(), "")


@lru_cache(maxsize=256)
def tokens(text: str, language: str) -> tuple[Token, ...]:
    """The tokens of a text; none of a text that is too long to be written by hand."""
    if len(text) > _LONGEST:
        return ()
    found: list[Token] = []
    columns, open_brackets, fresh = [0], 0, True
    for match in _grammar(language).finditer(text):
        kind, word = match.lastgroup or "", match[0]
        if kind == "newline":
            fresh = True
        if kind in ("blank", "comment", "newline"):
            continue
        if fresh and not open_brackets:
            found.append(Token("line", str(_depth(text, match.start(), columns)), match.start(), match.start()))
        fresh = False
        open_brackets = max(0, open_brackets + (word in _opening(language)) - (word in _closing(language)))
        found.append(Token(kind, word, match.start(), match.end()))
    return tuple(found)


def comments(text: str, language: str) -> frozenset[str]:
    """The comments of a text."""
    return frozenset(match[0].strip() for match in _grammar(language).finditer(text) if match.lastgroup == "comment")


def is_constant(name: str, language: str) -> bool:
    """Whether a name means the same wherever it stands: a keyword, or what the language brings along."""
    return name in _KEPT.get(language, frozenset()) or name in _KEPT[""]


def _depth(text: str, start: int, columns: list[int]) -> int:
    begin = text.rfind("\n", 0, start) + 1
    lead = text[begin:start]
    column = len(lead.expandtabs(8)) if not lead.strip() else columns[-1]
    while columns[-1] > column:
        columns.pop()
    if column > columns[-1]:
        columns.append(column)
    return len(columns) - 1


def _opening(language: str) -> frozenset[str]:
    return frozenset("([{") if language == "python" else frozenset("([")


def _closing(language: str) -> frozenset[str]:
    return frozenset(")]}") if language == "python" else frozenset(")]")


@lru_cache
def _grammar(language: str) -> re.Pattern[str]:
    hashed = r"\#[^\n]*" if language in _HASH else r"(?!)"
    slashed = r"//[^\n]*|/\*[\s\S]*?\*/" if language not in ("python", "ruby") else r"(?!)"
    raw = r"|`(?:\\[\s\S]|[^`\\])*`" if language in ("javascript", "go") else ""
    prefix = r"(?i:[rbuf]{0,2})" if language == "python" else ""
    return re.compile(
        rf"""(?P<string>{prefix}(?:\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'){raw})"""
        rf"|(?P<comment>{hashed}|{slashed})"
        r"|(?P<number>(?:0[xXoObB][\da-fA-F_]+|\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?)\w*)"
        r"|(?P<name>\$?[^\W\d]\w*)"
        r"|(?P<newline>\\?\r?\n)|(?P<blank>[^\S\n]+)"
        r"|(?P<op>\*\*=|//=|>>=|<<=|===|!==|\.\.\.|\?\?=|&&=|\|\|=|=>|->|::|:=|\?\.|\?\?|\*\*|//|<<|>>|<=|>=|==|!=|&&|\|\||\+\+|--|[-+*/%&|^]=|[\s\S])"
    )


_WORDS = {
    "": "self this cls super None True False null nil undefined true false return if else for while",
    "javascript": "async await break case catch class const continue default delete do export extends finally function import in instanceof let"
    " new of static switch throw try typeof var void yield Math JSON Object Array Number String Boolean Promise Date Map Set Error TypeError"
    " RangeError console process parseInt parseFloat isNaN require module exports Buffer Symbol RegExp NaN Infinity",
    "go": "break case chan const continue default defer fallthrough func go goto import interface map package range select struct switch type"
    " var len cap make append copy delete panic recover new error string int int64 float64 bool byte rune any iota close min max",
    "php": "function class new echo array isset empty throw try catch foreach as use namespace public private protected static",
}
_KEPT = {language: frozenset(words.split()) for language, words in _WORDS.items()} | {
    "python": frozenset((*keyword.kwlist, *keyword.softkwlist, *dir(builtins)))
}
