"""Guards over values in configuration files: numbers, with or without a unit, and keys that have to be there. ast-grep cannot compare them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, cast

from mcp_servers.kit.configuration import document, format_of
from mcp_servers.kit.redaction import redact

Value = float | str | bool
Flat = dict[str, tuple[str, Value]]

_MOST_KEYS = 20_000
_LONGEST = 2_000_000
_LONGEST_WORD = 60
_MEASURE = re.compile(r"(\d+(?:\.\d+)?)\s*(ns|us|ms|s|m|h|d|[kKMGT]i?B?|B)")
_UNITS: Mapping[str, float] = {
    "ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400, "B": 1,
    **{f"{sign}{end}": 1000**power for power, sign in enumerate("kMGT", 1) for end in ("", "B")},
    **{f"{sign}i{end}": 1024**power for power, sign in enumerate("KMGT", 1) for end in ("", "B")},
    "K": 1000, "KB": 1000,
}  # fmt: skip
_TIMES = frozenset({"ns", "us", "ms", "s", "m", "h", "d"})
_SECRET = re.compile(r"(?i)pass|secret|token|key|credential|auth")


def changed(path: str, before: str, after: str) -> Iterator[dict[str, Any]]:
    """What a change of a configuration says must hold: a bound for each number that it moved, a key that it added beside others,
    a word that it took back. The most general first."""
    old, new = values(path, before), values(path, after)
    for place, (key, value) in new.items():
        was = old[place][1] if place in old else None
        if was is None:
            parent = place.rpartition(".")[0]
            if parent and any(other.rpartition(".")[0] == parent for other in old):
                yield {"key": key, "required": True}
        elif (now := _measured(value)) is not None and (then := _measured(was)) is not None and now[1] == then[1]:
            if now[0] != then[0]:
                yield {"key": key, "at_least" if now[0] > then[0] else "at_most": now[0], "measure": now[1]}
        elif value != was and not _SECRET.search(key) and redact(f"{key}={was}") == f"{key}={was}" and len(str(was)) <= _LONGEST_WORD:
            yield {"key": key, "forbidden": was}


def crossed(rule: Mapping[str, Any], path: str, text: str) -> tuple[int, str] | None:
    """The line and the words where a file of the rule's name breaks the rule, or None."""
    if PurePosixPath(path).name != PurePosixPath(str(rule["file"])).name:
        return None
    key = str(rule["key"])
    found = values(path, text)
    if rule.get("required"):
        parent, _, last = key.rpartition(".")
        beside = any(one.rpartition(".")[0] == parent for one, _ in found.values())
        there = any(one == key or one.startswith(f"{key}.") for one, _ in found.values())
        return (_line_of(parent.rpartition(".")[2], text), f"{parent} without {last}") if beside and not there else None
    for one, value in found.values():
        if one == key and _breaks(rule, value):
            shown = f"{value:g}" if isinstance(value, float) else str(value)
            return _line_of(key.rpartition(".")[2], text), f"{key} = {shown}"
    return None


def values(path: str, text: str) -> Flat:
    """The leaves of a TOML, JSON, YAML, INI or env file by their place; each with its key, where `*` stands for the items of a list."""
    if not format_of(path) or len(text) > _LONGEST:
        return {}
    try:
        return dict(_flat(document(path, text)))
    except (ValueError, RecursionError):
        return {}


def _breaks(rule: Mapping[str, Any], value: Value) -> bool:
    if "forbidden" in rule:
        return value == rule["forbidden"] and isinstance(value, bool) == isinstance(rule["forbidden"], bool)
    measured = _measured(value)
    if measured is None or measured[1] != rule.get("measure", ""):
        return False
    return measured[0] < rule.get("at_least", measured[0]) or measured[0] > rule.get("at_most", measured[0])


def _measured(value: Value | None) -> tuple[float, str] | None:
    """A number and what it measures ("", "time" or "size"), in seconds or bytes where it has a unit."""
    if isinstance(value, bool) or value is None:
        return None
    if not isinstance(value, str):
        return value, ""
    found = _MEASURE.fullmatch(value.strip())
    return (float(found[1]) * _UNITS[found[2]], "time" if found[2] in _TIMES else "size") if found and found[2] in _UNITS else None


def _flat(root: Any) -> Iterator[tuple[str, tuple[str, Value]]]:
    todo: list[tuple[str, str, Any]] = [("", "", root)]
    for _ in range(_MOST_KEYS):
        if not todo:
            return
        place, key, value = todo.pop()
        if isinstance(value, Mapping):
            items = cast(Mapping[Any, Any], value).items()
            todo += [(f"{place}.{name}".lstrip("."), f"{key}.{name}".lstrip("."), item) for name, item in items]
        elif isinstance(value, list):
            numbered = enumerate(cast(list[Any], value))
            todo += [(f"{place}.{_called(number, item)}".lstrip("."), f"{key}.*".lstrip("."), item) for number, item in numbered]
        elif isinstance(value, bool | str):
            yield place, (key, value)
        elif isinstance(value, int | float):
            yield place, (key, float(value))


def _called(number: int, item: Any) -> str:
    named = cast(Mapping[Any, Any], item).get("name") if isinstance(item, Mapping) else None
    return str(named) if isinstance(named, str) else str(number)


def _line_of(name: str, text: str) -> int:
    key = re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-])")
    return next((number for number, line in enumerate(text.splitlines(), 1) if key.search(line)), 1)
