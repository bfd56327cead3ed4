"""Where a fix may write: names that mean the same file on every file system, plain modes, no links, no submodules."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from mcp_servers.fixes.model import Finding
from mcp_servers.fixes.policy.characters import HIDDEN, skeleton
from mcp_servers.kit.git import ABSENT, EXECUTABLE, FILE, GITLINK, LINK, FileChange

MAX_PATH_BYTES = 400
MAX_NAME_BYTES = 255

_SHORT_NAME = re.compile(r"^(?:git|gi[0-9a-f]{4}|gitmod|gitatt|gitign)~\d+$")
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$", "clock$", *(f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³")}
)
_CLIMBS = "climbs out of the repository"
_GIT = "means git's own folder on some file system"
_ODD = "holds characters that hide or change its name on some file system"


def findings(changes: Sequence[FileChange], files_after: Iterable[str]) -> list[Finding]:
    """What stands against the names, kinds and modes of a difference."""
    found = [finding for change in changes for finding in (*names(change.path), *_modes(change))]
    return [*found, *_through_links(changes), *_twins(changes, files_after)]


def names(path: str) -> Iterator[Finding]:
    """What stands against a name, whatever the file holds; each of it rejects."""
    parts = path.split("/")
    if any(part in {"", ".", ".."} for part in parts) or path.startswith("~") or re.match(r"[A-Za-z]:", path):
        yield _reject("path_climbs", path, f"The path {_CLIMBS}.")
    if any(_means_git(part) for part in parts):
        yield _reject("path_git", path, f"The path {_GIT}.")
    if any(_is_odd(part) for part in parts):
        yield _reject("path_odd", path, f"The path {_ODD}.")
    if len(path.encode("utf-8", "replace")) > MAX_PATH_BYTES or any(len(p.encode("utf-8", "replace")) > MAX_NAME_BYTES for p in parts):
        yield _reject("path_long", path, f"The path is longer than {MAX_PATH_BYTES} bytes, or one name in it than {MAX_NAME_BYTES}.")


def _means_git(part: str) -> bool:
    """`.git` in any case, with ignorable characters or look-alike letters, as an NTFS short name, stream or trailing-dot twin."""
    visible = "".join(c for c in unicodedata.normalize("NFKC", part) if unicodedata.category(c) not in {"Cf", "Mn", "Cc"})
    name = skeleton(visible).partition(":")[0].rstrip(". ")
    return name == ".git" or bool(_SHORT_NAME.match(name))


def _is_odd(part: str) -> bool:
    stem = part.casefold().partition(".")[0].rstrip(" ")
    return (
        bool(HIDDEN.search(part) or re.search(r'[\\\n\r\t:*?"<>|]', part))
        or part != part.rstrip(". ")
        or part != part.lstrip(" ")
        or stem in _DEVICES
        or part != unicodedata.normalize("NFC", part)
        or not part.isprintable()
        or part.startswith("-")
    )


def _modes(change: FileChange) -> Iterator[Finding]:
    path, old, new = change.path, change.old_mode, change.new_mode
    if GITLINK in (new, old):
        yield _reject("submodule", path, "A fix may not add, move or remove a submodule.")
    elif new == LINK or (old == LINK and new != ABSENT):
        yield _reject("link", path, "A fix may not make or change a symbolic link.")
    elif new not in {FILE, EXECUTABLE, ABSENT}:
        yield _reject("mode", path, f"The mode {new} is none that a fix may set.")
    elif new == EXECUTABLE != old:
        yield _elevate("made_executable", path, "The file becomes executable.")
    elif old == EXECUTABLE and new == FILE:
        yield _elevate("mode_changed", path, "The file is no longer executable.")


def _through_links(changes: Sequence[FileChange]) -> Iterator[Finding]:
    links = {change.path for change in changes if change.old_mode == LINK}
    for change in changes:
        link = next((prefix for prefix in _prefixes(change.path)[:-1] if prefix in links), "")
        if link:
            yield _reject("link", change.path, f"The path leads through {link}, a symbolic link.")


def _twins(changes: Sequence[FileChange], files_after: Iterable[str]) -> Iterator[Finding]:
    added = sorted({change.path for change in changes if change.added})
    seen: dict[str, set[str]] = {skeleton(prefix): set() for path in added for prefix in _prefixes(path)}
    for prefix in _all_prefixes(files_after) if added else ():
        if (looks := skeleton(prefix)) in seen:
            seen[looks].add(prefix)
    for path in added:
        for prefix in _prefixes(path):
            if twins := seen[skeleton(prefix)] - {prefix}:
                names = ", ".join(sorted(twins))
                yield _reject("case_collision", path, f"The path is one with {names} on some file systems, or to the eye.")


def _all_prefixes(files: Iterable[str]) -> set[str]:
    """Every file and folder, each once."""
    found: set[str] = set()
    for path in files:
        while path and path not in found:
            found.add(path)
            path = path.rpartition("/")[0]
    return found


def _prefixes(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]


def _reject(code: str, path: str, text: str) -> Finding:
    return Finding(code, "reject", path, text)


def _elevate(code: str, path: str, text: str) -> Finding:
    return Finding(code, "elevate", path, text)
