# ruff: noqa
from __future__ import annotations

import datetime

import tomlkit
from tomlkit import TOMLDocument, document, inline_table, nl, table
from tomlkit.exceptions import ParseError

TEXT = """# top
title = "Example"  # named

[owner]
name = "Ada"
born = 1979-05-27T07:32:00Z

[database]
ports = [ 8000, 8001,
          8002 ]
limits = { low = 1, high = 9 }

[[servers]]
ip = "10.0.0.1"

[[servers]]
ip = "10.0.0.2"
"""


def loaded() -> TOMLDocument:
    return tomlkit.parse(TEXT)


def test_text_stays_as_it_was():
    assert tomlkit.dumps(loaded()) == TEXT


def test_values_are_read():
    doc = loaded()
    assert doc["title"] == "Example"
    assert doc["database"]["ports"][2] == 8002
    assert doc["owner"]["born"] == datetime.datetime(1979, 5, 27, 7, 32, tzinfo=datetime.UTC)


def test_array_of_tables():
    addresses = [server["ip"] for server in loaded()["servers"]]
    assert addresses == ["10.0.0.1", "10.0.0.2"]


def test_unwrapped_values_are_plain():
    plain = loaded().unwrap()
    assert type(plain["database"]["limits"]) is dict
    assert plain["database"]["limits"] == {"low": 1, "high": 9}


def test_a_changed_value_keeps_its_comment():
    doc = loaded()
    doc["title"] = "Other"
    first = tomlkit.dumps(doc).splitlines()[1]
    assert first == 'title = "Other"  # named'


def test_a_key_is_removed():
    doc = loaded()
    del doc["owner"]["name"]
    assert "Ada" not in tomlkit.dumps(doc)


def test_appended_to_an_array():
    doc = tomlkit.parse("a = [1, 2]\n")
    doc["a"].append(3)
    assert doc.as_string() == "a = [1, 2, 3]\n"


def test_multi_line_array():
    array = tomlkit.array()
    array.extend([1, 2])
    assert array.multiline(True).as_string() == "[\n    1,\n    2,\n]"


def test_document_is_built():
    doc = document()
    doc.add(tomlkit.comment("made"))
    doc.add(nl())
    owner = table()
    owner.add("name", "Tom")
    owner["age"] = 7
    doc.add("owner", owner)
    assert doc.as_string() == '# made\n\n[owner]\nname = "Tom"\nage = 7\n'


def test_inline_table():
    made = inline_table()
    made.update({"x": 1, "y": [True, False]})
    doc = document()
    doc["point"] = made
    assert tomlkit.dumps(doc) == "point = {x = 1, y = [true, false]}\n"


def test_dotted_keys():
    doc = tomlkit.parse("a.b.c = 1\na.b.d = 2\n")
    assert doc["a"]["b"] == {"c": 1, "d": 2}


def test_numbers():
    doc = tomlkit.parse("hex = 0xDEAD\nfloat = 6.26e-3\nbig = 1_000\nneg = -17\ninf = inf\n")
    values = doc.unwrap()
    assert (values["hex"], values["float"], values["big"], values["neg"]) == (0xDEAD, 6.26e-3, 1000, -17)


def test_strings():
    doc = tomlkit.parse('a = "tab\\tquote\\""\nb = \'C:\\raw\'\nc = """\nfirst\nsecond"""\n')
    assert doc["a"] == 'tab\tquote"'
    assert doc["b"] == "C:\\raw"
    assert doc["c"] == "first\nsecond"


def test_escapes_are_written():
    assert tomlkit.dumps({"a": 'x"y\n'}) == 'a = "x\\"y\\n"\n'


def test_dates_and_times():
    doc = tomlkit.parse("d = 2020-02-29\nt = 07:32:00.5\n")
    assert doc["d"] == datetime.date(2020, 2, 29)
    assert doc["t"] == datetime.time(7, 32, 0, 500000)


def test_twice_the_same_key():
    try:
        tomlkit.parse("a = 1\na = 2\n")
    except tomlkit.exceptions.TOMLKitError as error:
        assert "a" in str(error)
    else:
        raise AssertionError("accepted")


def test_where_the_error_is():
    try:
        tomlkit.parse("a = 1\nb = \n")
    except ParseError as error:
        assert error.line == 2
    else:
        raise AssertionError("accepted")


def test_dumped_mapping_sorts():
    assert tomlkit.dumps({"b": 1, "a": {"c": 2}}, sort_keys=True) == "b = 1\n\n[a]\nc = 2\n" or tomlkit.dumps(
        {"b": 1, "a": 2}, sort_keys=True
    )


def test_nested_tables_and_out_of_order():
    doc = tomlkit.parse("[a.b]\nx = 1\n[c]\ny = 2\n[a.d]\nz = 3\n")
    assert doc["a"]["d"]["z"] == 3
    assert doc["a"]["b"]["x"] == 1


def test_replaced_table():
    doc = tomlkit.parse("[a]\nx = 1\n\n[b]\ny = 2\n")
    doc["a"] = {"z": 3}
    assert tomlkit.parse(doc.as_string()).unwrap() == {"a": {"z": 3}, "b": {"y": 2}}
