from __future__ import annotations

import random
import re
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_servers.kit.stack import StackTrace
from mcp_servers.logs.stacktrace import in_app, mark_in_app, parse
from mcp_servers.logs.traces import finder


class Odd(Exception):
    pass


def printed(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def raised(action: Callable[[], object]) -> str:
    try:
        action()
    except BaseException as error:
        return printed(error)
    raise AssertionError("nothing was raised")


def parsed(text: str, *roots: str) -> StackTrace:
    trace = parse(text, roots)
    assert trace is not None, text
    return trace


def fail_with(error: BaseException) -> None:
    raise error


def chain_types(trace: StackTrace) -> list[str]:
    return [exception.type.rpartition(".")[2] for exception in trace.exceptions]


def test_a_python_traceback_keeps_its_frames_in_the_order_of_the_calls():
    trace = parsed(raised(lambda: fail_with(ValueError("no"))))
    assert (trace.language, trace.root.type, trace.root.message) == ("python", "ValueError", "no")
    assert [frame.function for frame in trace.root.frames] == ["raised", "<lambda>", "fail_with"]
    assert trace.root.frames[-1].code == "raise error"
    assert trace.root.frames[-1].file == __file__


@settings(deadline=None)
@given(st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=80))
def test_any_message_is_kept_whole(message: str):
    trace = parsed(raised(lambda: fail_with(Odd(message))))
    assert trace.root.message == message.strip().removesuffix('"""').rstrip()
    assert trace.root.type.endswith("Odd")


def test_a_message_of_several_lines_is_one_message():
    assert parsed(raised(lambda: fail_with(ValueError("one\n  two\n\nthree")))).root.message == "one\n  two\n\nthree"


def test_the_root_cause_comes_first_in_both_kinds_of_chain():
    def caused() -> None:
        try:
            fail_with(KeyError("k"))
        except KeyError as error:
            raise ValueError("v") from error

    def handled() -> None:
        try:
            caused()
        except ValueError:
            fail_with(Odd("o"))

    assert chain_types(parsed(raised(handled))) == ["KeyError", "ValueError", "Odd"]


def test_the_members_of_an_exception_group_come_before_it():
    def grouped() -> None:
        errors: list[Exception] = []
        for error in (TypeError("t"), ExceptionGroup("inner", [Odd("deep"), KeyError("k")])):
            try:
                fail_with(error)
            except Exception as caught:
                errors.append(caught)
        raise ExceptionGroup("outer", errors)

    trace = parsed(raised(grouped))
    assert chain_types(trace) == ["Odd", "KeyError", "TypeError", "ExceptionGroup", "ExceptionGroup"]
    assert [frame.function for frame in trace.exceptions[2].frames] == ["grouped", "fail_with"]
    assert trace.exceptions[-1].message == "outer (2 sub-exceptions)"


def test_a_recursion_is_read_past_its_summary():
    def down(n: int) -> float:
        return down(n - 1) if n else 1 / n

    trace = parsed(raised(lambda: down(50)))
    assert trace.root.type == "ZeroDivisionError"
    assert trace.root.frames[-1].function == "down"


def test_a_syntax_error_names_its_file():
    trace = parsed(raised(lambda: compile("foo bar", "/app/broken.py", "exec")))
    assert (trace.root.type, trace.root.frames[-1].file, trace.root.frames[-1].line) == ("SyntaxError", "/app/broken.py", 1)
    assert parsed('  File "/app/b.py", line 3\n    foo bar\n        ^^^\nSyntaxError: invalid syntax').root.frames[-1].file == "/app/b.py"


@pytest.mark.parametrize("before", ["ERROR:shop:oh no\n", "2026-11-20 10:15:00 ERROR ", "  ", "\x1b[31m"])
def test_a_trace_is_found_behind_a_log_message(before: str):
    text = 'Traceback (most recent call last):\n  File "/app/x.py", line 3, in f\n    x()\nshop.errors.Bad: a: b\n'
    indented = before + (text.replace("\n", "\n  ") if before == "  " else text)
    trace = parsed(indented)
    assert (trace.root.type, trace.root.message, trace.root.frames[0].function) == ("shop.errors.Bad", "a: b", "f")


def test_a_trace_ends_where_the_next_log_entry_begins():
    text = 'Traceback (most recent call last):\n  File "/app/x.py", line 3, in f\n    x()\nKeyError: 1\n'
    assert parsed(text + "2026-11-20 10:15:00 INFO fine\n").root.message == "1"
    assert len(parsed(text + text.replace("KeyError", "TypeError")).exceptions) == 1


def test_a_trace_escaped_into_one_line_is_read():
    assert (
        parsed('Traceback (most recent call last):\\n  File \\"/app/x.py\\", line 3, in f\\n    x()\\nKeyError: 1').root.type == "KeyError"
    )


@pytest.mark.parametrize(
    "text", ["", "at the gate: Error", "KeyError: 1", "  at home (12:30)\n", "panic: no", "Traceback (most recent call last):"]
)
def test_text_without_a_trace_has_none(text: str):
    assert parse(text) is None


@settings(deadline=None)
@given(st.text(max_size=200))
def test_no_text_breaks_the_parser(text: str):
    parse(text)
    parse("Traceback (most recent call last):\n" + text)
    parse("Traceback (most recent call last):\n  + Exception Group Traceback\n" + text)


@pytest.mark.parametrize(
    "piece", ["\n", " ", "A.b.", " at ", "a", "Error: ", ":1:in `", "at x.y(", "#0 ", "Traceback (most recent call last):"]
)
def test_hostile_text_costs_little(piece: str):
    started = time.process_time()
    parse("Traceback (most recent call last):\n\tat a.b(C.java:1)\nStack trace:\n#0 " + piece * (200_000 // len(piece)))
    assert time.process_time() - started < 2


JAVA = """\
Exception in thread "main" java.lang.IllegalStateException: could not
 load it
\tat com.acme.shop.Cart.total(Cart.java:12) ~[shop.jar:1.0]
\tat java.base/java.lang.Thread.run(Thread.java:840)
\tSuppressed: java.io.IOException: closed
\t\tat com.acme.shop.Files.close(Files.java:9)
Caused by: java.lang.NullPointerException
\tat com.acme.shop.Price.of(Price.java:3)
\t... 5 more
"""
NODE = """\
TypeError [ERR_X]: Cannot read properties of undefined (reading 'price')
    at Cart.total (/app/src/cart.js:10:5)
    at async handler (file:///app/src/handler.mjs:3:4)
    at Layer.handle (/app/node_modules/express/lib/layer.js:95:5)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5) {
  [cause]: RangeError: deep
      at low (C:\\app\\low.js:1:2)
"""
GO = """\
panic: runtime error: index out of range [5] with length 3

goroutine 1 [running]:
panic({0x1, 0x2})
\t/usr/local/go/src/runtime/panic.go:884 +0x212
main.(*Server).handle(0xc0000, {0x1, 0x2})
\t/app/main.go:42 +0x1d
main.main()
\t/app/main.go:10 +0x20
"""
PHP = """\
PHP Fatal error:  Uncaught App\\NotFoundException: no cart 5 in /app/src/Cart.php:12
Stack trace:
#0 /app/src/Api.php(34): App\\Cart->total(5)
#1 [internal function]: App\\Api->run()
#2 {main}
  thrown in /app/src/Cart.php on line 12
"""
RUBY = """\
/app/lib/cart.rb:12:in `total': undefined method `price' for nil:NilClass (NoMethodError)
\tfrom /app/lib/api.rb:3:in `block in run'
\tfrom /usr/lib/ruby/3.0/set.rb:3:in `each'
"""
CSHARP = """\
Unhandled exception. System.InvalidOperationException: outer
 ---> System.NullReferenceException: inner
   at Shop.Price.Of(String x) in /src/Price.cs:line 12
   --- End of inner exception stack trace ---
   at Shop.Cart.Total() in /src/Cart.cs:line 4
   at System.Threading.Run()
"""


@pytest.mark.parametrize(
    ("text", "language", "root", "types", "top"),
    [
        (JAVA, "java", "java.lang.NullPointerException", 2, ("com/acme/shop/Price.java", 3, "Price.of")),
        (NODE, "javascript", "RangeError", 2, ("C:\\app\\low.js", 1, "low")),
        (GO, "go", "runtime error", 1, ("/app/main.go", 42, "main.(*Server).handle")),
        (PHP, "php", "App\\NotFoundException", 1, ("/app/src/Cart.php", 12, "App\\Cart->total")),
        (RUBY, "ruby", "NoMethodError", 1, ("/app/lib/cart.rb", 12, "total")),
        (CSHARP, "csharp", "System.NullReferenceException", 2, ("/src/Price.cs", 12, "Shop.Price.Of")),
    ],
)
def test_other_languages_show_their_root_cause_and_our_nearest_frame(
    text: str, language: str, root: str, types: int, top: tuple[str, int, str]
):
    for version in (text, text.replace("\n", "\r\n"), "12:00 ERROR worker failed\n" + text):
        trace = parsed(version)
        assert (trace.language, trace.root.type, len(trace.exceptions)) == (language, root, types)
        frame = trace.top_in_app
        assert frame is not None
        assert (frame.file, frame.line, frame.function) == top


def test_libraries_of_other_languages_are_not_ours():
    outer = [parsed(text).exceptions[-1].frames for text in (JAVA, NODE, RUBY, CSHARP)]
    assert [frames[0].in_app for frames in outer] == [False, False, False, False]
    assert [frames[-1].in_app for frames in outer] == [True, True, True, True]


@pytest.mark.parametrize(
    ("file", "ours"),
    [
        ("/app/shop/api.py", True),
        ("/usr/src/app/api.py", True),
        ("shop/vendors.py", True),
        ("<stdin>", True),
        ("<frozen importlib._bootstrap>", False),
        ("/app/.venv/lib/python3.11/site-packages/flask/app.py", False),
        ("/usr/local/lib/python3.11/asyncio/runners.py", False),
        ("/usr/lib/python3/dist-packages/yaml/__init__.py", False),
        ("C:\\Python311\\Lib\\json\\decoder.py", False),
        ("/usr/local/bin/gunicorn", False),
        ("node:internal/timers", False),
    ],
)
def test_which_frames_are_ours_by_default(file: str, ours: bool):
    assert in_app(file) is ours


def test_roots_say_which_code_is_ours():
    text = "Traceback (most recent call last):\n" + "".join(
        f'  File "{file}", line 1, in f\n    x()\n'
        for file in ("/srv/shop/api.py", "/srv/shop/node_modules/x.py", "/srv/lib.py", "/v/site-packages/own/a.py")
    )
    marks = [frame.in_app for frame in parsed(text + "KeyError: 1", "shop", "/v/site-packages/own").root.frames]
    assert marks == [True, False, False, True]


def test_roots_that_fit_no_frame_are_ignored():
    text = 'Traceback (most recent call last):\n  File "/app/x.py", line 3, in f\n    x()\nKeyError: 1\n'
    assert parsed(text, "/home/me/shop").top_in_app is not None


STACKS = [
    block.partition("\n")[2].strip("\n")
    for file in sorted((Path(__file__).parent / "stacks").glob("*.txt"))
    for block in re.split(r"^@@ ", file.read_text(encoding="utf-8"), flags=re.M)[1:]
]


def test_a_trace_that_came_before_with_other_numbers_reads_like_one_that_never_came():
    source = random.Random(7)

    def redrawn(text: str) -> str:
        numbers = re.sub(r"\d+", lambda found: str(source.randrange(1, 99)) if source.random() < 0.2 else found[0], text)
        return f"request {source.randrange(10**6)} failed\n{numbers}"

    for text in (redrawn(stack) for stack in STACKS for _ in range(4)):
        found = finder.find_in(text.split("\n"), whole=True)
        assert parse(text) == (mark_in_app(found[0].trace) if found else None)


@given(st.integers(0, 10**9), st.integers(1, 9999))
def test_numbers_of_the_message_and_of_its_lines_are_those_of_the_text(article: int, line: int):
    text = f'Traceback (most recent call last):\n  File "/app/shop/price.py", line {line}, in look\n    return prices[key]\nKeyError: {article}'
    trace = parsed(text)
    assert (trace.root.message, trace.root.frames[0].line) == (str(article), line)
