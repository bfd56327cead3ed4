"""A key that a configuration file lacks, written beside its neighbours as they are written."""

from __future__ import annotations

import json
import re
from typing import Any

from mcp_servers.kit.configuration import format_of
from mcp_servers.knowledge.recipes.configured import values


def with_setting(path: str, text: str, key: str, value: Any) -> str:
    """The text with the key in its section, which then says this and nothing else more; empty where no neighbour shows how it is written."""
    known = values(path, text)
    section = key.rpartition(".")[0]
    lines = text.splitlines(keepends=True)
    for neighbour in (name for name in known if name.rpartition(".")[0] == section):
        for number, line in enumerate(lines):
            written = _like(path, line, neighbour.rpartition(".")[2], key.rpartition(".")[2], value)
            told = "".join([*lines[:number], written, *lines[number:]]) if written else ""
            if told and values(path, told) == {**known, key: value}:
                return told
    return ""


def _like(path: str, line: str, neighbour: str, name: str, value: Any) -> str:
    """A line for the key as the neighbour's line has its own; empty for a line that is not the neighbour's."""
    found = re.match(rf"(\s*(?:export\s+)?)([\"']?){re.escape(neighbour)}\2(\s*[:=]\s*)\S", line)
    if not found:
        return ""
    kind = format_of(path)
    shown = str(value) if kind in ("ini", "env") else json.dumps(value, ensure_ascii=False)
    return f"{found[1]}{found[2]}{name}{found[2]}{found[3]}{shown}{',' if kind == 'json' else ''}\n"
