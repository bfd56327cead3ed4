"""YAML and JSON: the parser says where a value stands, and only those characters change."""

from __future__ import annotations

import json
from typing import Any, cast

import yaml

from mcp_servers.fixes.settings.keys import Format, above, no_key, parts
from mcp_servers.fixes.settings.lines import without_lines
from mcp_servers.kit.configuration import format_of
from mcp_servers.kit.errors import Refusal

_YAML = cast(Any, yaml)  # ships without types


def _put_yaml(path: str, text: str, key: str, value: Any) -> str:
    node = _node(path, text, key)
    if not isinstance(node, yaml.ScalarNode) or isinstance(value, (dict, list)):
        raise Refusal(f"{key} in {path} is not a single value; use a replace edit.", code="bad_value")
    if cast(Any, node).style in {"|", ">"} or text[_span(node)[0] :][:1] in {"&", "!"}:
        raise Refusal(f"{key} in {path} is a block of text, or carries an anchor or a tag; use a replace edit.", code="bad_value")
    if _same(_YAML.SafeLoader("").construct_object(node), value):
        return text
    empty = _span(node)[0] == _span(node)[1] and text[: _span(node)[0]].endswith(":")
    return _spliced(text, node, " " * empty + _yaml_scalar(value, cast(Any, node).style or ""))


def _put_json(path: str, text: str, key: str, value: Any) -> str:
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


def _yaml_scalar(value: Any, style: str) -> str:
    """The value as YAML writes it, in the quotes that stood there."""
    if isinstance(value, str) and style == '"':
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    written = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**9).removesuffix("\n").removesuffix("\n...")
    return json.dumps(value, ensure_ascii=False) if "\n" in written else written


def _drop_yaml(path: str, text: str, key: str) -> str:
    """Takes the whole lines from the key to before the next one; verified by parsing both."""
    value = _node(path, text, key)
    parent_key, name = above(key)
    parent = _node(path, text, parent_key)
    pairs = cast("list[tuple[yaml.Node, yaml.Node]]", parent.value) if isinstance(parent, yaml.MappingNode) else []
    named = next((node for node, _ in pairs if node.value == name), None)
    if named is None or len(pairs) < 2 or cast(Any, parent).flow_style:
        raise Refusal(f"{key} in {path} does not stand on lines of its own; use a replace edit.", code="bad_value")
    first = cast(int, named.start_mark.line)
    end = cast(Any, value.end_mark)
    return without_lines(text, first, max(end.line + (end.column > 0), first + 1))


def _drop_json(path: str, text: str, key: str) -> str:
    """Takes the member and its comma; verified by parsing both."""
    value = _node(path, text, key)
    parent_key, name = above(key)
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


def _line(path: str, text: str, key: str) -> int:
    return _node(path, text, key).start_mark.line + 1


def _node(path: str, text: str, key: str) -> yaml.Node:
    try:
        written = text.replace("\t", " ") if format_of(path) == "json" else text  # a tab of JSON is never part of a string
        node = cast("yaml.Node | None", _YAML.compose(written, Loader=_YAML.SafeLoader))
    except (yaml.YAMLError, RecursionError) as error:
        raise Refusal(f"{path} is not one {format_of(path).upper()} document: {str(error).splitlines()[0]}.", code="not_parsed") from error
    for part in parts(key):
        node = _child(node, part)
        if node is None:
            raise no_key(path, key)
    return cast(yaml.Node, node)


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


class _Loader(yaml.SafeLoader):
    """Reads tags that it does not know as what they are written as."""


def _tagged(loader: Any, suffix: str, node: yaml.Node) -> Any:
    return suffix, _YAML.serialize(node)


cast(Any, _Loader).add_multi_constructor("!", _tagged)

YAML = Format(_put_yaml, _drop_yaml, _line, lambda text: _YAML.load(text, Loader=_Loader))
JSON = Format(_put_json, _drop_json, _line, json.loads)
