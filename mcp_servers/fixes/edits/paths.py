"""Which file of the tree a written path means: as it stands, with a/ or b/, below a deploy root, in another case, or by its end."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property

from mcp_servers.kit.errors import Refusal

MAX_PATH = 1_000
_PREFIXES = frozenset({"a", "b", "i", "w", "c", "o"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SHOWN = 5


class Paths:
    """The paths of one tree. `roots` remembers what stood before them in this edit, for files that do not exist yet."""

    def __init__(self, files: Collection[str]) -> None:
        self._files = files
        self._roots: list[str] = []

    def known(self, written: str) -> str:
        """The file of the tree that is meant; raises `Refusal` when there is none, or when several could be meant."""
        parts = _parts(written)
        path = self._exact(parts) or self._nearest(written, parts)
        self._remember(parts, path)
        return path

    def fresh(self, written: str, *, prefixed: bool) -> str:
        """The path that a new file gets. `prefixed`: a diff wrote it, so that a/ or b/ may stand before it."""
        parts = _parts(written)
        if prefixed and len(parts) > 1 and parts[0] in _PREFIXES and "/".join(parts[:-1]) not in self._folders:
            parts = parts[1:]
        for root in self._roots:
            if "/".join(parts).startswith(root + "/"):
                return "/".join(parts)[len(root) + 1 :]
        if not _is_absolute(written):
            return "/".join(parts)
        for start in range(len(parts) - 1):
            if "/".join(parts[start:-1]) in self._folders:
                return "/".join(parts[start:])
        raise Refusal(f"{written!r} is no path of this repository; give the path from its root.", code="path_climbs")

    def _exact(self, parts: Sequence[str]) -> str:
        whole, short = "/".join(parts), "/".join(parts[1:])
        if parts[0] in _PREFIXES and short in self._files:
            return short
        return whole if whole in self._files else ""

    def _nearest(self, written: str, parts: Sequence[str]) -> str:
        for folded in (False, True):
            wanted = [part.casefold() for part in parts] if folded else list(parts)
            table = self._folded if folded else {path: [path] for path in self._named(parts[-1])}
            for start in range(len(wanted)):
                if found := table.get("/".join(wanted[start:])):
                    return _only(written, found)
            end = "/" + "/".join(wanted[1:] if wanted[0] in _PREFIXES and len(wanted) > 1 else wanted)
            ending = [path for key, paths in table.items() for path in paths if ("/" + key).endswith(end)]
            if ending:
                return _only(written, ending)
            alike = [path for path in self._named(parts[-1]) if not folded]
            if len(alike) == 1:
                return alike[0]
        near = ", ".join(self._named(parts[-1])[:_SHOWN])
        hint = f" Of that name there are: {near}." if near else " Give the path from the repository's root."
        raise Refusal(f"{written!r} is no file of the base commit.{hint}", code="no_such_file")

    def _named(self, name: str) -> list[str]:
        return self._names.get(name, [])

    def _remember(self, parts: Sequence[str], path: str) -> None:
        whole = "/".join(parts)
        if whole.endswith("/" + path) and whole[: -len(path) - 1] not in self._roots:
            self._roots.append(whole[: -len(path) - 1])

    @cached_property
    def _names(self) -> Mapping[str, list[str]]:
        return _grouped((path.rpartition("/")[2], path) for path in self._files)

    @cached_property
    def _folded(self) -> Mapping[str, list[str]]:
        return _grouped((path.casefold(), path) for path in self._files)

    @cached_property
    def _folders(self) -> frozenset[str]:
        folders: set[str] = set()
        for path in self._files:
            folder = path.rpartition("/")[0]
            while folder and folder not in folders:
                folders.add(folder)
                folder = folder.rpartition("/")[0]
        return frozenset(folders)


def _parts(written: str) -> list[str]:
    """The names of a path; raises `Refusal` for one that climbs, means git's folder, or holds what no name holds."""
    if not written or len(written) > MAX_PATH or _CONTROL.search(written):
        raise Refusal(f"{written[:80]!r} is no path; give the path of a file from the repository's root.", code="path_odd")
    plain = re.sub(r"^[A-Za-z]:(?=[\\/])", "", written)
    if "\\" in plain and "/" not in plain:
        plain = plain.replace("\\", "/")
    parts = [part for part in plain.split("/") if part not in {"", "."}]
    if not parts or ".." in parts or plain.startswith("~"):
        raise Refusal(f"{written!r} climbs out of the repository; give the path of a file from its root.", code="path_climbs")
    if any(part.casefold() == ".git" for part in parts):
        raise Refusal(f"{written!r} lies in git's own folder; a fix may not change it.", code="path_git")
    return parts


def _is_absolute(written: str) -> bool:
    return written.startswith(("/", "\\")) or bool(re.match(r"^[A-Za-z]:", written))


def _only(written: str, found: Sequence[str]) -> str:
    if len(found) == 1:
        return found[0]
    shown = ", ".join(sorted(found)[:_SHOWN])
    raise Refusal(
        f"{written!r} could be any of {len(found)} files: {shown}. Give the path from the repository's root.", code="ambiguous_path"
    )


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for key, path in pairs:
        groups.setdefault(key, []).append(path)
    return groups
