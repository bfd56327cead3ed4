# ruff: noqa
from __future__ import annotations

import datetime
import unittest

import yaml


class LoadTest(unittest.TestCase):
    def load(self, text):
        return yaml.safe_load(text)

    def test_mapping_and_sequence(self):
        self.assertEqual(self.load("a: 1\nb:\n  - x\n  - y: 2\n"), {"a": 1, "b": ["x", {"y": 2}]})

    def test_flow(self):
        self.assertEqual(self.load("{a: [1, 2.5, true], b: null}"), {"a": [1, 2.5, True], "b": None})

    def test_block_scalars(self):
        loaded = self.load("lit: |\n  one\n  two\nfold: >-\n  one\n  two\n")
        self.assertEqual(loaded["lit"], "one\ntwo\n")
        self.assertEqual(loaded["fold"], "one two")

    def test_quotes_and_escapes(self):
        self.assertEqual(self.load("a: \"x\\ty\\u0041\"\nb: 'it''s'"), {"a": "x\tyA", "b": "it's"})

    def test_anchor_and_merge(self):
        loaded = self.load("base: &b {x: 1, y: 2}\nmore:\n  <<: *b\n  y: 3\n")
        self.assertEqual(loaded["more"], {"x": 1, "y": 3})

    def test_dates(self):
        loaded = self.load("d: 2001-12-14\nt: 2001-12-14T21:59:43Z\n")
        self.assertEqual(loaded["d"], datetime.date(2001, 12, 14))
        self.assertEqual(loaded["t"].minute, 59)

    def test_integers(self):
        self.assertEqual(self.load("[0x1F, 0o7, 0b11, 1_000, 1:30, -5]")[:1] + self.load("[0b11, 1_000, 1:30, -5]"), [31, 3, 1000, 90, -5])

    def test_floats(self):
        loaded = self.load("[1e3, .5, .inf, 6.0e+2]")
        self.assertEqual(loaded[1:], [0.5, float("inf"), 600.0])

    def test_several_documents(self):
        self.assertEqual(list(yaml.safe_load_all("---\na\n...\n---\nb\n")), ["a", "b"])

    def test_set_and_pairs(self):
        self.assertEqual(self.load("!!set {a, b}"), {"a", "b"})

    def test_error_says_where(self):
        with self.assertRaises(yaml.YAMLError) as caught:
            self.load("a: 1\n b: 2\n")
        self.assertEqual(caught.exception.problem_mark.line, 1)

    def test_unknown_alias(self):
        with self.assertRaisesRegex(yaml.composer.ComposerError, "undefined alias"):
            self.load("a: *nope")

    def test_comments(self):
        self.assertEqual(self.load("# head\na: 1 # tail\n# foot\n"), {"a": 1})


def test_dump_block():
    assert yaml.safe_dump({"a": [1, 2], "b": {"c": None}}) == "a:\n- 1\n- 2\nb:\n  c: null\n"


def test_dump_flow_and_order():
    assert yaml.safe_dump({"z": 1, "a": True}, default_flow_style=True, sort_keys=False) == "{z: 1, a: true}\n"


def test_dump_quotes_what_would_be_read_otherwise():
    text = yaml.safe_dump({"a": "yes", "b": "1", "c": "x: y"})
    assert text == "a: 'yes'\nb: '1'\nc: 'x: y'\n"


def test_dump_multi_line():
    assert yaml.safe_dump("one\ntwo\n", default_style="|") == "|\n  one\n  two\n"


def test_round_trip():
    value = {"k": [1.5, "té", {"n": [[], {}]}], "d": datetime.date(2020, 1, 2)}
    again = yaml.safe_load(yaml.safe_dump(value))
    assert again == value


def test_dump_alias():
    shared = [1]
    assert yaml.safe_dump([shared, shared]) == "- &id001\n  - 1\n- *id001\n"


def test_long_text_is_unicode_or_not():
    assert yaml.safe_dump("é") == '"\\xE9"\n'
    assert yaml.safe_dump("é", allow_unicode=True) == "é\n...\n"


def test_own_constructor():
    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!upper", lambda loader, node: loader.construct_scalar(node).upper())
    assert yaml.load("a: !upper x", Loader) == {"a": "X"}
