"""Read, Grep and Glob for a model: the watched repository at one commit, out of git's objects. No path leads out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatch
from typing import Any

from kintsugi.reasoners import Tree
from mcp_servers.kit.errors import Refusal

_MOST_LINES = 400
_MOST_HITS = 60
_LONGEST_LINE = 300


def _schema(**properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [next(iter(properties))]}


_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}
DEFINITIONS: Mapping[str, dict[str, Any]] = {
    "Read": {
        "name": "Read",
        "description": f"Lines of a file of the repository, numbered; at most {_MOST_LINES} from offset (1 is the first).",
        "input_schema": _schema(file_path=_TEXT, offset=_NUMBER, limit=_NUMBER),
    },
    "Grep": {
        "name": "Grep",
        "description": "Lines of the repository that hold a text, literally; a|b finds either. glob narrows the files.",
        "input_schema": _schema(pattern=_TEXT, glob=_TEXT),
    },
    "Glob": {
        "name": "Glob",
        "description": "Paths of the repository that match a glob.",
        "input_schema": _schema(pattern=_TEXT),
    },
}
"""As the Messages API takes them; the names are those that hosts use."""


def call(tree: Tree, name: str, arguments: Mapping[str, Any]) -> str:
    """The text that the tool answers; raises `Refusal` for a path that is not in the repository or an argument that is missing."""
    return _CALLS[name](tree, arguments)


def _read(tree: Tree, arguments: Mapping[str, Any]) -> str:
    path = str(arguments.get("file_path", "")).removeprefix("./")
    if path not in tree.files():
        raise Refusal(f"There is no file {path[:200]!r} in the repository at this commit; Glob shows its paths.", code="no_file")
    lines = tree.read(path).splitlines()
    first = max(1, int(arguments.get("offset") or 1))
    shown = lines[first - 1 : first - 1 + min(_MOST_LINES, int(arguments.get("limit") or _MOST_LINES))]
    text = "\n".join(f"{number}\t{line[:_LONGEST_LINE]}" for number, line in enumerate(shown, first))
    left = len(lines) - (first - 1 + len(shown))
    return f"{text}\n… {left} more lines" if left > 0 else text


def _grep(tree: Tree, arguments: Mapping[str, Any]) -> str:
    words = [word for word in str(arguments.get("pattern", "")).split("|") if word]
    if not words:
        raise Refusal("Grep needs a pattern; give the text to look for.", code="no_pattern")
    glob = str(arguments.get("glob") or "*")
    hits: list[str] = []
    for path in tree.files():
        if fnmatch(path, glob):
            hits += [
                f"{path}:{number}:{line.strip()[:_LONGEST_LINE]}"
                for number, line in enumerate(tree.read(path).splitlines(), 1)
                if any(word in line for word in words)
            ]
    return _bounded(hits, "no line holds it")


def _glob(tree: Tree, arguments: Mapping[str, Any]) -> str:
    pattern = str(arguments.get("pattern") or "*").replace("**/", "*")
    return _bounded([path for path in tree.files() if fnmatch(path, pattern)], "no path matches")


def _bounded(found: list[str], nothing: str) -> str:
    left = len(found) - _MOST_HITS
    return "\n".join([*found[:_MOST_HITS], *([f"… {left} more"] if left > 0 else [])]) or nothing


_CALLS: Mapping[str, Callable[[Tree, Mapping[str, Any]], str]] = {"Read": _read, "Grep": _grep, "Glob": _glob}
