"""What a git command would do to the branches of fixes: `kintsugi/…` are made, moved and pushed by the servers alone. Python 3.9."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase

from kintsugi.hooks.places import Place
from kintsugi.hooks.printed import UNKNOWN, Command, heard

Read = Callable[[str], str]
"""Why a text of shell may not run, or an empty string."""

_OURS = re.compile(r"(?:^|[:+^])(?:refs/(?:heads/|tags/|remotes/[^/]+/)?)?kintsugi(?:/|$)")
_GLOBAL_VALUES = frozenset({"-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--config-env"})
_PUSH_VALUES = frozenset({"-o", "--push-option", "--receive-pack", "--exec"})
_BRANCH_WRITES = frozenset({"-f", "--force", "-m", "-M", "--move", "-c", "-C", "--copy", "-d", "-D", "--delete"})
_BRANCH_LISTS = frozenset(
    {"-l", "--list", "-a", "--all", "-r", "--remotes", "--contains", "--no-contains", "--merged", "--no-merged", "-v", "-vv"}
)
_MAKES = frozenset({"-b", "-B", "-c", "-C", "--create", "--force-create", "--orphan"})
_PUSHED = "branches of fixes are pushed by the tool open_pull_request, after a person approved"
_MOVED = "branches of fixes are made and moved by the tool apply_fix, after a person approved"


def ours(ref: str) -> bool:
    """Whether one of the refs in a refspec is a fix's branch, or a pattern that reaches one."""
    sides = [side.lstrip("+").replace("refs/heads/", "", 1) for side in ref.split(":")]
    return bool(_OURS.search(ref)) or any("*" in side and side.strip("*/") and fnmatchcase("kintsugi/fix_1", side) for side in sides)


def split(words: tuple[str, ...]) -> tuple[list[str], str, list[str]]:
    """The options of git itself, the subcommand and its words."""
    at = 1
    while at < len(words) and words[at].startswith("-"):
        at += 2 if words[at] in _GLOBAL_VALUES else 1
    return list(words[1:at]), words[at] if at < len(words) else "", list(words[at + 1 :])


def refusal(command: Command, place: Place, whole: str, read: Read) -> str:
    """Why this git command may not run, or an empty string. `whole` is the line it stands in."""
    options, verb, rest = split(command.words)
    aliased = _alias(options, verb, rest, command, read)
    if aliased:
        return aliased
    if "-C" in options and options[-1] != "-C":
        place = place.moved(options[options.index("-C") + 1])
    if verb == "push":
        return _push(rest, place, whole)
    if verb in {"update-ref", "symbolic-ref", "send-pack", "replace"}:
        return _MOVED if any(map(ours, rest)) or "kintsugi/" in heard(command) else ""
    if verb == "branch":
        return _MOVED if _branch(rest) else ""
    if verb in {"checkout", "switch", "worktree"}:
        return _MOVED if any(word in _MAKES and any(map(ours, rest[at + 1 : at + 2])) for at, word in enumerate(rest)) else ""
    if verb in {"fetch", "pull"}:
        return _MOVED if any(":" in word and ours(word.partition(":")[2]) for word in rest[1:]) else ""
    return ""


def checked_out(command: Command) -> str:
    """The branch that this command leaves checked out, or an empty string."""
    _, verb, rest = split(command.words)
    named = [word for word in rest if not word.startswith("-")]
    return named[0] if verb in {"checkout", "switch"} and named else ""


def _alias(options: list[str], verb: str, rest: list[str], command: Command, read: Read) -> str:
    """An alias or a setting may hold a command; it is read as if it were given."""
    given = [word.partition("=")[2] for word in options if word.startswith("alias.")]
    given += [value for name, value in command.assigned if name.startswith("GIT_")]
    if verb == "config" and any(word.startswith("alias.") for word in rest):
        given += [word for word in rest if not word.startswith(("-", "alias."))]
    tail = " ".join(rest)
    return next(filter(None, (read(f"{text[1:] if text.startswith('!') else 'git ' + text} {tail}") for text in given)), "")


def _push(rest: list[str], place: Place, whole: str) -> str:
    named, at = list[str](), 0
    while at < len(rest):
        if rest[at] in _PUSH_VALUES:
            at += 1
        elif not rest[at].startswith("-"):
            named.append(rest[at])
        at += 1
    refspecs = named if any(word.startswith("--repo") for word in rest) else named[1:]
    current = not refspecs and not {"--all", "--tags", "--mirror", "--branches"} & set(rest)
    if current or {"HEAD", "@"} & {spec.lstrip("+").partition(":")[0] for spec in refspecs}:
        refspecs = [*refspecs, place.head()]
    unknown = any(side == UNKNOWN for spec in refspecs for side in spec.split(":"))
    return _PUSHED if any(map(ours, refspecs)) or (unknown and "kintsugi/" in whole) else ""


def _branch(rest: list[str]) -> bool:
    named = [word for word in rest if not word.startswith("-")]
    if _BRANCH_WRITES & set(rest):
        return any(map(ours, named))
    return not (_BRANCH_LISTS & set(rest)) and bool(named) and ours(named[0])
