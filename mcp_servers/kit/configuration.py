"""What a configuration file says: TOML, JSON, YAML, INI, .env and .properties, read whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

_SUFFIXES: Mapping[str, str] = {
    **dict.fromkeys((".yaml", ".yml"), "yaml"),
    **dict.fromkeys((".ini", ".cfg", ".conf"), "ini"),
    **{".toml": "toml", ".json": "json", ".properties": "env"},
}
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_SECTION = re.compile(r"\s*\[([^\]]+)\]")
_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([\w.-]+)\s*[=:][ \t]*([\"']?)(.*?)\2(?:\s+[#;].*)?\s*")


def format_of(path: str) -> str:
    """`toml`, `yaml`, `json`, `ini` or `env`; empty for a file that is no configuration."""
    name = PurePosixPath(path).name.lower()
    if name == ".env" or name.startswith(".env.") or name.endswith(".env"):
        return "env"
    return _SUFFIXES.get(PurePosixPath(name).suffix, "")


def document(path: str, text: str) -> Any:
    """The whole file as mappings, lists and plain values; a file of lines as one mapping by section and name.

    Raises `ValueError` for a text that does not parse, `RecursionError` for one that nests too deeply.
    """
    match format_of(path):
        case "toml":
            import tomllib  # each of these is for those alone who have such a file

            return tomllib.loads(text)
        case "json":
            import json

            return json.loads(text)
        case "yaml":
            return _yaml(text)
        case "ini":
            return dict(_lines(text, sections=True))
        case "env":
            return dict(_lines(text, sections=False))
        case _:
            return {}


def _yaml(text: str) -> Any:
    import yaml

    try:
        documents = list(yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    return documents[0] if len(documents) == 1 else documents


def _lines(text: str, *, sections: bool) -> Iterator[tuple[str, int | float | str]]:
    """One key a line, in INI with its section before it; a name that holds dots itself stands in quotes there."""
    section = ""
    for line in text.splitlines():
        if sections and (header := _SECTION.match(line)):
            section = f"{header[1].strip()}."
        elif found := _ASSIGNMENT.fullmatch(line):
            name = f'"{found[1]}"' if sections and "." in found[1] else found[1]
            yield section + name, _plain(found[3])


def _plain(text: str) -> int | float | str:
    if not _NUMBER.fullmatch(text):
        return text
    return float(text) if "." in text else int(text)
