"""Guards over numbers in configuration files: ast-grep cannot compare them."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, cast

import yaml

_MOST_KEYS = 20_000
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([\w.]+)\s*=\s*[\"']?([^\"'#\s]*)")


def numbers(path: str, text: str) -> dict[str, float]:
    """The numbers of a TOML, JSON, YAML, INI or env file by dotted key; empty for any other file and for one that cannot be read."""
    try:
        return dict(_flat(_parsed(PurePosixPath(path), text)))
    except (ValueError, RecursionError, yaml.YAMLError):
        return {}


def raised(path: str, before: str, after: str) -> Iterator[tuple[str, str, float]]:
    """(key, bound, value) for each number that a change raised (`at_least`) or lowered (`at_most`)."""
    old, new = numbers(path, before), numbers(path, after)
    for key, value in new.items():
        if key in old and value != old[key]:
            yield key, "at_least" if value > old[key] else "at_most", value


def crossed(rule: Mapping[str, Any], path: str, text: str) -> tuple[int, float] | None:
    """The line and the value where a file of the rule's name breaks its bound, or None."""
    if PurePosixPath(path).name != PurePosixPath(str(rule["file"])).name:
        return None
    value = numbers(path, text).get(str(rule["key"]))
    if value is None or not (value < rule.get("at_least", value) or value > rule.get("at_most", value)):
        return None
    return _line_of(str(rule["key"]).rpartition(".")[2], text), value


def _parsed(path: PurePosixPath, text: str) -> Any:
    match path.suffix.lower() or path.name:
        case ".toml":
            return tomllib.loads(text)
        case ".json":
            return json.loads(text)
        case ".yaml" | ".yml":
            return yaml.safe_load(text)
        case ".env" | ".ini" | ".cfg" | ".properties":
            return {match[1]: _number(match[2]) for match in map(_ASSIGNMENT.match, text.splitlines()) if match}
        case _:
            return {}


def _flat(root: Any) -> Iterator[tuple[str, float]]:
    todo: list[tuple[str, Any]] = [("", root)]
    for _ in range(_MOST_KEYS):
        if not todo:
            return
        key, value = todo.pop()
        if isinstance(value, Mapping):
            items = cast(Mapping[Any, Any], value).items()
            todo += [(f"{key}.{name}" if key else str(name), item) for name, item in items]
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield key, value


def _number(text: str) -> float | str:
    return (float(text) if "." in text else int(text)) if _NUMBER.fullmatch(text) else text


def _line_of(name: str, text: str) -> int:
    key = re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-])")
    return next((number for number, line in enumerate(text.splitlines(), 1) if key.search(line)), 1)
