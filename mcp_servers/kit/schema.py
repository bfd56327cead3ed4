"""A schema as a model needs it: what pydantic adds for forms and repeats from the names is left out, every rule stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

_NAMED = {"properties", "$defs"}  # their keys are names of ours, not words of JSON Schema


def slim(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema without generated titles, empty defaults and the null that only says that a parameter may be left out."""
    kept = {key: value for key, value in schema.items() if key != "title" and not (key == "default" and value in ("", None))}
    if "default" in schema and schema["default"] is None and "anyOf" in kept:
        kept = _without_null(kept)
    if kept.get("additionalProperties") is True:
        del kept["additionalProperties"]
    return {key: _named(value) if key in _NAMED else _inside(value) for key, value in kept.items()}


def _without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    choices: list[dict[str, Any]] = [choice for choice in schema["anyOf"] if choice.get("type") != "null"]
    return {**choices[0], **rest} if len(choices) == 1 else {**rest, "anyOf": choices}


def _named(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _inside(inner) for name, inner in value.items()}


def _inside(value: Any) -> Any:
    if isinstance(value, Mapping):
        return slim(cast(Mapping[str, Any], value))
    return [_inside(item) for item in cast(list[Any], value)] if isinstance(value, list) else value
