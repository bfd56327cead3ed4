"""What people cannot see or tell apart: invisible characters, look-alike letters, bytes that are no text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping

from mcp_servers.fixes.model import Finding
from mcp_servers.fixes.policy.difference import Difference

HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    "|\x85|\r(?!\\Z)"
)
"""Characters without a shape: controls, bidirectional and zero-width ones, fillers, tags, variation selectors; a carriage return inside a line."""

_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_WORD = re.compile(r"[^\W\d_][\w]*")
_LOOKALIKES: Mapping[str, str] = dict(
    zip(
        "асеорхуіјѕԁһԛԝѵАВСЕНІЈКМОРЅТХУΑΒΕΖΗΙΚΜΝΟΡΤΥΧανορικυχօսոցհӏᴀᴄᴏᴠᴡᴢıɡɑ",
        "aceopxyijsdhqwvABCEHIJKMOPSTXYABEZHIKMNOPTYXavopikuxouughlacovwziga",
        strict=True,
    )
)
"""Letters of other scripts that are drawn like a Latin one (a part of the Unicode table of confusables, UTS 39)."""

_LATIN_ONLY_WITH = frozenset({"CYRILLIC", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU", "GEORGIAN"})


def skeleton(text: str) -> str:
    """The text as it looks: compatibility forms, case and look-alike letters made one, marks of no width taken away."""
    if text.isascii():
        return text.lower()
    plain = "".join(_LOOKALIKES.get(c, c) for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    return "".join(_LOOKALIKES.get(c, c) for c in plain.casefold())


def findings(difference: Difference) -> Iterator[Finding]:
    if b"\0" in difference.new:
        yield difference.reject("binary", "The result is a binary file; nobody can review it.")
        return
    if finding := _encoding(difference):
        yield finding
    yield from _hidden(difference)
    yield from _confusable(difference)


def _encoding(difference: Difference) -> Finding | None:
    if _is_text(difference.new):
        return None
    if _is_text(difference.old):
        return difference.reject("not_utf8", "The result is not UTF-8; people would be shown other characters than what runs.")
    return difference.elevate("not_utf8", "The file is not UTF-8; its characters are shown as replacements.")


def _is_text(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _hidden(difference: Difference) -> Iterator[Finding]:
    marked = difference.before.startswith("\ufeff")
    for line in difference.added:
        text = line.text.removeprefix("\ufeff") if marked and line.number == 1 else line.text
        if found := HIDDEN.search(text):
            yield difference.reject("hidden_characters", f"An added line holds the invisible character U+{ord(found[0]):04X}.", line.number)
            return
    spaces = next(((line, found) for line in difference.added if (found := _SPACES.search(line.text))), None)
    if spaces and not difference.prose:
        line, found = spaces
        yield difference.elevate(
            "odd_space", f"An added line holds U+{ord(found[0]):04X}, a space that is none to a compiler.", line.number
        )


def _confusable(difference: Difference) -> Iterator[Finding]:
    known: frozenset[str] | None = None
    for line in difference.added:
        if line.text.isascii():
            continue
        for word in _WORD.findall(line.text):
            if word.isascii():
                continue
            known = known or frozenset(w for w in _WORD.findall(difference.before + difference.after) if w.isascii())
            if why := _deceives(word, known):
                yield difference.reject("mixed_scripts", f"The word {word!r} {why}.", line.number)
                return


def _deceives(word: str, known: frozenset[str]) -> str:
    letters = [c for c in word if c.isalpha()]
    scripts = {unicodedata.name(c, "?").split(" ")[0] for c in letters}
    if any(unicodedata.normalize("NFKC", c) != c and unicodedata.normalize("NFKC", c).isascii() for c in letters):
        return "holds letters that a compiler reads as plain ones"
    if "LATIN" in scripts and scripts & _LATIN_ONLY_WITH:
        return "mixes letters of two scripts that look alike"
    if "LATIN" in scripts and "GREEK" in scripts and any(c in _LOOKALIKES for c in letters if not c.isascii()):
        return "mixes letters of two scripts that look alike"
    same = "".join(_LOOKALIKES.get(c, c) for c in word)
    return f"looks like {same!r} and is another" if same.isascii() and same in known else ""
