"""TOML, through tomlkit, which keeps comments and order."""

from __future__ import annotations

import re
import tomllib
from typing import Any, cast

import tomlkit
from tomlkit.exceptions import TOMLKitError

from mcp_servers.fixes.settings.keys import Format, no_key, parts
from mcp_servers.kit.errors import Refusal


def _put(path: str, text: str, key: str, value: Any) -> str:
    if value is None:
        raise Refusal(f"TOML has no null; give {key} a value, or remove its line with a replace edit.", code="bad_value")
    try:
        document = tomlkit.parse(text)
        container: Any = document
        *parents, last = parts(key)
        for part in parents:
            container = container[part]
        before = container[last]
        if before.unwrap() == value and type(before.unwrap()) is type(value):
            return text
        item: Any = cast(Any, tomlkit).item(value)
        item.trivia.comment_ws, item.trivia.comment = before.trivia.comment_ws, before.trivia.comment
        container[last] = item
        return tomlkit.dumps(document)
    except (KeyError, TypeError, AttributeError):
        raise no_key(path, key) from None
    except TOMLKitError as error:
        raise Refusal(f"{path} is not TOML: {error}.", code="not_parsed") from error
    except ValueError as error:
        raise Refusal(f"{value!r} cannot be written as a TOML value: {error}.", code="bad_value") from error


def _drop(path: str, text: str, key: str) -> str:
    try:
        document = tomlkit.parse(text)
        container: Any = document
        *parents, last = parts(key)
        for part in parents:
            container = container[part]
        del container[last]
        return tomlkit.dumps(document)
    except (KeyError, TypeError, AttributeError):
        raise no_key(path, key) from None
    except TOMLKitError as error:
        raise Refusal(f"{path} is not TOML: {error}.", code="not_parsed") from error


def _line(path: str, text: str, key: str) -> int:
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[\[?\s*([^\]]+?)\s*\]", line):
            section = header[1].replace('"', "")
        elif (pair := re.match(r"\s*([\w\".-]+)\s*=", line)) and ".".join(filter(None, (section, pair[1].replace('"', "")))) == key:
            return number
    return 0


TOML = Format(_put, _drop, _line, tomllib.loads)
