"""Reads shell text as a shell would, as far as can be known without running it: the simple commands in it and what flows into them.

Standard library only, and of any Python since 3.9: a host's guard runs this where our own environment is not there yet.
The grammar is that of POSIX.1-2017, "Shell Command Language", with bash's `$'…'`, `<<<`, `<(…)` and brace lists.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from kintsugi.hooks.printed import UNKNOWN, Command, escaped, printed

_OPERATOR = re.compile(r"<<<|<<-?|[0-9]*(?:<>|<&|>&|>>|>\||[<>](?!\())|&>>|&>|\|\||\|&|&&|;;&?|;&|[;|&\n()]")
_NAME = re.compile(r"\$(?:\{(\w+)(?::?[-=+]([^{}]*))?\}|(\w+|[@*#?!$-]))")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)\+?=(.*)", re.S)
_BRACES = re.compile(r"(.*?)\{([^{}]*,[^{}]*)\}(.*)", re.S)
_KEYWORDS = frozenset(["if", "then", "elif", "else", "fi", "while", "until", "do", "done", "!", "time", "function", "coproc", "{", "}"])
_ENDS_WORD = frozenset(" \t\n;|&()<>")
_DEPTH = 8
_MOST_BRACES = 64


def commands(text: str, values: Mapping[str, str], depth: int = 0) -> list[Command]:
    """Every simple command of the text, those of substitutions and groups among them, in order; `values` are the variables.
    Raises `ValueError` for text that no shell would finish reading."""
    if depth > _DEPTH:
        raise ValueError("nested too deep")
    return _Reader(text, dict(values), depth).commands()


@dataclass
class _Draft:
    words: list[str] = field(default_factory=list[str])
    assigned: dict[str, str] = field(default_factory=dict[str, str])
    writes: list[str] = field(default_factory=list[str])
    reads: list[str] = field(default_factory=list[str])
    texts: list[str] = field(default_factory=list[str])


class _Reader:
    """One pass over a text. Substitutions are read by readers of their own, which see the same variables."""

    def __init__(self, text: str, values: dict[str, str], depth: int) -> None:
        self._text = text.replace("\\\n", "")
        self._at = 0
        self._values = values
        self._depth = depth
        self._found: list[Command] = []
        self._draft = _Draft()
        self._pipe: tuple[Command, ...] = ()
        self._bodies: list[tuple[_Draft, str, str]] = []

    def commands(self) -> list[Command]:
        while self._skip_blanks():
            operator = _OPERATOR.match(self._text, self._at)
            if operator is None:
                self._add(self._word())
                continue
            self._at = operator.end()
            sign = operator[0].lstrip("0123456789")
            if "<" in sign or ">" in sign:
                self._redirect(sign)
            else:
                self._finish(sign)
        self._finish("")
        return self._found

    def _skip_blanks(self) -> bool:
        """Goes to the next word or operator; False at the end. A comment is blank."""
        blank = re.compile(r"[ \t\r]*(?:#[^\n]*)?").match(self._text, self._at)
        self._at = blank.end() if blank else self._at
        return self._at < len(self._text)

    def _add(self, words: list[str]) -> None:
        draft = self._draft
        for word in words:
            assignment = _ASSIGNMENT.fullmatch(word)
            if draft.words or not (assignment or word in _KEYWORDS):
                draft.words.append(word)
            elif assignment:
                draft.assigned[assignment[1]] = assignment[2]

    def _finish(self, sign: str) -> None:
        """Ends the simple command before an operator, and reads the here-documents that begin after a line."""
        draft, self._draft = self._draft, _Draft()
        if sign == "\n":
            self._read_bodies()
        ended: tuple[Command, ...] = ()
        if draft.words or draft.assigned or draft.writes or draft.texts:
            command = Command(
                tuple(draft.words), tuple(draft.assigned.items()), tuple(draft.writes), tuple(draft.reads), tuple(draft.texts), self._pipe
            )
            self._remember(command)
            self._found.append(command)
            ended = (*self._pipe, command)
        if sign in {"|", "|&"}:
            self._pipe = ended or tuple(self._found[-_DEPTH:])  # a group feeds with all that it runs
        elif sign != "(":
            self._pipe = ()

    def _remember(self, command: Command) -> None:
        """What later commands find in the variables that this one sets."""
        name = command.words[0] if command.words else ""
        if not name:
            self._values.update(command.assigned)
        elif name in {"export", "declare", "typeset", "local", "readonly"}:
            set_here = filter(None, map(_ASSIGNMENT.fullmatch, command.words[1:]))
            self._values.update({match[1]: match[2] for match in set_here})
        elif name in {"for", "select"} and len(command.words) > 1:
            self._values[command.words[1]] = command.words[3] if len(command.words) == 4 else UNKNOWN
        elif name == "read":
            self._values.update(dict.fromkeys(command.words[1:], UNKNOWN))

    def _redirect(self, sign: str) -> None:
        self._skip_blanks_only()
        begin = self._at
        target = " ".join(self._word())
        if sign in {"<<", "<<-"}:
            self._bodies.append((self._draft, target, "quoted" if set(self._text[begin : self._at]) & set("'\"\\") else sign))
        elif sign == "<<<":
            self._draft.texts.append(target)
        elif ">" in sign:
            self._draft.writes.append(target)
        elif sign == "<":
            self._draft.reads.append(target)

    def _skip_blanks_only(self) -> None:
        while self._text[self._at : self._at + 1] in {" ", "\t"}:
            self._at += 1

    def _read_bodies(self) -> None:
        for draft, delimiter, kind in self._bodies:
            lines: list[str] = []
            while self._at < len(self._text):
                line, _, _ = self._text[self._at :].partition("\n")
                self._at += len(line) + 1
                if line.lstrip("\t") == delimiter:
                    break
                lines.append(line)
            body = "\n".join(lines)
            if kind != "quoted":
                inner = _Reader(body, self._values, self._depth)
                body = inner._double(end="")
                self._found += inner._found
            draft.texts.append(body)
        self._bodies = []

    def _word(self) -> list[str]:
        """The words that the next one becomes: none, one, or several where an expansion is split."""
        done: list[str] = []
        now, quoted, braces = "", False, False
        while (self._at < len(self._text) and self._text[self._at] not in _ENDS_WORD) or self._text[self._at : self._at + 2] in {
            "<(",
            ">(",
        }:
            begin, sign = self._at, self._text[self._at]
            value, split = self._piece()
            quoted = quoted or sign in "'\"\\" or self._text[begin : begin + 2] in {"$'", '$"'}
            braces = braces or sign == "{"
            head, *rest = re.split(r"\s+", value) if split else [value]
            now += head
            for part in rest:
                done += [now] if now else []
                now = part
        done += [now] if now or quoted else []
        return [word for one in done for word in (_listed(one) if braces else [one])]

    def _piece(self) -> tuple[str, bool]:
        """The next piece of a word, and whether it is split at blanks."""
        sign, two = self._text[self._at], self._text[self._at : self._at + 2]
        if sign == "\\":
            self._at += 2
            return self._text[self._at - 1 : self._at], False
        if sign == "'" or two == "$'":
            return self._single(ansi=two == "$'"), False
        if sign == '"' or two == '$"':
            self._at += len(sign) + (sign == "$")
            return self._double(), False
        if sign in "$`" or two in {"<(", ">("}:
            return self._expansion(), True
        self._at += 1
        return sign, False

    def _single(self, ansi: bool) -> str:
        pattern = r"\$'((?:[^'\\]|\\.)*)'" if ansi else r"'([^']*)'"
        found = re.compile(pattern, re.S).match(self._text, self._at)
        if found is None:
            raise ValueError("a quote is not closed")
        self._at = found.end()
        return escaped(found[1]) if ansi else found[1]

    def _double(self, end: str = '"') -> str:
        """The text up to the closing quote, or to the end of a here-document, with what is expanded in it."""
        parts: list[str] = []
        while self._at < len(self._text):
            sign = self._text[self._at]
            if sign == end:
                self._at += 1
                return "".join(parts)
            if sign in "$`":
                parts.append(self._expansion())
                continue
            if sign == "\\" and self._text[self._at + 1 : self._at + 2] in set('$`"\\'):
                self._at += 1
                sign = self._text[self._at]
            parts.append(sign)
            self._at += 1
        if end:
            raise ValueError("a quote is not closed")
        return "".join(parts)

    def _expansion(self) -> str:
        """The value of what begins here with `$`, a backtick or `<(`."""
        two = self._text[self._at : self._at + 2]
        if two[0] == "`":
            return self._substituted(self._closing("`", self._at + 1), 1)
        if two in {"$(", "<(", ">("}:
            return self._substituted(self._closing(")", self._at + 2), 2)
        if name := _NAME.match(self._text, self._at):
            self._at = name.end()
            other = _Reader(name[2], self._values, self._depth)._double(end="") if name[2] else UNKNOWN
            return self._values.get(name[1] or name[3], other)
        if two == "${":
            self._at = self._closing("}", self._at + 2) + 1
            return UNKNOWN
        self._at += 1
        return "$"

    def _substituted(self, closing: int, opening: int) -> str:
        sign, inner = self._text[self._at], self._text[self._at + opening : closing]
        self._at = closing + 1
        if inner.startswith("("):
            return UNKNOWN  # arithmetic
        found = commands(inner, self._values, self._depth + 1)
        self._found += found
        value = printed(found[-1]).rstrip("\n") if found else ""
        if sign in "<>":
            self._draft.texts.append(value)
            return UNKNOWN
        return value

    def _closing(self, sign: str, begin: int) -> int:
        """The place of the sign that closes what began, past quotes and what is nested."""
        at, depth, opener = begin, 0, {")": "(", "}": "{"}.get(sign, "")
        while at < len(self._text):
            here = self._text[at]
            if here == sign and depth == 0:
                return at
            depth += (here == opener) - (here == sign)
            if here == "\\":
                at += 1
            elif here in "'\"" and sign != "`":
                at = _quote_end(self._text, at)
            at += 1
        raise ValueError(f"{sign!r} is missing")


def _quote_end(text: str, begin: int) -> int:
    pattern = r"'[^']*'" if text[begin] == "'" else r'"(?:[^"\\]|\\.)*"'
    found = re.compile(pattern, re.S).match(text, begin)
    return found.end() - 1 if found else begin


def _listed(word: str) -> list[str]:
    """The words of brace lists: `{a,b}c` is `ac` and `bc`."""
    todo, done = [word], list[str]()
    while todo and len(todo) + len(done) < _MOST_BRACES:
        found = _BRACES.fullmatch(todo.pop(0))
        if found is None:
            return [word] if not done and not todo else done
        todo = [f"{found[1]}{part}{found[3]}" for part in found[2].split(",")] + todo
        while todo and not _BRACES.fullmatch(todo[0]):
            done.append(todo.pop(0))
    return [one for one in done + todo if one]
