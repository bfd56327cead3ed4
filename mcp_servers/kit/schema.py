"""A schema as a model needs it: what forms want, what the names say and what the server checks in a sentence anyway is left out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Annotated, Any, cast

from pydantic import Field, WithJsonSchema

Schema = dict[str, Any]


_UNLISTED = "x-unlisted"


def _unsaid(schema: Schema) -> None:
    schema.pop("default", None)


UNSAID = Field(json_schema_extra=_unsaid)
"""Marks a parameter whose default no model has to know: a list says itself how much of it was left out."""

Actor = Annotated[str, Field(max_length=100, json_schema_extra={_UNLISTED: True})]
"""Who acts, as the ledger keeps it. Drivers and commands give it; a model is not asked for its name, so no list of tools shows it."""


def an_object(words: str) -> WithJsonSchema:
    """Lists an object by words such as `{path, content}`: shorter than its schema, and the server refuses what is none in a sentence."""
    return WithJsonSchema({"type": "object", "description": words})


def objects(words: str) -> WithJsonSchema:
    """As `an_object`, for an array of them."""
    return WithJsonSchema({"type": "array", "items": {"type": "object"}, "description": words})


_NAMED = {"properties", "$defs"}  # their keys are names of ours, not words of JSON Schema
_BOUNDS = {"maxLength", "minLength", "maximum", "minimum", "maxItems", "minItems", "maxProperties", "pattern"}
_REFERENCE = "#/$defs/"


def slim(schema: Mapping[str, Any]) -> Schema:
    """The schema without generated titles, empty defaults and the null that only says that a parameter may be left out."""
    return _everywhere(schema, _slimmed)


def asked(schema: Mapping[str, Any]) -> Schema:
    """The schema of arguments: slim, without bounds, what no model is asked for and the blank choice of what may be left out, each
    definition where it is used."""
    return _inlined(_everywhere(slim(_everywhere(_everywhere(schema, _listed), _without_blank)), _unbound))


def _everywhere(schema: Mapping[str, Any], change: Callable[[Schema], Schema]) -> Schema:
    """The schema with the change made to it, and to every schema inside."""

    def inside(value: Any) -> Any:
        if isinstance(value, Mapping):
            return _everywhere(cast(Schema, value), change)
        return [inside(item) for item in cast(list[Any], value)] if isinstance(value, list) else value

    changed = change(dict(schema))
    return {
        key: {name: inside(inner) for name, inner in value.items()} if key in _NAMED else inside(value) for key, value in changed.items()
    }


def _slimmed(schema: Schema) -> Schema:
    kept = {key: value for key, value in schema.items() if key != "title" and not (key == "default" and not value)}
    if "default" in schema and schema["default"] is None and "anyOf" in kept:
        kept = _less(kept, "type", "null")
    if kept.get("additionalProperties") is True:
        del kept["additionalProperties"]
    return kept


def _listed(schema: Schema) -> Schema:
    """The schema without the parameters that are not listed."""
    known: Schema = schema.get("properties", {})
    return {**schema, "properties": {name: one for name, one in known.items() if _UNLISTED not in one}} if known else schema


def _without_blank(schema: Schema) -> Schema:
    if schema.get("default") != "":
        return schema
    if "enum" in schema:
        return {**schema, "enum": [choice for choice in schema["enum"] if choice]}
    return _less(schema, "const", "") if "anyOf" in schema else schema


def _unbound(schema: Schema) -> Schema:
    kept = {key: value for key, value in schema.items() if key not in _BOUNDS and not (key == "additionalProperties" and value is False)}
    choices: list[Schema] = kept.get("anyOf", [])
    if choices and all(_plain(one) for one in choices):
        kept = {key: value for key, value in kept.items() if key != "anyOf"} | {"type": [one["type"] for one in choices]}
    return kept


def _plain(schema: Schema) -> bool:
    """Whether it says a type and nothing else that is listed."""
    return {key: value for key, value in schema.items() if not (key == "additionalProperties" and value is True)}.keys() == {"type"}


def _less(schema: Schema, key: str, value: str) -> Schema:
    """The schema without one of its choices."""
    rest = {name: inner for name, inner in schema.items() if name != "anyOf"}
    choices: list[Schema] = [choice for choice in schema["anyOf"] if choice.get(key) != value]
    return {**choices[0], **rest} if len(choices) == 1 else {**rest, "anyOf": choices}


def _inlined(schema: Schema) -> Schema:
    """A definition goes where it is used when that is shorter; one that holds itself stays."""
    known: dict[str, Schema] = schema.get("$defs", {})
    for name, times in Counter(_references(schema)).items():
        body = known[name]
        shared = _size(body) + times * _size({"$ref": _REFERENCE + name}) + len(name)
        if name not in _references(body) and times * _size(body) <= shared:
            schema["$defs"] = {other: inner for other, inner in known.items() if other != name}
            return _inlined(_everywhere(schema, partial(_put, name=name, body=body)))
    return {key: value for key, value in schema.items() if key != "$defs" or value}


def _put(schema: Schema, name: str, body: Schema) -> Schema:
    if schema.get("$ref") != _REFERENCE + name:
        return schema
    return {**body, **{key: value for key, value in schema.items() if key != "$ref"}}


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        inner = cast(Schema, value)
        if "$ref" in inner:
            yield inner["$ref"].removeprefix(_REFERENCE)
        value = list(inner.values())
    for item in cast(list[Any], value) if isinstance(value, list) else ():
        yield from _references(item)


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
