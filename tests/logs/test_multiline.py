from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_servers.logs.multiline import MAX_LINES, join

CHAINED = """Traceback (most recent call last):
  File "a.py", line 1, in f
    g()
KeyError: 'b'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "a.py", line 3, in f
    raise ValueError
ValueError: c"""
GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "a.py", line 1, in <module>
  | ExceptionGroup: several (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | ValueError: a
    +------------------------------------"""
JAVA = """java.lang.IllegalStateException: outer
\tat shop.Cart.total(Cart.java:3)
Caused by: java.lang.NullPointerException: inner
\tat shop.Cart.sum(Cart.java:9)
\t... 3 more"""
NODE = """TypeError: x is not a function
    at total (/app/cart.js:3:1)
    at main (/app/main.js:1:1)"""
HEAD = "2026-11-20 10:15:00,000 ERROR api it broke"


def texts(text: str) -> list[str]:
    return [entry.text for entry in join(text.split("\n"))]


@pytest.mark.parametrize("trace", [CHAINED, JAVA, NODE])
def test_a_bare_trace_between_plain_lines_is_one_entry(trace: str) -> None:
    assert texts(f"before\n{trace}\nafter") == ["before", trace, "after"]


@pytest.mark.parametrize("trace", [CHAINED, GROUP, JAVA, NODE])
def test_a_trace_belongs_to_the_line_that_reports_it(trace: str) -> None:
    assert texts(f"{HEAD}\n{trace}\n{HEAD}") == [f"{HEAD}\n{trace}", HEAD]


def test_a_message_of_several_lines_ends_at_the_next_head() -> None:
    trace = f'{HEAD}\nTraceback (most recent call last):\n  File "a.py", line 1, in f\nshop.Broken: first\nsecond'

    assert texts(f"{trace}\n{HEAD}") == [trace, HEAD]


def test_two_traces_in_a_row_are_two_entries() -> None:
    one = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\nValueError: a'

    assert texts(f"{one}\n{one}") == [one, one]


def test_json_lines_are_never_joined() -> None:
    assert texts('{"a": 1}\n{"a": 2}') == ['{"a": 1}', '{"a": 2}']


def test_printed_json_is_one_entry() -> None:
    assert texts('{\n  "a": 1\n}\nnext') == ['{\n  "a": 1\n}', "next"]


def test_entries_are_bounded() -> None:
    entries = list(join(["start", *["  more"] * (2 * MAX_LINES)]))

    assert max(entry.lines for entry in entries) <= MAX_LINES
    assert sum(entry.lines for entry in entries) == 2 * MAX_LINES + 1


@given(
    st.lists(st.sampled_from([*CHAINED.split("\n"), *JAVA.split("\n"), *GROUP.split("\n"), HEAD, "plain", "", "  ", "{", "}", '{"a": 1}']))
)
def test_no_line_is_lost_or_moved(lines: list[str]) -> None:
    entries = list(join(lines))

    assert [line for entry in entries for line in entry.text.split("\n")] == lines
    assert [entry.line for entry in entries] == [1 + sum(entry.lines for entry in entries[:position]) for position in range(len(entries))]


def test_what_a_runtime_prints_of_an_uncaught_error_is_no_part_of_the_line_logged_before_it() -> None:
    text = (
        "2026-11-21 10:00:02,123 INFO app.web ok\n"
        'Exception in thread "main" java.lang.IllegalStateException: no\n'
        "\tat com.acme.Foo.bar(Foo.java:10)\n"
        "2026-11-21 10:00:03,123 INFO app.web ok"
    )
    assert [one.count("\n") + 1 for one in texts(text)] == [1, 2, 1]


ROW = '2026-11-20 10:15:00.123 UTC,"app","shop",42,"10.0.0.1:5432",67a1.10,1,"SELECT",2026-11-20 10:00:00 UTC,3/17,0,ERROR,42P01,"no ""orders"" here"'


def test_a_row_of_values_goes_on_to_the_quote_that_ends_it():
    row = [f'{ROW},"SELECT *', "FROM orders", "", "2026-01-01 is a day", '\tWHERE id = 1;",15,"psql"']
    assert [(entry.line, entry.lines) for entry in join([*row, f'{ROW},15,"psql"', "done"])] == [(1, 5), (6, 1), (7, 1)]


def test_a_quote_that_nothing_ends_takes_no_further_row():
    broken, whole = f'{ROW},"psql', f'{ROW},"psql"'
    assert [entry.text for entry in join([broken, whole, broken])] == [broken, whole, broken]
