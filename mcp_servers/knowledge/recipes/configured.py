"""Values of configuration files by dotted key: what a fix changed, and where the same value is wrong in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from mcp_servers.kit.configuration import document, format_of
from mcp_servers.knowledge.recipes.model import Setting

_MOST_KEYS = 20_000
_ABSENT = object()
MISSING = "missing"
"""The rule of a setting that was not there."""


def values(path: str, text: str) -> dict[str, Any]:
    """The plain values of a configuration file by dotted key; empty for a file that cannot be read."""
    try:
        return dict(_flat(document(path, text)))
    except (ValueError, RecursionError):
        return {}


def settings_between(path: str, before: str, after: str) -> tuple[Setting, ...] | None:
    """What changed as settings, of which those that are new were missing; None when keys went, or nothing changed."""
    old, new = values(path, before), values(path, after)
    if not old or old.keys() - new.keys() or old == new:
        return None
    changed = tuple(Setting(path, key, old[key], new[key], _rule(old[key], new[key])) for key in old if old[key] != new[key])
    return changed + tuple(Setting(path, key, None, value, MISSING) for key, value in new.items() if key not in old)


def fitting(setting: Setting, files: Sequence[str], read: Callable[[str], str], *, elsewhere: bool) -> str:
    """The file in which the setting is wrong as it was: of the same path, or `elsewhere` the only one that has its key; empty for none."""
    if setting.path in files:
        return setting.path if applies(setting, values(setting.path, read(setting.path)).get(setting.key, _ABSENT)) else ""
    if not elsewhere:
        return ""
    known = {path: values(path, read(path)) for path in files if format_of(path)}
    having = [path for path, found in known.items() if setting.key in found or (setting.rule == MISSING and _beside(setting.key, found))]
    return having[0] if len(having) == 1 and applies(setting, known[having[0]].get(setting.key, _ABSENT)) else ""


def applies(setting: Setting, value: Any) -> bool:
    """Whether a value is on the wrong side of what the fix chose, or is missing as it was."""
    if setting.rule == MISSING or value is _ABSENT:
        return setting.rule == MISSING and value is _ABSENT
    if setting.rule == "set":
        return type(value) is type(setting.old) and value == setting.old
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return value < setting.new if setting.rule == "at_least" else value > setting.new


def _beside(key: str, found: Mapping[str, Any]) -> bool:
    """Whether the section that a key belongs to is there; a key of no section belongs to its own file."""
    section = key.rpartition(".")[0]
    return bool(section) and any(name.startswith(f"{section}.") for name in found)


def _rule(old: Any, new: Any) -> str:
    numbers = all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in (old, new))
    return ("at_least" if new > old else "at_most") if numbers else "set"


def _flat(root: Any) -> Iterator[tuple[str, Any]]:
    todo: list[tuple[str, Any]] = [("", root)]
    for _ in range(_MOST_KEYS):
        if not todo:
            return
        key, value = todo.pop()
        if isinstance(value, Mapping):
            items = cast(Mapping[Any, Any], value).items()
            todo += [(f"{key}.{name}" if key else str(name), item) for name, item in items]
        elif isinstance(value, (str, int, float, bool)):
            yield key, value
