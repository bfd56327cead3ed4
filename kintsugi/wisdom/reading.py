"""Files of a run, read as what strangers left there: inside the repository, regular, bounded; a link is not followed."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from mcp_servers.kit.errors import Refusal

MOST_BYTES = 32 << 20
_MOST_ENTRIES, _DEEPEST = 50_000, 10
_LEFT_OUT = frozenset({"node_modules", "vendor", "venv", "site-packages", "__pycache__", "wisdom", "bower_components"})


def read(root: Path, path: Path, most: int = MOST_BYTES) -> bytes:
    """The content of a regular file below `root`; raises `Refusal` for a link, a pipe, a place outside, or more than `most` bytes."""
    if not path.parent.resolve().is_relative_to(root.resolve()):
        raise Refusal(f"{path} lies outside of {root}, so it was not read.", code="outside")
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise Refusal(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.", code="unreadable") from error
    with os.fdopen(opened, "rb") as file:
        told = os.fstat(file.fileno())
        if not stat.S_ISREG(told.st_mode):
            raise Refusal(f"{path} is not a regular file, so it was not read.", code="not_a_file")
        if told.st_size > most:
            raise Refusal(f"{path} has {told.st_size:,} bytes, more than the {most:,} that are read.", code="too_large")
        return file.read(most)


def read_text(root: Path, path: Path, most: int = 1 << 19) -> str:
    """The text of a file as `read` takes it; raises `Refusal` also for one that holds no text."""
    content = read(root, path, most)
    if b"\0" in content:
        raise Refusal(f"{path} holds no text but bytes, so it was not read.", code="binary")
    return content.decode("utf-8-sig", "replace")


def walk(folder: Path, wanted: Callable[[Path], bool]) -> Iterator[Path]:
    """Regular files below `folder` that are wanted, in the order of their names; installed packages, hidden folders and our own pages left out."""
    waiting, seen = [(folder, 0)], 0
    while waiting:
        here, depth = waiting.pop()
        try:
            with os.scandir(here) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError:
            continue
        seen += len(entries)
        if seen > _MOST_ENTRIES:
            return
        yield from (Path(one.path) for one in entries if one.is_file(follow_symlinks=False) and wanted(Path(one.path)))
        if depth < _DEEPEST:
            inside = [one for one in entries if one.is_dir(follow_symlinks=False) and _entered(one.name)]
            waiting += [(Path(one.path), depth + 1) for one in reversed(inside)]


def _entered(name: str) -> bool:
    return name not in _LEFT_OUT and (not name.startswith(".") or name == ".nyc_output")
