"""A simple command of a shell, and what it prints, where that is plain to see. Of any Python since 3.9, standard library only."""

from __future__ import annotations

import base64
import binascii
import codecs
from dataclasses import dataclass

UNKNOWN = "*"
"""Stands in a word for what only a running shell knows. A word with it is a pattern."""

_LOOKS_UP = frozenset({"which", "command", "type", "realpath", "readlink"})


@dataclass(frozen=True)
class Command:
    """One simple command: its words as the program would get them, the variables it sets, the files that it is redirected to and from,
    the here-documents and strings it reads, and the commands before it in its pipe."""

    words: tuple[str, ...]
    assigned: tuple[tuple[str, str], ...] = ()
    writes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    fed_by: tuple[Command, ...] = ()

    @property
    def name(self) -> str:
        """The program, without its folder."""
        return self.words[0].rpartition("/")[2] if self.words else ""


def printed(command: Command) -> str:
    """What the command prints, or `UNKNOWN`."""
    rest = list(command.words[1:])
    if command.name == "echo":
        text = " ".join(word for word in rest if word not in {"-n", "-e", "-E", "-ne", "-en"})
        return escaped(text) if {"-e", "-ne", "-en"} & set(rest) else text
    if command.name == "printf" and rest:
        return _formatted(rest)
    if command.name in _LOOKS_UP and rest:
        return rest[-1]
    if command.name in {"base64", "openssl", "base32", "xxd"} and any(word.startswith(("-d", "-D", "--d", "-r")) for word in rest):
        return _decoded(command)
    if command.name in {"cat", "tee"}:
        return heard(command)
    return UNKNOWN


def heard(command: Command) -> str:
    """What the command finds on its standard input, or `UNKNOWN`."""
    if command.texts:
        return "\n".join(command.texts)
    return printed(command.fed_by[-1]) if command.fed_by else UNKNOWN


def escaped(text: str) -> str:
    """The text with its backslash escapes read, as `$'…'` and `echo -e` read them."""
    try:
        return codecs.decode(text.encode("latin-1", "backslashreplace"), "unicode_escape")
    except (UnicodeDecodeError, ValueError):
        return text


def _formatted(words: list[str]) -> str:
    form, values = escaped(words[0]), words[1:]
    while "%s" in form or "%b" in form:
        place = min(at for at in (form.find("%s"), form.find("%b")) if at >= 0)
        form = form[:place] + (values.pop(0) if values else "") + form[place + 2 :]
    return " ".join([form, *values])


def _decoded(command: Command) -> str:
    text = "".join(heard(command).split())
    try:
        if command.name == "xxd":
            return bytes.fromhex(text).decode("utf-8", "replace")
        read = base64.b32decode if command.name == "base32" else base64.b64decode
        return read(text + "=" * (-len(text) % 4)).decode("utf-8", "replace")
    except (ValueError, binascii.Error):
        return UNKNOWN
