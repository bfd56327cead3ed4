"""Entries whose lines stand apart, behind carriers' prefixes, or are announced by a format."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_servers.kit.project import Source
from mcp_servers.logs.formats import Parser
from mcp_servers.logs.model import LogRecord, Query
from mcp_servers.logs.multiline import MAX_CHARACTERS, Entry, Joiner, join
from mcp_servers.logs.sources import Tally, open_source

REFERENCE = datetime(2026, 11, 20, 12, tzinfo=UTC)
TRACE = ["Traceback (most recent call last):", '  File "/app/a.py", line 1, in f', "    g()", "ValueError: a"]
JAVA = [
    "java.lang.IllegalStateException: a",
    "\tat shop.Cart.total(Cart.java:3)",
    "Caused by: java.io.IOException: b",
    "\tat shop.Db.read(Db.java:9)",
]
GO = ["panic: no node", "", "goroutine 1 [running]:", "main.total(0x1)", "\t/app/main.go:7 +0x1d", "exit status 2"]
PHP = [
    "PHP Fatal error:  Uncaught Exception: a in /app/a.php:3",
    "Stack trace:",
    "#0 /app/b.php(4): f()",
    "#1 {main}",
    "  thrown in /app/a.php on line 3",
]
RUBY = ["app.rb:3:in `total': a (ArgumentError)", "\tfrom app.rb:9:in `<main>'"]
CSHARP = [
    "System.InvalidOperationException: a",
    " ---> System.Exception: b",
    "   at Shop.Db.Read()",
    "   --- End of inner exception stack trace ---",
    "   at Shop.Cart.Total()",
]
RUST = [
    "thread 'main' panicked at src/main.rs:3:5:",
    "index out of bounds",
    "stack backtrace:",
    "   0: std::panicking::begin",
    "             at /rustc/x.rs:1:2",
]
DART = [
    "Unhandled exception:",
    "Bad state: a",
    "#0      total (package:shop/cart.dart:3:5)",
    "#1      main (package:shop/main.dart:9:3)",
    "<asynchronous suspension>",
]
HEAD = "2026-11-20 10:15:00,000 ERROR [{}] shop: it broke"
CARRIERS = {
    "syslog": ("Nov 20 10:15:00 web shop[12]: ", "Nov 20 10:15:00 web cron[9]: job"),
    "journal": ("2026-11-20T10:15:00+0000 web shop[12]: ", "2026-11-20T10:15:00+0000 web cron[9]: job"),
    "runtime": ("2026-11-20T10:15:00.000000000Z stderr F ", "2026-11-20T10:15:00.000000000Z stdout F job"),
    "logcat": ("11-20 10:15:00.000  1702  2395 E AndroidRuntime: ", "11-20 10:15:00.000  99  99 I Other: job"),
    "compose": ("api-1  | ", "web-1  | job"),
    "kubectl": ("[pod/api-7d/api] ", "[pod/web-9c/web] job"),
}


def entries(*lines: str) -> list[Entry]:
    return list(join(lines))


def record(text: str) -> LogRecord:
    return Parser(REFERENCE).parse(text)


@pytest.mark.parametrize("trace", [TRACE, JAVA, GO, PHP, CSHARP, RUST, DART], ids=["python", "java", "go", "php", "csharp", "rust", "dart"])
def test_a_trace_is_one_entry_below_the_line_that_reports_it(trace: list[str]) -> None:
    head = HEAD.format("main")

    assert [entry.text for entry in entries(head, *trace, head)] == ["\n".join([head, *trace]), head]


@pytest.mark.parametrize("trace", [TRACE, JAVA, RUBY, CSHARP], ids=["python", "java", "ruby", "csharp"])
def test_a_trace_is_one_entry_between_plain_lines(trace: list[str]) -> None:
    assert [entry.text for entry in entries("before", *trace, "after it")] == ["before", "\n".join(trace), "after it"]


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("trace", [TRACE, JAVA], ids=["python", "java"])
def test_a_carried_trace_is_one_entry_though_others_write_between_its_lines(carrier: str, trace: list[str]) -> None:
    prefix, other = CARRIERS[carrier]

    joined = entries(prefix + trace[0], prefix + trace[1], other, prefix + trace[2], prefix + trace[3], prefix + "done")

    assert [entry.text for entry in joined] == [prefix + "\n".join(trace), other, prefix + "done"]
    assert [(entry.line, entry.lines) for entry in joined] == [(1, 4), (3, 1), (6, 1)]
    found = record(joined[0].text)
    assert found.trace is not None
    assert found.body == "\n".join(trace)


def test_the_engines_own_lines_are_joined_by_stream_and_where_it_cut_them() -> None:
    def line(log: str, stream: str = "stderr") -> str:
        return json.dumps({"log": log, "stream": stream, "time": "2026-11-20T10:15:00Z"}, separators=(",", ":"))

    trace = entries(line(TRACE[0] + "\n"), line("job\n", "stdout"), *(line(text + "\n") for text in TRACE[1:]))
    assert [record(entry.text).body for entry in trace] == ["\n".join(TRACE), "job"]
    assert record(trace[0].text).attributes["log.iostream"] == "stderr"
    cut = entries(line("2026-11-20 10:15:00 ERROR half "), line("and half\n"), line("next\n"))
    assert [(record(entry.text).body, entry.lines) for entry in cut] == [("half and half", 2), ("next", 1)]


def test_a_line_that_the_container_runtime_cut_is_one_line() -> None:
    cut = entries("2026-11-20T10:15:00Z stdout P half ", "2026-11-20T10:15:00Z stderr F other", "2026-11-20T10:15:00Z stdout F and half")

    assert [(record(entry.text).body, entry.span) for entry in cut] == [("half and half", (1, 3)), ("other", range(2, 3))]


def test_another_threads_line_inside_a_trace_does_not_end_it() -> None:
    one, two = HEAD.format("worker-1"), HEAD.format("worker-2")

    joined = entries(one, *TRACE[:3], two, TRACE[1], TRACE[3], one)

    assert [(entry.text, entry.line) for entry in joined] == [("\n".join([one, *TRACE[:3], TRACE[1], TRACE[3]]), 1), (two, 5), (one, 8)]


def test_what_a_format_announces_belongs_to_the_entry() -> None:
    prefix = "2026-11-20 10:15:00.000 UTC [12] ann@shop "
    other = "2026-11-20 10:15:00.000 UTC [13] ann@shop LOG:  ready"

    joined = entries(prefix + 'ERROR:  no "x"', prefix + "DETAIL:  because", prefix + "STATEMENT:  select x", "\tfrom y", other)

    assert [record(entry.text).body for entry in joined] == ['no "x"\nDETAIL:  because\nSTATEMENT:  select x\n\tfrom y', "ready"]
    java = entries("Nov 20, 2026 10:15:00 AM shop.Cart total", "SEVERE: it broke", "Nov 20, 2026 10:15:01 AM shop.Cart total", "INFO: ok")
    assert [(record(entry.text).body, entry.lines) for entry in java] == [("it broke", 2), ("ok", 2)]
    dotnet = entries("fail: Shop.Cart[3]", "      it broke", "info: Shop.Cart[0]", "      ok")
    assert [record(entry.text).body for entry in dotnet] == ["it broke", "ok"]


def test_a_slow_query_and_a_journal_block_are_entries() -> None:
    slow = [
        "# Time: 2026-11-20T10:15:00Z",
        "# User@Host: a[a] @ web []",
        "# Query_time: 2.0  Lock_time: 0.0",
        "SET timestamp=1795169700;",
        "SELECT 1",
        "FROM t;",
    ]
    assert [record(entry.text).body for entry in entries(*slow, *slow)] == ["SELECT 1\nFROM t;"] * 2
    block = ["__CURSOR=a", "__REALTIME_TIMESTAMP=1795169700000000", "PRIORITY=3", "MESSAGE=it broke"]
    assert [record(entry.text).body for entry in entries(*block, "", *block)][::2] == ["it broke"] * 2


def test_a_batch_gives_all_its_records_and_counts_as_one_line(tmp_path: Path) -> None:
    records = [{"timeUnixNano": "1795169700000000000", "severityNumber": 17, "body": {"stringValue": text}} for text in ("one", "two")]
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    batch = json.dumps(
        {"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": {"name": "cart"}, "logRecords": records}]}]}, separators=(",", ":")
    )
    (tmp_path / "otlp.json").write_text(f"{batch}\n{batch}\n", "utf-8")

    tally = Tally()
    read = list(open_source(Source("app", "files", {"paths": ["otlp.json"]}), tmp_path).scan(Query(), tally))

    assert [(one.body, one.service, one.origin) for one in read] == [
        (text, "shop", f"otlp.json:{line}") for line in (1, 2) for text in ("one", "two")
    ]
    assert tally.lines == 2


def test_an_entry_has_a_bounded_size() -> None:
    joined = entries(TRACE[0], *['  File "/app/a.py", line 1, in f' + "x" * 9_000] * 100)

    assert max(len(entry.text) for entry in joined) <= MAX_CHARACTERS
    assert sum(entry.lines for entry in joined) == 101


_PIECES = [
    *TRACE,
    *JAVA,
    *GO,
    *RUST,
    HEAD.format("t-1"),
    HEAD.format("t-2"),
    "plain",
    "",
    "{",
    "}",
    '{"a": 1}',
    "# Time: x",
    "__CURSOR=a",
    "a=b",
]
_LINES = st.tuples(st.sampled_from(["", "", *(carrier[0] for carrier in CARRIERS.values()), "api-2  | "]), st.sampled_from(_PIECES)).map(
    "".join
)


@given(st.lists(_LINES | st.text(max_size=12).filter(lambda text: "\n" not in text), max_size=40))
def test_entries_come_in_order_and_what_was_given_is_always_all_lines_up_to_one(lines: list[str]) -> None:
    joiner, given, first = Joiner(), list[int](), list[int]()
    for number, line in enumerate([*lines, None], start=1):
        for entry in joiner.flush() if line is None else joiner.feed(line, number):
            assert entry.lines == len(entry.span)
            given += entry.span
            first.append(entry.line)
        assert sorted(given) == list(range(1, len(given) + 1))
    assert len(given) == len(lines)
    assert first == sorted(first)


@given(st.binary(max_size=400))
def test_any_bytes_are_read_and_every_line_is_accounted_for(content: bytes) -> None:
    check_accounts(b"begin " + content)


@given(st.lists(_LINES, max_size=30), st.sampled_from(["\n", "\r\n", "\n\x1b[31m", "\n\ufeff", "\n\0"]))
def test_any_mix_of_formats_is_read_and_every_line_is_accounted_for(lines: list[str], end: str) -> None:
    check_accounts(end.join(lines).encode())


def check_accounts(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        (Path(folder) / "a.log").write_bytes(content)
        tally = Tally()
        source = open_source(Source("app", "files", {"paths": ["a.log"], "encoding": "utf-8"}), Path(folder))
        read = list(source.scan(Query(), tally))
    assert tally.lines == len(content.split(b"\n")) - (content[-1:] in (b"\n", b""))
    assert tally.lines == tally.blank + tally.continuations + tally.matched
    assert len(read) == tally.matched
