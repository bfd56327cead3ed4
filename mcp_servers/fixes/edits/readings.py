"""What the author of a damaged hunk may have written: each reading undoes one way in which text is spoilt on its way."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from mcp_servers.fixes.edits.model import ADDED, KEPT, REMOVED, UNSIGNED, Hunk, Line

_TYPOGRAPHIC = str.maketrans(
    {
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033", '"'),
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032", "'"),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
        **dict.fromkeys("\u00a0\u2007\u202f\u2009\u2002\u2003", " "),
        "\u2026": "...",
    }
)
_INVISIBLE = str.maketrans(dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff"))
_DASHES = frozenset("\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d")
_LEADING_TABS = re.compile(r"^(?:\\t)+")
_STRING = re.compile(r"(\"[^\"]*\"|'[^']*'|`[^`]*`)")
_SPOILT = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|quot|apos|lt|gt|amp|nbsp);|[\u00a0\u2018-\u201f]")
_MARKUP = frozenset(
    [
        "html",
        "htm",
        "xml",
        "svg",
        "jsx",
        "tsx",
        "vue",
        "svelte",
        "md",
        "rst",
        "txt",
        "adoc",
        "tmpl",
        "j2",
        "jinja",
        "erb",
        "ejs",
        "hbs",
        "twig",
        "php",
    ]
)
_ELISION = re.compile(r"^\s*(?:#|//|--|;|/\*+|<!--)?\s*(?:\.\.\.|\u2026)(?:[\w\s,.'`-]{0,60}(?:\.\.\.|\u2026)?)?\s*(?:\*/|-->)?\s*$")


def readings(hunk: Hunk, known: Callable[[str], bool]) -> list[Hunk]:
    """The hunk as it stands, then every way to mend it that changes it, least first. `known` tells whether the file holds a line."""
    hunk = _without_prose(_dashed(hunk, known), known)
    signed, shifted = _signed(hunk, known), _shifted(hunk)
    made = [hunk] if not any(line.op == UNSIGNED for line in hunk.lines) else []
    made += [signed, shifted]
    made += [_each(base, mend) for base in (signed, shifted) for mend in mends()]
    return list(dict.fromkeys(made))


def mends() -> list[Callable[[str], str]]:
    """Each way to clean a line on its own, then all of them."""
    return [untypographic, html.unescape, tabbed, lambda text: tabbed(html.unescape(untypographic(text)))]


def untypographic(text: str) -> str:
    """Straight quotes, plain dashes and blanks, and no invisible characters."""
    return text.translate(_TYPOGRAPHIC).translate(_INVISIBLE)


def tabbed(text: str) -> str:
    """`\\t` in front, and elsewhere outside of quotes, as the tab it was."""
    text = _LEADING_TABS.sub(lambda hit: "\t" * (len(hit[0]) // 2), text)
    pieces = _STRING.split(text)
    return "".join(piece if at % 2 else piece.replace("\\t", "\t") for at, piece in enumerate(pieces))


def is_elision(text: str) -> bool:
    return bool(_ELISION.match(text[:120])) and len(text) <= 120


def _signed(hunk: Hunk, known: Callable[[str], bool]) -> Hunk:
    """Lines without a sign are kept lines; a `- item` that the file holds was a kept line."""
    lines: list[Line] = []
    for line in hunk.lines:
        if line.op == UNSIGNED:
            lines.append(replace(line, op=KEPT))
        elif line.op == REMOVED and not known(line.text) and known("-" + line.text):
            lines.append(Line(KEPT, "-" + line.text, line.ended))
        else:
            lines.append(line)
    return replace(hunk, lines=tuple(lines))


def _dashed(hunk: Hunk, known: Callable[[str], bool]) -> Hunk:
    """A typographic dash in front of a line that the file does not hold was the sign of a removed one."""
    dashed = (
        Line(REMOVED, line.text[1:], line.ended) if line.op == UNSIGNED and line.text[:1] in _DASHES and not known(line.text) else line
        for line in hunk.lines
    )
    return replace(hunk, lines=tuple(dashed))


def _without_prose(hunk: Hunk, known: Callable[[str], bool]) -> Hunk:
    """The hunk without the words, and the empty lines, that follow its last line of the file."""
    end = len(hunk.lines)
    while end and hunk.lines[end - 1].op == UNSIGNED and _is_prose(hunk.lines[end - 1], known):
        end -= 1
    return replace(hunk, lines=hunk.lines[:end])


def _is_prose(line: Line, known: Callable[[str], bool]) -> bool:
    return not line.text.strip() or not known(line.text)


def _shifted(hunk: Hunk) -> Hunk:
    """Kept lines that lost the blank in front: what was taken for the sign belongs to the line."""
    lines = [replace(line, op=KEPT, text=" " + line.text if line.op == KEPT and line.text else line.text) for line in hunk.lines]
    return replace(hunk, lines=tuple(new if old.op in {KEPT, UNSIGNED} else old for old, new in zip(hunk.lines, lines, strict=True)))


def _each(hunk: Hunk, mend: Callable[[str], str]) -> Hunk:
    return replace(hunk, lines=tuple(replace(line, text=mend(line.text)) for line in hunk.lines))


def parted(hunk: Hunk) -> list[Hunk]:
    """The hunk taken apart where it leaves lines out (`...`); itself when it leaves none out."""
    parts: list[list[Line]] = [[]]
    for line in hunk.lines:
        if line.op in {KEPT, UNSIGNED} and is_elision(line.text):
            parts.append([])
        else:
            parts[-1].append(line)
    return [replace(hunk, lines=tuple(part)) for part in parts if part] if len(parts) > 1 else [hunk]


def leaves_out(lines: Sequence[Line]) -> bool:
    """Whether an added line stands for lines that it does not say."""
    return any(line.op == ADDED and is_elision(line.text) and line.text.strip() not in {"...", "\u2026"} for line in lines)


def shows_damage(hunk: Hunk, lines: Sequence[str], path: str) -> bool:
    """Whether added lines hold entities or typographic characters that no line of the file holds, where these are no part of the language."""
    added = any(line.op == ADDED and _SPOILT.search(line.text) for line in hunk.lines)
    return added and path.rpartition(".")[2].lower() not in _MARKUP and not any(map(_SPOILT.search, lines))
