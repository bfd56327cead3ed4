# ruff: noqa
from __future__ import annotations

import unittest

from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker, ValidationError, validate
from jsonschema.exceptions import best_match, relevance

SCHEMA = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "minLength": 2},
        "age": {"type": "integer", "minimum": 0, "exclusiveMaximum": 150},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": True, "maxItems": 3},
    },
    "additionalProperties": False,
}


class ValidatorTest(unittest.TestCase):
    def messages(self, value, schema=SCHEMA):
        return sorted(error.message for error in Draft202012Validator(schema).iter_errors(value))

    def test_valid(self):
        self.assertEqual(self.messages({"name": "Ada", "age": 36, "tags": ["a"]}), [])

    def test_required(self):
        self.assertEqual(self.messages({}), ["'name' is a required property"])

    def test_type(self):
        self.assertEqual(self.messages({"name": 5}), ["5 is not of type 'string'"])

    def test_boolean_is_no_integer(self):
        self.assertEqual(self.messages({"name": "Ada", "age": True}), ["True is not of type 'integer'"])

    def test_bounds(self):
        self.assertEqual(self.messages({"name": "Ada", "age": -1}), ["-1 is less than the minimum of 0"])
        self.assertEqual(len(self.messages({"name": "Ada", "age": 150})), 1)
        self.assertEqual(self.messages({"name": "Ada", "age": 149}), [])

    def test_too_short(self):
        self.assertEqual(self.messages({"name": "A"}), ["'A' is too short"])

    def test_unique(self):
        self.assertEqual(self.messages({"name": "Ada", "tags": ["a", "a"]}), ["['a', 'a'] has non-unique elements"])

    def test_enum(self):
        self.assertEqual(self.messages({"name": "Ada", "tags": ["c"]}), ["'c' is not one of ['a', 'b']"])

    def test_additional(self):
        self.assertIn("'x' was unexpected", self.messages({"name": "Ada", "x": 1})[0])

    def test_any_of(self):
        schema = {"anyOf": [{"type": "string"}, {"minimum": 5}]}
        self.assertEqual(self.messages(3, schema), ["3 is not valid under any of the given schemas"])
        self.assertEqual(self.messages(7, schema), [])

    def test_one_of(self):
        schema = {"oneOf": [{"multipleOf": 2}, {"multipleOf": 3}]}
        self.assertEqual(self.messages(4, schema), [])
        self.assertEqual(len(self.messages(6, schema)), 1)

    def test_not_and_const(self):
        self.assertEqual(len(self.messages("x", {"not": {"const": "x"}})), 1)

    def test_if_then_else(self):
        schema = {"if": {"type": "string"}, "then": {"maxLength": 1}, "else": {"type": "null"}}
        self.assertEqual(self.messages("ab", schema), ["'ab' is too long"])
        self.assertEqual(self.messages(None, schema), [])

    def test_pattern_properties_and_names(self):
        schema = {"patternProperties": {"^n_": {"type": "number"}}, "propertyNames": {"maxLength": 4}}
        self.assertEqual(self.messages({"n_a": "x"}, schema), ["'x' is not of type 'number'"])
        self.assertEqual(len(self.messages({"n_abc": 1}, schema)), 1)

    def test_contains(self):
        schema = {"contains": {"type": "null"}, "minContains": 2}
        self.assertEqual(self.messages([None, 1, None], schema), [])
        self.assertEqual(len(self.messages([None, 1], schema)), 1)

    def test_prefix_items(self):
        schema = {"prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False}
        self.assertEqual(self.messages(["a", 1], schema), [])
        self.assertEqual(len(self.messages(["a", 1, 2], schema)), 1)

    def test_dependent(self):
        self.assertEqual(self.messages({"a": 1}, {"dependentRequired": {"a": ["b"]}}), ["'b' is a dependency of 'a'"])

    def test_unevaluated(self):
        schema = {"allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": False}
        self.assertEqual(self.messages({"a": 1}, schema), [])
        self.assertEqual(len(self.messages({"b": 1}, schema)), 1)


def test_reference():
    schema = {"$defs": {"positive": {"exclusiveMinimum": 0}}, "items": {"$ref": "#/$defs/positive"}}
    found = list(Draft202012Validator(schema).iter_errors([1, -2]))
    assert [list(error.absolute_path) for error in found] == [[1]]


def test_validate_raises_with_path():
    try:
        validate({"name": "Ada", "tags": ["a", "z"]}, SCHEMA)
    except ValidationError as error:
        assert error.json_path == "$.tags[1]"
        assert list(error.schema_path)[-1] == "enum"
    else:
        raise AssertionError("accepted")


def test_best_match_is_the_deepest_of_the_best():
    errors = Draft7Validator({"properties": {"a": {"type": "string"}}, "required": ["b"]}).iter_errors({"a": 1})
    assert best_match(errors).validator == "required"


def test_relevance_orders():
    errors = sorted(Draft7Validator(SCHEMA).iter_errors({"age": -1}), key=relevance)
    assert errors[-1].validator == "required"


def test_formats():
    checker = FormatChecker()
    validator = Draft202012Validator({"format": "ipv4"}, format_checker=checker)
    assert validator.is_valid("10.0.0.1")
    assert not validator.is_valid("10.0.0.256")
    assert not checker.conforms("2020-13-01", "date")


def test_schema_is_checked():
    from jsonschema import SchemaError

    try:
        Draft202012Validator.check_schema({"type": "strin"})
    except SchemaError as error:
        assert "strin" in error.message
    else:
        raise AssertionError("accepted")
