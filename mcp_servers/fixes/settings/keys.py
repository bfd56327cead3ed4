"""What every format of configuration shares: its name, dotted keys, and the refusals."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mcp_servers.kit.errors import Refusal


@dataclass(frozen=True, slots=True)
class Format:
    """How one format is changed: `put(path, text, key, value)`, `drop(path, text, key)` and `line(path, text, key)`, from 1; and read whole.

    All raise `Refusal` for a key that is not there or a file that does not parse.
    """

    put: Callable[[str, str, str, Any], str]
    drop: Callable[[str, str, str], str]
    line: Callable[[str, str, str], int]
    read: Callable[[str], Any] | None


def parts(key: str) -> list[str]:
    """The parts of a dotted key; one that holds dots itself stands in quotes."""
    return [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"(?=\.|$)|([^.]+)', key)]


def above(key: str) -> tuple[str, str]:
    """The key of what holds a key, empty for the whole file, and the key's own name."""
    *parents, name = parts(key)
    return ".".join(f'"{part}"' if "." in part else part for part in parents), name


def no_key(path: str, key: str) -> Refusal:
    """The refusal of a key that the file does not hold."""
    return Refusal(f"{path} has no key {key!r}; read the file and give the dotted key that it holds.", code="no_such_key")
