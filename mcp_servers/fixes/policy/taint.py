"""Text of production in a patch. Whoever can cause a log line writes it, so it may stand only inside a quoted string of a test."""

from __future__ import annotations

import base64
import binascii
import html
import io
import re
import tokenize
import unicodedata
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any
from urllib.parse import unquote

from mcp_servers.fixes.model import Finding
from mcp_servers.fixes.policy.difference import Difference, is_test

SPAN = 16
"""How many characters in a row count, white space, quotes and what joins strings apart."""

MAX_TEXT = 200_000
_OURS = frozenset(
    {
        "fingerprint",
        "file",
        "function",
        "module",
        "type",
        "service",
        "host",
        "severity",
        "kind",
        "language",
        "id",
        "project",
        "first_seen",
        "last_seen",
        "onset",
    }
    | {"releases", "at", "time", "timestamp", "logger", "line", "frames", "signals", "source"}
)
"""Fields that name the program and its parts; production cannot write free text there."""

_DROPPED = re.compile(r"[\s\"'`\\+]")
_PATH = re.compile(r"[\w.-]*(?:/[\w.-]+)+")
_WORD = re.compile(r"\w+", re.ASCII)
_CODED = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){8,}")
_ESCAPES = re.compile(r"\\x([0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})|\\([0-7]{3})")
_NUMBERS = re.compile(r"(?:\b(?:chr\()?(?:0x[0-9a-f]{2}|\d{2,3})\)?\s*[,+.]\s*){7,}(?:chr\()?(?:0x[0-9a-f]{2}|\d{2,3})", re.I)


def texts_of(evidence: Any, name: str = "") -> Iterator[str]:
    """The free text in what production told of a case, whatever its form."""
    if isinstance(evidence, str):
        if name not in _OURS and len(evidence) >= SPAN // 2:
            yield evidence
    elif isinstance(evidence, Mapping):
        for key, value in evidence.items():  # pyright: ignore[reportUnknownVariableType]
            yield from texts_of(value, "" if name == "attributes" else str(key))  # pyright: ignore[reportUnknownArgumentType]
            yield from texts_of(str(key)) if len(str(key)) >= SPAN else ()  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(evidence, Sequence) and not isinstance(evidence, (bytes, bytearray)):
        for value in evidence:  # pyright: ignore[reportUnknownVariableType]
            yield from texts_of(value, name)


def strange(texts: Sequence[str], lines: Collection[str], files: Collection[str]) -> list[str]:
    """The texts without what the repository says itself: its own lines (in a trace they are quoted) and the paths of its files."""
    parts = (line for text in texts for line in text.split("\n") if line.strip() not in lines)
    return [piece for part in parts for piece in _PATH.sub(lambda found: "\n" if _is_file(found[0], files) else found[0], part).split("\n")]


class Taint:
    """The spans that production wrote. Made once for a case, asked once for each file."""

    def __init__(self, texts: Sequence[str] = (), span: int = SPAN) -> None:
        self._span = span
        self._spans = {part for text in _bounded(texts) for way in _ways(text) for part in _parts(_normal(way)[0], span)}

    def findings(self, difference: Difference) -> Iterator[Finding]:
        if not self._spans:
            return
        own = {part for text in (difference.before,) for part in _parts(_normal(text)[0], self._span)}
        spans = self._spans - own
        if not spans:
            return
        if difference.change.added and _parts(_normal(difference.path)[0], self._span) & spans:
            yield difference.reject("tainted", "The name of the file holds text that production wrote.")
            return
        allowed = _quoted(difference) if is_test(difference.path) else ()
        for line, start in self._hits(difference, spans, allowed):
            where = "outside a quoted string" if is_test(difference.path) else "and a patch may not carry it"
            text = f"The text {start!r} comes from production {where}; keep it as quoted data of a test."
            yield difference.reject("tainted", text, line)
            return

    def _hits(self, difference: Difference, spans: set[str], allowed: Sequence[tuple[int, int]]) -> Iterator[tuple[int, str]]:
        text = difference.after
        added = {line.number for line in difference.added}
        starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
        plain, at = _normal(text)
        for index in range(len(plain) - self._span + 1):
            if plain[index : index + self._span] in spans:
                first, last = at[index], at[index + self._span - 1]
                lines = range(bisect_right(starts, first), bisect_right(starts, last) + 1)
                if added.intersection(lines) and not _inside(first, last, allowed) and not _is_name(text, first, last):
                    yield next(number for number in lines if number in added), text[first : last + 1][:60]
        if not is_test(difference.path):
            yield from self._coded(difference, spans)

    def _coded(self, difference: Difference, spans: set[str]) -> Iterator[tuple[int, str]]:
        plain = difference.added_text
        joined = _DROPPED.sub("", plain)
        for decoded in (way for text in (plain, joined) for way in _ways(text)[1:]):
            for part in _parts(_normal(decoded)[0], self._span) & spans:
                yield next((line.number for line in difference.added if line.text.strip()), 0), part


def _bounded(texts: Iterable[str]) -> list[str]:
    kept: list[str] = []
    left = MAX_TEXT
    for text in texts:
        kept.append(text[:left])
        left -= len(kept[-1])
        if left <= 0:
            break
    return kept


def _is_file(text: str, files: Collection[str]) -> bool:
    parts = text.split("/")
    return any("/".join(parts[start:]) in files for start in range(len(parts) - 1))


def _normal(text: str) -> tuple[str, list[int]]:
    """The text as it is compared, and where each character of it stands."""
    letters: list[str] = []
    at: list[int] = []
    for index, char in enumerate(text):
        if _DROPPED.match(char) or (ord(char) > 127 and unicodedata.category(char) == "Cf"):
            continue
        for each in char.casefold() if char.isascii() else unicodedata.normalize("NFKC", char).casefold():
            letters.append(each)
            at.append(index)
    return "".join(letters), at


def _parts(plain: str, span: int) -> set[str]:
    return {plain[index : index + span] for index in range(len(plain) - span + 1)}


def _ways(text: str) -> list[str]:
    """The text, and what it becomes when it is decoded: escapes, per cent, entities, base64, hexadecimal, lists of character codes, backwards."""
    ways = [text, unquote(text), html.unescape(text), _ESCAPES.sub(_unescaped, text), text[::-1]]
    for found in _CODED.findall(text):
        ways += [_decoded(found.replace("-", "+").replace("_", "/")), _decoded(found.replace("-", "+").replace("_", "/"), reverse=True)]
    ways += [_readable(bytes.fromhex(found)) for found in _HEX.findall(text)]
    ways += [
        _readable(bytes(int(n, 0) % 256 for n in re.findall(r"0x[0-9a-f]{2}|[1-9]\d{1,2}", found, re.I)))
        for found in _NUMBERS.findall(text)
    ]
    return [text, *{way for way in ways[1:] if way and way != text}]


def _unescaped(found: re.Match[str]) -> str:
    digits = found[1] or found[2] or found[3]
    number = int(digits, 16) if digits else int(found[4], 8)
    return chr(number) if number < 0x110000 else ""


def _decoded(text: str, *, reverse: bool = False) -> str:
    text = text[::-1] if reverse else text
    try:
        return _readable(base64.b64decode(text.strip("=") + "=" * (-len(text.strip("=")) % 4)))
    except (binascii.Error, ValueError):
        return ""


def _readable(content: bytes) -> str:
    text = content.decode("utf-8", "replace")
    return text if sum(char.isprintable() for char in text) > 0.9 * len(text) else ""


def _is_name(text: str, first: int, last: int) -> bool:
    """Whether the hit lies within one word: a field, a table, a function. A name alone orders nothing."""
    while first and _WORD.match(text[first - 1]):
        first -= 1
    return bool(_WORD.fullmatch(text[first : last + 1].strip("\"'`")))


def _inside(first: int, last: int, allowed: Sequence[tuple[int, int]]) -> bool:
    return any(start <= first and last < end for start, end in allowed)


def _quoted(difference: Difference) -> list[tuple[int, int]]:
    """Where the quoted strings of a test are, as offsets; neighbours that only white space and `+` part are one."""
    spans = _of_python(difference.after) if difference.name.endswith((".py", ".pyi")) else _of_others(difference.after)
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and not difference.after[merged[-1][1] : start].strip(" \t\r\n+\\"):
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


def _of_python(text: str) -> list[tuple[int, int]]:
    """Plain literals. One that is evaluated (an f-string) is no data."""
    starts = [0, *accumulate(len(line) for line in text.splitlines(keepends=True))]
    spans: list[tuple[int, int]] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.STRING and "f" not in token.string[: token.string.index(token.string[-1])].casefold():
                spans.append((starts[token.start[0] - 1] + token.start[1], starts[token.end[0] - 1] + token.end[1]))
    except (tokenize.TokenError, SyntaxError, IndexError):
        return []
    return spans


_STRING = re.compile(r"//[^\n]*|#[^\n]*|/\*.*?\*/|(\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')", re.S)


def _of_others(text: str) -> list[tuple[int, int]]:
    return [found.span(1) for found in _STRING.finditer(text) if found[1]]
