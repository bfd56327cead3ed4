"""One value of a configuration file, changed in place: comments, order and every other byte stay as they are."""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from typing import Any

import yaml

from mcp_servers.fixes.settings.documents import JSON, YAML
from mcp_servers.fixes.settings.keys import Format, parts
from mcp_servers.fixes.settings.lines import ENV, INI, names
from mcp_servers.fixes.settings.toml import TOML
from mcp_servers.kit.configuration import format_of
from mcp_servers.kit.errors import Refusal

_FORMATS: Mapping[str, Format] = {"toml": TOML, "yaml": YAML, "json": JSON, "ini": INI, "env": ENV}
_UNREAD = (ValueError, LookupError, TypeError, StopIteration, RecursionError, yaml.YAMLError, configparser.Error)


def set_value(path: str, text: str, key: str, value: Any) -> str:
    """The text with the dotted `key` set; raises `Refusal` for a missing key, a file that does not parse, or an unknown format."""
    known = _FORMATS.get(format_of(path))
    if known is None:
        raise Refusal(f"{path} is not TOML, YAML, JSON, INI or .env, so it has no keys to set; use a replace edit.", code="unknown_format")
    changed = known.put(path, text, key, value)
    if changed == text:
        raise Refusal(f"{key} in {path} already is {value!r}.", code="already_applied")
    if not _is_only(path, text, changed, key, value):
        raise Refusal(f"{key} in {path} cannot be set without touching something else; use a replace edit.", code="bad_value")
    return changed


def unset(path: str, text: str, key: str) -> str:
    """The text without the line or lines of the dotted `key`; raises `Refusal` for a missing key, or one that shares its line."""
    known = _FORMATS.get(format_of(path))
    if known is None:
        raise Refusal(
            f"{path} is not TOML, YAML, JSON, INI or .env, so it has no keys to remove; use a replace edit.", code="unknown_format"
        )
    changed = known.drop(path, text, key)
    if not _lacks_only(path, text, changed, key):
        raise Refusal(f"{key} in {path} cannot be removed without touching something else; use a replace edit.", code="bad_value")
    return changed


def line_of(path: str, text: str, key: str) -> int:
    """The line, from 1, that holds the value of the dotted `key`, or 0 when it is not there."""
    try:
        return _FORMATS.get(format_of(path), INI).line(path, text, key)
    except Refusal:
        return 0


def _is_only(path: str, before: str, after: str, key: str, value: Any) -> bool:
    """Whether both texts, read whole, differ in this one value alone; True for formats without a reader."""
    read = _FORMATS[format_of(path)].read
    if read is None:
        return True
    try:
        expected, got = read(before), read(after)
        holder, last = _holder(path, expected, key)
        holder[last] = str(value) if format_of(path) == "ini" else value
    except _UNREAD:
        return False
    if format_of(path) == "ini":
        return _flat(expected) == _flat(got)
    return repr(got) == repr(expected) or got == expected


def _lacks_only(path: str, before: str, after: str, key: str) -> bool:
    """Whether the second text, read whole, lacks this one key and nothing else; True for formats without a reader."""
    read = _FORMATS[format_of(path)].read
    if read is None:
        return True
    try:
        expected, got = read(before), read(after)
        holder, last = _holder(path, expected, key)
        del holder[last]
    except _UNREAD:
        return False
    return got == expected


def _holder(path: str, document: Any, key: str) -> tuple[Any, Any]:
    """What of the document holds the key, and the key or index in it; raises `LookupError` or `StopIteration`."""
    *parents, last = parts(key) if format_of(path) != "ini" else names(path, key)
    holder: Any = document
    for part in parents:
        holder = holder[_named(holder, part)]
    return holder, _named(holder, last)


def _named(holder: Any, part: str) -> Any:
    """The key that is written as `part`: numbers and words that YAML reads as values are keys too."""
    if isinstance(holder, list):
        return int(part)
    return part if part in holder else next(key for key in holder if str(key) == part)


def _flat(sections: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    return {name: {key: str(value).strip("\"'").lower() for key, value in section.items()} for name, section in sections.items()}
