from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, ValidationError

from mcp_servers.kit.schema import UNSAID, Actor, an_object, asked, objects, slim


def test_generated_titles_and_empty_defaults_go_and_rules_stay() -> None:
    schema = {"title": "Ask", "properties": {"text": {"default": "", "maxLength": 9, "title": "Text", "type": "string"}}, "type": "object"}
    assert slim(schema) == {"properties": {"text": {"maxLength": 9, "type": "string"}}, "type": "object"}


def test_a_property_called_title_stays() -> None:
    schema = {"properties": {"title": {"title": "Title", "type": "string"}}, "required": ["title"]}
    assert slim(schema) == {"properties": {"title": {"type": "string"}}, "required": ["title"]}


def test_the_null_of_a_parameter_that_may_be_left_out_goes_and_one_that_is_required_stays() -> None:
    either = [{"items": {"type": "string"}, "type": "array"}, {"type": "null"}]
    assert slim({"anyOf": either, "default": None, "description": "Names."}) == {
        "items": {"type": "string"},
        "type": "array",
        "description": "Names.",
    }
    assert slim({"anyOf": either}) == {"anyOf": either}


def test_a_default_that_says_something_stays() -> None:
    assert slim({"default": "15m", "type": "string"}) == {"default": "15m", "type": "string"}
    assert slim({"default": 30, "type": "integer"}) == {"default": 30, "type": "integer"}
    assert slim({"default": True, "type": "boolean"}) == {"default": True, "type": "boolean"}


def test_what_the_server_checks_in_a_sentence_is_not_listed_for_a_model() -> None:
    class Limits(BaseModel):
        days: int = Field(20, ge=1, le=50)
        words: list[str] = Field(default=[], max_length=9)

    assert asked(Limits.model_json_schema())["properties"] == {
        "days": {"default": 20, "type": "integer"},
        "words": {"items": {"type": "string"}, "type": "array"},
    }


def test_what_no_model_is_asked_for_is_not_listed() -> None:
    class Told(BaseModel):
        limit: Annotated[int, Field(le=50), UNSAID] = 20
        actor: Actor = "agent"

    assert asked(Told.model_json_schema())["properties"] == {"limit": {"type": "integer"}}


def test_an_object_may_be_listed_by_words_and_is_checked_as_what_it_is() -> None:
    class Page(BaseModel):
        path: str

    class Book(BaseModel):
        cover: Annotated[Page, an_object("{path}")]
        pages: Annotated[list[Page], objects("{path}, one or more")]

    assert asked(Book.model_json_schema())["properties"] == {
        "cover": {"description": "{path}", "type": "object"},
        "pages": {"description": "{path}, one or more", "items": {"type": "object"}, "type": "array"},
    }
    with pytest.raises(ValidationError, match=r"cover\.path"):
        Book.model_validate({"cover": {}, "pages": []})


def test_plain_types_to_choose_from_are_one_list() -> None:
    either: list[dict[str, Any]] = [{"type": "string"}, {"additionalProperties": True, "type": "object"}]
    assert asked({"anyOf": either, "default": ""}) == {"type": ["string", "object"]}
    kinds: list[dict[str, Any]] = [{"type": "string"}, {"items": {"type": "string"}, "type": "array"}]
    assert asked({"anyOf": kinds}) == {"anyOf": kinds}


def test_the_blank_choice_of_what_may_be_left_out_goes() -> None:
    level: dict[str, Any] = {"default": "", "enum": ["", "WARN", "ERROR"], "type": "string"}
    priority: dict[str, Any] = {"default": "", "anyOf": [{"enum": ["LOW"], "type": "string"}, {"const": "", "type": "string"}]}
    assert asked({"properties": {"level": level, "priority": priority}})["properties"] == {
        "level": {"enum": ["WARN", "ERROR"], "type": "string"},
        "priority": {"enum": ["LOW"], "type": "string"},
    }
    assert slim(level) == {"enum": ["", "WARN", "ERROR"], "type": "string"}, "an answer may hold it"


def test_properties_named_like_words_of_json_schema_stay() -> None:
    schema = {"properties": {"pattern": {"type": "string", "maxLength": 9}, "enum": {"type": "string", "default": ""}}}
    assert asked(schema) == {"properties": {"pattern": {"type": "string"}, "enum": {"type": "string"}}}


def test_a_definition_used_once_is_written_where_it_is_used_and_a_long_one_used_twice_is_shared() -> None:
    long = {"enum": ["a" * 40, "b" * 40], "type": "string"}
    once = {"$defs": {"Long": long}, "properties": {"a": {"$ref": "#/$defs/Long", "description": "One."}}}
    twice = {"$defs": {"Long": long}, "properties": {name: {"$ref": "#/$defs/Long"} for name in "ab"}}
    assert asked(once) == {"properties": {"a": {**long, "description": "One."}}}
    assert asked(twice) == twice


def test_a_definition_that_holds_itself_stays_one() -> None:
    class Tree(BaseModel):
        branches: list[Tree] = []

    listed = asked({"$defs": Tree.model_json_schema()["$defs"], "properties": {"tree": {"$ref": "#/$defs/Tree"}}})
    assert listed["$defs"]["Tree"]["properties"]["branches"]["items"] == {"$ref": "#/$defs/Tree"}
