"""One value of a configuration file, changed in place: comments, order and every other byte stay as they are."""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any, cast

import tomlkit
import yaml
from tomlkit.exceptions import TOMLKitError

from mcp_servers.kit.errors import Refusal

_SUFFIXES: Mapping[str, str] = {
    **dict.fromkeys((".yaml", ".yml"), "yaml"),
    **dict.fromkeys((".ini", ".cfg", ".conf"), "ini"),
    **{".toml": "toml", ".json": "json", ".properties": "env"},
}
_YAML = cast(Any, yaml)  # ships without types


def set_value(path: str, text: str, key: str, value: Any) -> str:
    """The text with the dotted `key` set; raises `Refusal` for a missing key, a file that does not parse, or an unknown format."""
    writer = _WRITERS.get(_format(path))
    if writer is None:
        raise Refusal(f"{path} is not TOML, YAML, JSON, INI or .env, so it has no keys to set; use a replace edit.", code="unknown_format")
    changed = writer(path, text, key, value)
    if changed == text:
        raise Refusal(f"{key} in {path} already is {value!r}.", code="already_applied")
    if not _is_only(path, text, changed, key, value):
        raise Refusal(f"{key} in {path} cannot be set without touching something else; use a replace edit.", code="bad_value")
    return changed


def _is_only(path: str, before: str, after: str, key: str, value: Any) -> bool:
    """Whether both texts, read whole, differ in this one value alone; True for formats without a reader."""
    read = _READERS.get(_format(path))
    if read is None:
        return True
    try:
        expected, got = read(before), read(after)
        holder, last = _holder(path, expected, key)
        holder[last] = str(value) if _format(path) == "ini" else value
    except (ValueError, LookupError, TypeError, StopIteration, RecursionError, yaml.YAMLError, configparser.Error):
        return False
    if _format(path) == "ini":
        return _flat(expected) == _flat(got)
    return repr(got) == repr(expected) or got == expected


def _holder(path: str, document: Any, key: str) -> tuple[Any, Any]:
    """What of the document holds the key, and the key or index in it; raises `LookupError` or `StopIteration`."""
    *parents, last = _parts(key) if _format(path) != "ini" else _ini_names(path, key)
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


def _ini_read(text: str) -> Any:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, inline_comment_prefixes=("#", ";"), default_section="\0")
    cast(Any, parser).optionxform = str
    parser.read_string("[]\n" + text if not text.lstrip().startswith("[") else text)
    return {name: dict(parser.items(name)) for name in parser.sections()}


class _Loader(yaml.SafeLoader):
    """Reads tags that it does not know as what they are written as."""


def _tagged(loader: Any, suffix: str, node: yaml.Node) -> Any:
    return suffix, _YAML.serialize(node)


cast(Any, _Loader).add_multi_constructor("!", _tagged)


def _parts(key: str) -> list[str]:
    """The parts of a dotted key; one that holds dots itself stands in quotes."""
    return [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"(?=\.|$)|([^.]+)', key)]


def unset(path: str, text: str, key: str) -> str:
    """The text without the line or lines of the dotted `key`; raises `Refusal` for a missing key, or one that shares its line."""
    remover = _REMOVERS.get(_format(path))
    if remover is None:
        raise Refusal(
            f"{path} is not TOML, YAML, JSON, INI or .env, so it has no keys to remove; use a replace edit.", code="unknown_format"
        )
    changed = remover(path, text, key)
    if not _lacks_only(path, text, changed, key):
        raise Refusal(f"{key} in {path} cannot be removed without touching something else; use a replace edit.", code="bad_value")
    return changed


def _lacks_only(path: str, before: str, after: str, key: str) -> bool:
    """Whether the second text, read whole, lacks this one key and nothing else; True for formats without a reader."""
    read = _READERS.get(_format(path))
    if read is None:
        return True
    try:
        expected, got = read(before), read(after)
        holder, last = _holder(path, expected, key)
        del holder[last]
    except (ValueError, LookupError, TypeError, StopIteration, RecursionError, yaml.YAMLError, configparser.Error):
        return False
    return got == expected


def line_of(path: str, text: str, key: str) -> int:
    """The line, from 1, that holds the value of the dotted `key`, or 0 when it is not there."""
    try:
        if _format(path) in {"yaml", "json"}:
            return _node(path, text, key).start_mark.line + 1
        if _format(path) == "toml":
            return _toml_line(text, key)
        section, name = _ini_names(path, key)
        return next((number for number, _ in _ini_lines(text, section, name)), 0)
    except Refusal:
        return 0


def _format(path: str) -> str:
    name = PurePosixPath(path).name.lower()
    if name == ".env" or name.startswith(".env.") or name.endswith(".env"):
        return "env"
    return _SUFFIXES.get(PurePosixPath(name).suffix, "")


def _toml(path: str, text: str, key: str, value: Any) -> str:
    if value is None:
        raise Refusal(f"TOML has no null; give {key} a value, or remove its line with a replace edit.", code="bad_value")
    try:
        document = tomlkit.parse(text)
        container: Any = document
        *parents, last = _parts(key)
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
        raise _no_key(path, key) from None
    except TOMLKitError as error:
        raise Refusal(f"{path} is not TOML: {error}.", code="not_parsed") from error
    except ValueError as error:
        raise Refusal(f"{value!r} cannot be written as a TOML value: {error}.", code="bad_value") from error


def _toml_line(text: str, key: str) -> int:
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[\[?\s*([^\]]+?)\s*\]", line):
            section = header[1].replace('"', "")
        elif (pair := re.match(r"\s*([\w\".-]+)\s*=", line)) and ".".join(filter(None, (section, pair[1].replace('"', "")))) == key:
            return number
    return 0


def _yaml(path: str, text: str, key: str, value: Any) -> str:
    node = _node(path, text, key)
    if not isinstance(node, yaml.ScalarNode) or isinstance(value, (dict, list)):
        raise Refusal(f"{key} in {path} is not a single value; use a replace edit.", code="bad_value")
    if cast(Any, node).style in {"|", ">"} or text[_span(node)[0] :][:1] in {"&", "!"}:
        raise Refusal(f"{key} in {path} is a block of text, or carries an anchor or a tag; use a replace edit.", code="bad_value")
    if _same(_YAML.SafeLoader("").construct_object(node), value):
        return text
    empty = _span(node)[0] == _span(node)[1] and text[: _span(node)[0]].endswith(":")
    return _spliced(text, node, " " * empty + _yaml_scalar(value, cast(Any, node).style or ""))


def _json(path: str, text: str, key: str, value: Any) -> str:
    try:
        json.loads(text)
    except ValueError as error:
        raise Refusal(f"{path} is not JSON: {error}.", code="not_parsed") from error
    node = _node(path, text, key)
    if _same(json.loads(text[slice(*_span(node))]), value):
        return text
    try:
        return _spliced(text, node, json.dumps(value, ensure_ascii=False, allow_nan=False))
    except ValueError as error:
        raise Refusal(f"{value!r} cannot be written as JSON.", code="bad_value") from error


def _same(before: Any, value: Any) -> bool:
    return before == value and type(before) is type(value)


def _node(path: str, text: str, key: str) -> yaml.Node:
    try:
        written = text.replace("\t", " ") if _format(path) == "json" else text  # a tab of JSON is never part of a string
        node = cast("yaml.Node | None", _YAML.compose(written, Loader=_YAML.SafeLoader))
    except (yaml.YAMLError, RecursionError) as error:
        raise Refusal(f"{path} is not one {_format(path).upper()} document: {str(error).splitlines()[0]}.", code="not_parsed") from error
    for part in _parts(key):
        node = _child(node, part)
        if node is None:
            raise _no_key(path, key)
    return cast(yaml.Node, node)


def _above(key: str) -> tuple[str, str]:
    """The key of what holds a key, empty for the whole file, and the key's own name."""
    *parents, name = _parts(key)
    return ".".join(f'"{part}"' if "." in part else part for part in parents), name


def _child(node: yaml.Node | None, part: str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        pairs = cast("list[tuple[yaml.Node, yaml.Node]]", node.value)
        return next((value for name, value in pairs if name.value == part), None)
    if isinstance(node, yaml.SequenceNode) and part.isdigit():
        items = cast("list[yaml.Node]", node.value)
        return items[int(part)] if int(part) < len(items) else None
    return None


def _spliced(text: str, node: yaml.Node, written: str) -> str:
    start, end = _span(node)
    return text[:start] + written + text[end:]


def _span(node: yaml.Node) -> tuple[int, int]:
    return cast(int, node.start_mark.index), cast(int, node.end_mark.index)


def _yaml_scalar(value: Any, style: str) -> str:
    """The value as YAML writes it, in the quotes that stood there."""
    if isinstance(value, str) and style == '"':
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    written = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**9).removesuffix("\n").removesuffix("\n...")
    return json.dumps(value, ensure_ascii=False) if "\n" in written else written


def _ini(path: str, text: str, key: str, value: Any) -> str:
    if isinstance(value, (dict, list)) or "\n" in str(value) or "\r" in str(value):
        raise Refusal(f"{key} in {path} takes one line of text, not {value!r}.", code="bad_value")
    section, name = _ini_names(path, key)
    found = list(_ini_lines(text, section, name))
    if not found:
        raise _no_key(path, key)
    if len(found) > 1:
        raise Refusal(f"{key} stands {len(found)} times in {path}; use a replace edit.", code="not_unique")
    number, match = found[0]
    lines = text.splitlines(keepends=True)
    quote = match["quote"]
    written = str(value).lower() if isinstance(value, bool) else str(value)
    if _format(path) == "env":
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


def _ini_names(path: str, key: str) -> tuple[str, str]:
    *section, name = _parts(key)
    return ("", key) if _format(path) == "env" else (".".join(section), name)


def _ini_lines(text: str, section: str, name: str) -> list[tuple[int, re.Match[str]]]:
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


def _no_key(path: str, key: str) -> Refusal:
    return Refusal(f"{path} has no key {key!r}; read the file and give the dotted key that it holds.", code="no_such_key")


def _without_lines(text: str, first: int, last: int) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(lines[:first] + lines[last:])


def _toml_unset(path: str, text: str, key: str) -> str:
    try:
        document = tomlkit.parse(text)
        container: Any = document
        *parents, last = _parts(key)
        for part in parents:
            container = container[part]
        del container[last]
        return tomlkit.dumps(document)
    except (KeyError, TypeError, AttributeError):
        raise _no_key(path, key) from None
    except TOMLKitError as error:
        raise Refusal(f"{path} is not TOML: {error}.", code="not_parsed") from error


def _yaml_unset(path: str, text: str, key: str) -> str:
    """Takes the whole lines from the key to before the next one; verified by parsing both."""
    value = _node(path, text, key)
    parent_key, name = _above(key)
    parent = _node(path, text, parent_key)
    pairs = cast("list[tuple[yaml.Node, yaml.Node]]", parent.value) if isinstance(parent, yaml.MappingNode) else []
    named = next((node for node, _ in pairs if node.value == name), None)
    if named is None or len(pairs) < 2 or cast(Any, parent).flow_style:
        raise Refusal(f"{key} in {path} does not stand on lines of its own; use a replace edit.", code="bad_value")
    first = cast(int, named.start_mark.line)
    end = cast(Any, value.end_mark)
    return _without_lines(text, first, max(end.line + (end.column > 0), first + 1))


def _json_unset(path: str, text: str, key: str) -> str:
    """Takes the member and its comma; verified by parsing both."""
    value = _node(path, text, key)
    parent_key, name = _above(key)
    parent = _node(path, text, parent_key)
    pairs = cast("list[tuple[yaml.Node, yaml.Node]]", parent.value) if isinstance(parent, yaml.MappingNode) else []
    at = next((number for number, (node, _) in enumerate(pairs) if node.value == name), None)
    if at is None:
        raise Refusal(f"{key} in {path} is no member of an object; use a replace edit.", code="bad_value")
    start, end = _span(pairs[at][0])[0], _span(value)[1]
    if at + 1 < len(pairs):
        end = _span(pairs[at + 1][0])[0]
    elif at:
        start = _span(pairs[at - 1][1])[1]
    return text[:start] + text[end:]


def _ini_unset(path: str, text: str, key: str) -> str:
    section, name = _ini_names(path, key)
    found = list(_ini_lines(text, section, name))
    if len(found) != 1:
        raise Refusal(f"{key} stands {len(found)} times in {path}; use a replace edit.", code="not_unique") if found else _no_key(path, key)
    return _without_lines(text, found[0][0] - 1, found[0][0])


_REMOVERS: Mapping[str, Callable[[str, str, str], str]] = {
    "toml": _toml_unset,
    "yaml": _yaml_unset,
    "json": _json_unset,
    "ini": _ini_unset,
    "env": _ini_unset,
}
_WRITERS: Mapping[str, Callable[[str, str, str, Any], str]] = {"toml": _toml, "yaml": _yaml, "json": _json, "ini": _ini, "env": _ini}
_READERS: Mapping[str, Callable[[str], Any]] = {
    "toml": tomllib.loads,
    "yaml": lambda text: _YAML.load(text, Loader=_Loader),
    "json": json.loads,
    "ini": _ini_read,
}
