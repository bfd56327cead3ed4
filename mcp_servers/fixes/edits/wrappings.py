"""Taking a patch out of what carried it: a terminal's colours, a mail's quoting or encoding, a JSON string, a listing with line numbers."""

from __future__ import annotations

import json
import quopri
import re
from collections.abc import Sequence

MARKERS = ("diff --git ", "--- ", "+++ ", "@@", "<<<<<<<", "*** Update File:", "*** Add File:", "*** Delete File:")

_COLOUR = re.compile(r"\x1b\[[0-9;]*[mK]")
_NUMBERED = re.compile(r"^ *(\d+)(?: ?[|:\u2192\u2502]|\t)( ?)(.*)$", re.S)
_ENCODED = re.compile(r"=(?:3D|\n)")
_PLAIN = re.compile(r"=(?![0-9A-F]{2}|\n)")
_MAIL_WIDTH = 77


def tells(text: str) -> bool:
    """Whether any line is one that only an edit has."""
    return any(line.startswith(MARKERS) for line in text.split("\n"))


def unwrapped(text: str) -> str:
    """The text as it was before it was carried; the same text when nothing shows that it was."""
    text = _unescaped(_with_newlines(_uncoloured(text.removeprefix("\ufeff"))))
    taken = text if tells(text) else next((made for made in (_unquoted(text), _unnumbered(text)) if tells(made)), text)
    return _unencoded(taken)


def _unencoded(text: str) -> str:
    """Quoted-printable, when every `=` of the text is one of it and no line is too long for it."""
    if not _ENCODED.search(text) or _PLAIN.search(text) or not text.isascii() or max(map(len, text.split("\n"))) > _MAIL_WIDTH:
        return text
    try:
        return quopri.decodestring(text.encode("ascii")).decode("utf-8")
    except UnicodeDecodeError:
        return text


def _uncoloured(text: str) -> str:
    """Without a terminal's colours, where a line begins with one."""
    return _COLOUR.sub("", text) if text.startswith("\x1b[") or "\n\x1b[" in text else text


def _with_newlines(text: str) -> str:
    return text.replace("\r", "\n") if "\n" not in text else text


def _unquoted(text: str) -> str:
    """The lines that a reply quotes, without `> `; what was written around them is left out."""
    quoted = [line for line in text.split("\n") if line.startswith(">")]
    return "\n".join(re.sub(r"^> ?", "", line) for line in quoted) + "\n"


def _unescaped(text: str) -> str:
    """The value of a JSON string that stands on one line, with or without its quotes."""
    line = text.strip()
    if "\n" in line or "\\n" not in line:
        return text
    try:
        value = json.loads(line if line.startswith('"') and line.endswith('"') else f'"{line}"')
    except ValueError:
        return text
    return value if isinstance(value, str) else text


def _unnumbered(text: str) -> str:
    """The lines of a listing without their numbers, when these count up by one from line to line."""
    lines = text.removesuffix("\n").split("\n")
    found = [hit for hit in map(_NUMBERED.match, lines) if hit]
    numbers = [int(hit[1]) for hit in found]
    if len(found) < len(lines) or not _counts_up(numbers):
        return text
    padded = all(hit[2] or not hit[3] for hit in found)
    return "".join(f"{hit[3] if padded else hit[2] + hit[3]}\n" for hit in found)


def _counts_up(numbers: Sequence[int]) -> bool:
    return len(numbers) > 1 and all(number == numbers[0] + at for at, number in enumerate(numbers))
