from __future__ import annotations

from mcp_servers.kit.schema import slim


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
    assert slim({"default": 0, "type": "integer"}) == {"default": 0, "type": "integer"}
    assert slim({"default": False, "type": "boolean"}) == {"default": False, "type": "boolean"}
