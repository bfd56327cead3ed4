"""Traces of every language: found from first line to last, and known again whatever does not matter."""

from __future__ import annotations

import re

import pytest

from benchmarks.fingerprints import identity, pairs, stream, words
from benchmarks.stacks import NOISE, Stack, stacks
from mcp_servers.logs.stacktrace import mark_in_app, parse
from mcp_servers.logs.survey import found_in
from mcp_servers.logs.traces.finder import find_in

ALL = stacks()


def named(types: tuple[str, ...]) -> list[str]:
    return [re.split(r"[.\\]", one)[-1] for one in types]


@pytest.mark.parametrize("stack", ALL, ids=lambda stack: stack.name)
def test_a_trace_is_read_whole(stack: Stack) -> None:
    (found,) = find_in(stack.text.split("\n"))
    trace = mark_in_app(found.trace)

    assert (found.first, found.last) == (1, stack.text.count("\n") + 1)
    assert trace.language == stack.language
    assert named(tuple(one.type for one in trace.exceptions)) == list(stack.types)
    if stack.function and trace.top_in_app:
        assert stack.function in trace.top_in_app.function


@pytest.mark.parametrize("language", sorted({stack.language for stack in ALL}))
def test_what_does_not_matter_keeps_an_identity_and_what_does_changes_it(language: str) -> None:
    judged = list(pairs([stack for stack in ALL if stack.language == language]))

    assert [(pair.stack, pair.change) for pair in judged if not pair.right] == []


def test_a_message_without_frames_is_its_words() -> None:
    assert [pair for pair in words() if not pair.right] == []


@pytest.mark.parametrize("seed", range(3))
def test_traces_are_found_between_other_lines(seed: int) -> None:
    lines, truth = stream(ALL, seed)
    found = [(one.first, one.last, one.trace.language) for one in find_in(lines)]

    assert sorted(set(found) ^ set(truth)) == []


def test_nothing_is_found_where_nothing_is() -> None:
    assert find_in([*NOISE] * 3) == []


def test_a_long_stream_is_read_in_windows_and_no_trace_is_cut_or_told_twice() -> None:
    lines, truth = stream(ALL * 40, seed=1)

    assert [(one.first, one.last, one.trace.language) for one in found_in(iter(lines))] == truth


def test_two_threads_that_name_themselves_are_told_apart() -> None:
    first = [
        f"10:15:00 ERROR [first] {line}"
        for line in ("java.io.IOException: a", "\tat com.acme.A.one(A.java:1)", "\tat com.acme.A.two(A.java:2)")
    ]
    second = [
        f"10:15:00 ERROR [second] {line}"
        for line in ("java.lang.Error: b", "\tat com.acme.B.one(B.java:1)", "\tat com.acme.B.two(B.java:2)")
    ]
    mixed = [line for both in zip(first, second, strict=True) for line in both]

    found = find_in(mixed)

    assert [(one.first, one.last, one.trace.root.type, len(one.trace.root.frames)) for one in found] == [
        (1, 5, "java.io.IOException", 2),
        (2, 6, "java.lang.Error", 2),
    ]


def test_the_parts_of_a_line_that_a_runtime_cut_are_one() -> None:
    lines = [
        "2026-11-20T10:15:00.1Z stderr F Traceback (most recent call last):",
        '2026-11-20T10:15:00.1Z stderr P   File "/app/a.p',
        '2026-11-20T10:15:00.1Z stderr F y", line 3, in f',
        "2026-11-20T10:15:00.1Z stdout F hello",
        "2026-11-20T10:15:00.1Z stderr F KeyError: 1",
    ]

    (found,) = find_in(lines)

    assert (found.first, found.last, found.trace.root.frames[0].file) == (1, 5, "/app/a.py")


def test_unix_and_windows_paths_are_one_error() -> None:
    unix = 'Traceback (most recent call last):\n  File "/srv/shop/orders/api.py", line 3, in show\n    x\nKeyError: 1'

    assert identity(unix) == identity(unix.replace("/srv/shop/orders/api.py", "C:\\work\\shop\\orders\\api.py"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("at total (https://a.example/app.3f2a1b9c.js:1:99)", "at total (https://b.example/x/app.77aa01ce.js:1:5)"),
        ("at total (https://a.example/index-BqOwYzXk.js:1:99)", "at total (https://a.example/index-Zk3_pQ9a.js:1:99)"),
        ("at t (https://a.example/main.3f2a1b9c.js:1:99)", "at Oe (https://a.example/main.99ffab01.js:1:7)"),
        ("at async Cart.total (/srv/cart.js:1:9)", "at Cart.total [as sum] (/srv/cart.js:7:9)"),
    ],
)
def test_what_a_bundler_names_does_not_matter(one: str, other: str) -> None:
    first, second = (identity(f"TypeError: x is not a function\n    {frame}") for frame in (one, other))

    assert first == second is not None


def test_errors_of_a_bundle_without_names_are_told_apart_by_their_words() -> None:
    frame = "\n    at t (https://a.example/main.3f2a1b9c.js:1:99)"

    assert identity("TypeError: cart is undefined" + frame) != identity("TypeError: user is undefined" + frame)


@pytest.mark.parametrize(
    "text",
    [
        '"main" #1 prio=5\n   java.lang.Thread.State: RUNNABLE\n\tat com.acme.Main.main(Main.java:3)',
        "Error: the parcel is at home (12:30)\nTypeError stands at the door (x:1)",
        "#5 [internal] load build definition\n#5 DONE 0.1s",
        'the config:\n  File "setup.cfg", line 3\n  is wrong',
    ],
)
def test_what_only_looks_like_a_trace_is_none(text: str) -> None:
    assert find_in(text.split("\n")) == []
    assert parse(text) is None


@pytest.mark.parametrize(
    ("language", "root", "text"),
    [
        ("javascript", "TypeError", "E ReactNativeJS: TypeError: undefined is not a function, js engine: hermes"),
        ("javascript", "Error", "(node:1) UnhandledPromiseRejectionWarning: Error: no\n    at pay (/srv/pay.js:3:5)"),
        (
            "go",
            "errors.errorString",
            "panic: (*errors.errorString) 0xc00001\n\ngoroutine 3 [running]:\nmain.pay(0x1)\n\t/srv/pay.go:3 +0x1",
        ),
        (
            "go",
            "fatal error",
            "fatal error: stack overflow\n\nruntime stack:\nruntime.throw({0x1, 0x2})\n\t/usr/local/go/src/runtime/panic.go:1047 +0x5d\n\n"
            "goroutine 1 [running]:\nmain.walk(0x1)\n\t/srv/walk.go:3 +0x1",
        ),
        ("ruby", "KeyError", "#<KeyError: key not found: :a>\n/srv/pay.rb:3:in `fetch'\n/srv/pay.rb:9:in `run'"),
    ],
)
def test_rarer_ways_to_print_an_error_name_its_root(language: str, root: str, text: str):
    (found,) = find_in(text.split("\n"))
    assert (found.trace.language, found.trace.root.type) == (language, root)


@pytest.mark.parametrize(
    "line", ["goroutine 1 [running]:", '  File "a.py", line 1', "\tat a.b(C.java:1)", "Traceback (most recent call last):"]
)
def test_heads_without_a_trace_behind_them_do_not_hide_the_trace_that_follows(line: str):
    trace = ["panic: boom", "", "goroutine 7 [running]:", "main.pay(0x1)", "\t/srv/pay.go:3 +0x1"]
    found = find_in([*[line, "2026-11-20 10:00:00 INFO fine"] * 300, *trace])
    assert [one.trace.root.message for one in found][-1:] == ["boom"]
