"""Which shell text would take a decision that is a person's: approve, apply round the gate, push, or write what Kintsugi knows them by.

A second lock. The first is in the servers: approving asks for a terminal and a digest typed by a person, applying for the approval.
So what only a running shell could know is let through, unless the text names a decision. Standard library, Python 3.9.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from fnmatch import fnmatchcase

from kintsugi.hooks import refs
from kintsugi.hooks.places import Place
from kintsugi.hooks.printed import UNKNOWN, Command, heard, printed
from kintsugi.hooks.shell import commands

_PROGRAMS = ("kintsugi", "kintsugi.exe", "kintsugi.cli", "kintsugi.__main__")
_DECIDING = {"": ("approve", "reject", "resume", "close"), "fix": ("approve", "reject", "apply"), "guard": ("accept",)}
_SERVERS = ("kintsugi-mcp", "kintsugi-mcp.exe", "mcp_servers", "mcp_servers.launch")
_LOCKS = re.compile(r"(?:KINTSUGI_POLICY|KINTSUGI_ALLOW_WRITES)=")
_WORD = r"[\s'\",\[\]()\\]+"
_NAMED = re.compile(
    rf"kintsugi(?:\.exe|\.cli)?{_WORD}(?:approve|reject|resume|close|fix{_WORD}(?:approve|reject|apply)|guard{_WORD}accept)\b", re.I
)
_INSIDE = re.compile(r"kintsugi\.(?:cli|commands)|mcp_servers\.cases|from kintsugi|from mcp_servers")
_VERB = re.compile(r"\b(?:approv\w*|reject\w*|resume\w*|apply\w*|accept\w*|spend)\b", re.I)
_TALKERS = frozenset({
    "echo", "printf", "cat", "grep", "egrep", "fgrep", "rg", "ag", "ack", "gh", "glab", "curl", "wget", "jq", "yq", "sed", "sort", "uniq",
    "cut", "tr", "wc", "head", "tail", "less", "more", "man", "info", "tldr", "ls", "which", "type", "whereis", "diff", "cmp", "fold",
    "fmt", "column", "nl", "tee", "test", "[", "[[", "true", "false", ":", "logger", "notify-send", "say", "mail", "pbcopy", "xclip",
    "read", "for", "kintsugi",
})  # fmt: skip
_TALKING_GIT = frozenset({"commit", "log", "grep", "tag", "notes", "merge", "stash", "shortlog", "show", "diff", "blame"})
_READERS = frozenset({
    "ls", "cat", "head", "tail", "less", "more", "stat", "du", "file", "wc", "grep", "egrep", "fgrep", "rg", "find", "tree", "cd",
    "pushd", "test", "[", "[[", "echo", "printf", "realpath", "readlink", "basename", "dirname", "df", "md5sum", "sha256sum", "diff",
    "cmp", "jq", "export", "kintsugi", "for",
})  # fmt: skip
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "fish", "source", "."})
_REMOVERS = frozenset({"rm", "mv", "rmdir", "shred"})
_MOST_BYTES = 65_536
_DEPTH = 4


def refusal(text: str, place: Place, whole: str = "", depth: int = 0) -> str:
    """Why a model may not run this shell text, as the end of a sentence; an empty string where it may."""
    if depth > _DEPTH:
        return ""
    whole = whole or text
    try:
        found = commands(text, {**place.environ, "IFS": " "})
    except (ValueError, RecursionError):
        return "it names a decision of Kintsugi that belongs to a person" if _NAMED.search(text) else ""
    line = _Line(place, whole, depth)
    return next((why for why in map(line.refusal, found) if why), "")


class _Line:
    """A line on its way, command after command: the folder it has moved to, the names it gave, the files it wrote."""

    def __init__(self, place: Place, whole: str, depth: int) -> None:
        self._place, self._whole, self._depth = place, whole, depth
        self._names: dict[str, tuple[str, ...]] = {}
        self._written: dict[str, str] = {}

    def refusal(self, command: Command) -> str:
        typed = {"Space"} if command.name == "tmux" else set[str]()
        command = replace(command, words=self._named(tuple(word for word in command.words if word not in typed)))
        why = self._decides(command) or self._carries(command) or self._touches(command) or self._runs(command)
        self._follow(command)
        return why

    def _decides(self, command: Command) -> str:
        """The command itself, also behind `env`, `sudo`, `uv run`, `script` and whatever else starts programs."""
        talks = _talks(command)
        set_here = (f"{name}=" for name, _ in command.assigned)
        if any(map(_LOCKS.match, (*set_here, *(() if talks else command.words)))):
            return "who may approve and who may write is set by the person who runs Kintsugi, outside the session"
        if command.name == "git":
            return refs.refusal(command, self._place, self._whole, self._read) or self._called(
                command, refs.split(command.words)[0] if talks else list(command.words)
            )
        if command.name in {"gh", "glab", "curl"} and _at_the_forge(command):
            return "fixes are published by the tool open_pull_request and merged by people"
        return self._called(command, list(command.words[: 1 if talks else None]))

    def _called(self, command: Command, words: list[str]) -> str:
        for at, word in enumerate(words):
            rest = list(command.words[at + 1 :])
            if _is(word, _PROGRAMS) and self._decision(rest, command):
                return "it is the decision of a person, who types it at a terminal of their own"
            if _is(word, _SERVERS, 4) and (command.fed_by or command.texts or command.reads):
                return "the servers are spoken to by the client, not by a pipe"
        if words and not words[0].strip("*?") and "kintsugi" in self._whole and _VERB.search(self._whole):
            return "it starts something that cannot be told from here and names a decision of Kintsugi"
        return ""

    def _decision(self, rest: list[str], command: Command) -> bool:
        words = [word for word in rest if not word.startswith("-")]
        if {"--help", "-h"} & set(rest):
            return False
        group = next((name for name in ("fix", "guard") if words and _could_be(words[0], name)), "")
        if group and words[0] != UNKNOWN:
            words = words[1:]
        fed = not words and command.name in {"xargs", "parallel"}
        if fed or (words and not words[0].strip("*{}?")):
            return bool(_VERB.search(self._whole))
        return bool(words) and any(_could_be(words[0], verb) for verb in _DECIDING[group])

    def _carries(self, command: Command) -> str:
        """Shell or other code in the arguments, or on the standard input, of what may run it."""
        if _talks(command):
            return ""
        texts = [word for word in command.words[1:] if re.search(r"[\s;()'\"]", word)]
        told = heard(command)
        texts += [told] if told != UNKNOWN else [" ".join(stage.words) for stage in command.fed_by]
        shown = [word for stage in command.fed_by if stage.name == "cat" for word in stage.words[1:]]
        texts += [self._content(path) for path in (*command.reads, *shown)]
        return next((why for why in map(self._code, texts) if why), "")

    def _code(self, text: str) -> str:
        if _NAMED.search(text) or (_INSIDE.search(text) and _VERB.search(text)):
            return "it carries a decision of Kintsugi that belongs to a person"
        if self._place.mentioned(text):
            return "it speaks of files that the servers alone write"
        return self._read(text)

    def _touches(self, command: Command) -> str:
        """Files of ours that are written, or handed to a program that may write."""
        handed = [] if command.name in _READERS and not {"-delete", "-exec", "-execdir"} & set(command.words) else list(command.words[1:])
        for word in (*command.writes, *handed):
            named = word.partition("=")[2] if "=" in word else word[word.find("/") :] if word.startswith("-") and "/" in word else word
            what = named.strip(UNKNOWN) and self._place.protected(named)
            if what:
                return f"it could change {what} of Kintsugi, which the servers alone write"
        if command.name in _REMOVERS and any(map(self._place.holds, command.words[1:])):
            return "it would remove what Kintsugi knows"
        return ""

    def _runs(self, command: Command) -> str:
        """A script that is there already, or that this line has written."""
        words = [word for word in command.words if not word.startswith("-")]
        at = 1 if command.name in _SHELLS else 0
        if len(words) <= at or (at == 0 and "/" not in words[0]):
            return ""
        text = self._content(words[at])
        if "kintsugi.cli" in text and text.startswith("#!"):
            return self._called(replace(command, words=("kintsugi", *words[at + 1 :])), ["kintsugi"])
        return self._read(text) if at or re.match(r"#!.*sh\b", text) or self._place.path(words[0]) in self._written else ""

    def _follow(self, command: Command) -> None:
        words = command.words
        self._written.update((self._place.path(target), printed(command)) for target in command.writes if printed(command) != UNKNOWN)
        if command.name in {"cd", "pushd"} and len(words) > 1:
            self._place = self._place.moved(words[1])
        elif command.name == "git" and refs.checked_out(command):
            self._place = replace(self._place, branch=refs.checked_out(command))
        elif command.name == "alias":
            self._names.update((name, tuple(value.split())) for name, _, value in (word.partition("=") for word in words[1:]) if value)
        elif command.name in {"ln", "cp", "mv", "install"} and len(words) > 2 and any(_is(word, _PROGRAMS) for word in words[1:-1]):
            self._names[words[-1]] = ("kintsugi",)

    def _named(self, words: tuple[str, ...]) -> tuple[str, ...]:
        return (*self._names.get(words[0], words[:1]), *words[1:]) if words else words

    def _content(self, word: str) -> str:
        path = self._place.path(word)
        if path in self._written:
            return self._written[path]
        try:
            with open(path, encoding="utf-8") as file:
                return file.read(_MOST_BYTES) if os.path.isfile(path) else ""
        except (OSError, ValueError):
            return ""

    def _read(self, text: str) -> str:
        return refusal(text, self._place, self._whole, self._depth + 1)


def _talks(command: Command) -> bool:
    """Whether the program only reads or says its arguments."""
    if command.name == "git":
        return refs.split(command.words)[1] in _TALKING_GIT
    return command.name in _TALKERS


def _is(word: str, programs: tuple[str, ...], least: int = 1) -> bool:
    """Whether a word names one of the programs, by path, as a module, or as a pattern with that many signs of its own."""
    name = word.rpartition("/")[2].lower()
    name = "kintsugi.cli" if word.endswith("kintsugi/cli.py") else name[2:] if name.startswith("-m") else name
    return len(re.sub(r"[*?\[\]]", "", name)) >= least and any(_could_be(name, program) for program in programs)


def _could_be(word: str, name: str) -> bool:
    return word == name or (any(sign in word for sign in "*?[") and fnmatchcase(name, word))


def _at_the_forge(command: Command) -> bool:
    """Whether a branch of a fix is written through the forge's own program or address."""
    words = command.words[1:]
    if words[:2] in {("pr", "merge"), ("pr", "create"), ("mr", "merge"), ("mr", "create")}:
        return any(refs.ours(word.rpartition("=")[2]) for word in words[2:])
    writes = any(
        word.startswith(("-X", "--method", "--request", "-f", "-F", "--field", "--raw-field", "--input", "-d", "--data")) for word in words
    )
    return writes and any(re.search(r"heads/kintsugi/", word) for word in words)
