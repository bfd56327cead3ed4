"""Guards over lines of files that no grammar reads (Dockerfile, nginx.conf, requirements.txt): kept as tokens, so that no pattern is ever a stranger's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import lru_cache

from mcp_servers.kit.redaction import redact

_TOKEN = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|\d+(?:\.\d+)*|[A-Za-z_]+|[^\w\s]")
_OPEN = {"<string>": r"(?:\"[^\"\n]*\"|'[^'\n]*')", "<number>": r"\d+(?:\.\d+)*"}
_LEAST_WORDS = 2
_LONGEST = 400


def candidates(before: str, after: str) -> Iterator[list[str]]:
    """Token lists of the lines that a change took away: with literals left open, then to the letter."""
    old, new = before.splitlines(), after.splitlines()
    for tag, first, last, _, _ in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        for line in (line for line in old[first:last] if tag != "equal" and redact(line) == line):
            tokens = _TOKEN.findall(line.strip()[:_LONGEST])
            if sum(token[0].isalpha() for token in tokens) >= _LEAST_WORDS and not line.lstrip().startswith(("#", "//", ";", "--")):
                yield [_opened(token) for token in tokens]
                yield tokens


def crossed(tokens: Sequence[str], text: str) -> Iterator[tuple[int, str]]:
    """Number and text of each line that consists of these tokens, whatever blanks stand between them."""
    pattern = _pattern(tuple(tokens))
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) <= _LONGEST and pattern.fullmatch(line.strip()):
            yield number, line.strip()


@lru_cache(256)
def _pattern(tokens: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(r"\s*".join(_OPEN.get(token) or re.escape(token) for token in tokens))


def _opened(token: str) -> str:
    return "<string>" if token[0] in "\"'" else "<number>" if token[0].isdigit() else token
