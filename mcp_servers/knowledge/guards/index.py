"""The compiled index of guards: `guards.json` in the state folder, all that a hook or a check needs to know. Standard library only,
and of it only what starts fast: a git hook reads it before every commit."""

# ruff: noqa: PTH103, PTH105, PTH118, PTH123
# importing pathlib takes half as long as all the rest of it

from __future__ import annotations

import json
import os
from hashlib import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

    Record = Mapping[str, Any]
    """One guard of the index:

    id, kind ("ast-grep", "config-bound", "line", "required-test"), level ("warning" or "blocking"), message;
    endings: suffixes of the file names that it reads, like ".py"; names: whole file names instead, like "settings.toml"; paths: whole paths;
    anchors: strings that all occur in every text where it can find something (may be empty);
    the rule itself, by kind; story: lesson, case, repository, cost, of where it came from.
    """

FILE_NAME = "guards.json"
VERSION = 1


class Index:
    """The guards that speak now. `digest` names them: it changes when any of them does."""

    def __init__(self, guards: Sequence[Record] = (), digest: str = "") -> None:
        self.guards = tuple(guards)
        self.digest = digest

    def reading(self, path: str) -> list[Record]:
        """The guards that read a file of this path."""
        return [guard for guard in self.guards if reads(guard, path)]

    def could_find(self, path: str, text: str) -> list[Record]:
        """The guards that could find something in this text; an empty list says that none can."""
        return [guard for guard in self.guards if reads(guard, path) and anchored(guard, text)]


def reads(guard: Record, path: str) -> bool:
    """Whether the guard reads files of this path (with `/` between folders)."""
    name = path.rpartition("/")[2].lower()
    return path in guard.get("paths", ()) or name in guard.get("names", ()) or name.endswith(tuple(guard.get("endings", ())))


def anchored(guard: Record, text: str) -> bool:
    """Whether every anchor of the guard occurs in the text."""
    return all(anchor in text for anchor in guard.get("anchors", ()))


def load(state: str | Path) -> Index:
    """The index in a state folder, empty where there is none; raises `ValueError` with a sentence for one that cannot be trusted."""
    path = os.path.join(state, FILE_NAME)
    again = "`kintsugi guard list` writes it anew"
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except FileNotFoundError:
        return Index()
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read ({error}); {again}.") from error
    if not isinstance(found, dict) or found.get("version") != VERSION:  # pyright: ignore[reportUnknownMemberType]
        raise ValueError(f"{path} is not of version {VERSION}; {again}.")
    guards: list[Record] = found.get("guards", [])  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    digest = digest_of(guards)  # pyright: ignore[reportUnknownArgumentType]
    if found.get("digest") != digest:  # pyright: ignore[reportUnknownMemberType]
        raise ValueError(f"{path} was changed by something else; {again}.")
    return Index(guards, digest)  # pyright: ignore[reportUnknownArgumentType]


def save(state: str | Path, guards: Sequence[Record]) -> Index:
    """Writes the index whole or not at all, and not where it says the same already; raises `OSError`."""
    index = Index(guards, digest_of(guards))
    if not _says(state, index.digest):
        os.makedirs(state, exist_ok=True)
        body = json.dumps({"version": VERSION, "digest": index.digest, "guards": list(guards)}, sort_keys=True)
        part = os.path.join(state, f".{FILE_NAME}.{os.getpid()}")
        with open(part, "w", encoding="utf-8") as file:
            file.write(body)
        os.replace(part, os.path.join(state, FILE_NAME))
    return index


def digest_of(guards: Sequence[Record]) -> str:
    """Names the content of guards, whatever the order of their keys."""
    return sha256(json.dumps(list(guards), sort_keys=True).encode()).hexdigest()


def _says(state: str | Path, digest: str) -> bool:
    try:
        return load(state).digest == digest
    except ValueError:
        return False
