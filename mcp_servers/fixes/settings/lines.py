"""INI and .env: one key, one line; what stands around the value stays."""

from __future__ import annotations

import configparser
import re
from typing import Any, cast

from mcp_servers.fixes.settings.keys import Format, no_key, parts
from mcp_servers.kit.configuration import format_of
from mcp_servers.kit.errors import Refusal


def _put(path: str, text: str, key: str, value: Any) -> str:
    if isinstance(value, (dict, list)) or "\n" in str(value) or "\r" in str(value):
        raise Refusal(f"{key} in {path} takes one line of text, not {value!r}.", code="bad_value")
    section, name = names(path, key)
    found = list(_found(text, section, name))
    if not found:
        raise no_key(path, key)
    if len(found) > 1:
        raise Refusal(f"{key} stands {len(found)} times in {path}; use a replace edit.", code="not_unique")
    number, match = found[0]
    lines = text.splitlines(keepends=True)
    quote = match["quote"]
    written = str(value).lower() if isinstance(value, bool) else str(value)
    if format_of(path) == "env":
        quote = _env_quote(path, key, written, quote)
    lines[number - 1] = match["head"] + quote + written + quote + match["tail"]
    return "".join(lines)


def _env_quote(path: str, key: str, written: str, quote: str) -> str:
    """The quotes that keep a value of .env as it is: those that stood there, else single ones where it needs any."""
    if (quote == "'" and quote in written) or (quote == '"' and re.search(r'["\\$`]', written)):
        raise Refusal(f"{written!r} cannot stand in the quotes of {key} in {path}; use a replace edit.", code="bad_value")
    if quote or not re.search(r"[^\w./:@%+,=-]", written):
        return quote
    if "'" in written:
        raise Refusal(f"{written!r} cannot be quoted in {path} for sure; use a replace edit.", code="bad_value")
    return "'"


def _drop(path: str, text: str, key: str) -> str:
    section, name = names(path, key)
    found = list(_found(text, section, name))
    if len(found) != 1:
        raise Refusal(f"{key} stands {len(found)} times in {path}; use a replace edit.", code="not_unique") if found else no_key(path, key)
    return without_lines(text, found[0][0] - 1, found[0][0])


def _line(path: str, text: str, key: str) -> int:
    section, name = names(path, key)
    return next((number for number, _ in _found(text, section, name)), 0)


def names(path: str, key: str) -> tuple[str, str]:
    """The section, empty in .env, and the name that a dotted key means."""
    *section, name = parts(key)
    return ("", key) if format_of(path) == "env" else (".".join(section), name)


def _found(text: str, section: str, name: str) -> list[tuple[int, re.Match[str]]]:
    value = r"(?P<quote>[\"']?)(?P<value>.*?)(?P=quote)(?P<tail>(?:\s+[#;].*)?\s*)$"
    pattern = re.compile(rf"(?P<head>\s*(?:export\s+)?{re.escape(name)}\s*[=:][ \t]*){value}", re.S)
    current = ""
    found: list[tuple[int, re.Match[str]]] = []
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        if header := re.match(r"\s*\[([^\]]+)\]", line):
            current = header[1].strip()
        elif current == section and (match := pattern.match(line)):
            found.append((number, match))
    return found


def _read(text: str) -> Any:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, inline_comment_prefixes=("#", ";"), default_section="\0")
    cast(Any, parser).optionxform = str
    parser.read_string("[]\n" + text if not text.lstrip().startswith("[") else text)
    return {name: dict(parser.items(name)) for name in parser.sections()}


def without_lines(text: str, first: int, last: int) -> str:
    """The text without its lines from `first` to before `last`, counted from 0."""
    lines = text.splitlines(keepends=True)
    return "".join(lines[:first] + lines[last:])


INI, ENV = Format(_put, _drop, _line, _read), Format(_put, _drop, _line, None)
