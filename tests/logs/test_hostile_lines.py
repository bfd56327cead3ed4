"""Lines that nobody meant well with: what is read of them is harmless, and costs little."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_servers.kit.project import Source
from mcp_servers.logs.formats import Parser
from mcp_servers.logs.model import LogRecord, Query, Severity
from mcp_servers.logs.multiline import join
from mcp_servers.logs.sources import open_source, read

REFERENCE = datetime(2026, 11, 20, 12, tzinfo=UTC)
AT = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)


def parse(text: str) -> LogRecord:
    return Parser(REFERENCE, fallback="file").parse(text)


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ("\x1b[90m2026-11-20 10:15:00\x1b[0m \x1b[31mERROR\x1b[0m \x1b[1mit broke\x1b[0m", "it broke"),
        ("\x1b]8;;https://x.test\x1b\\2026-11-20 10:15:00 ERROR it broke\x1b]8;;\x1b\\", "it broke"),
        ("\ufeff2026-11-20 10:15:00 ERROR it broke", "it broke"),
        ("2026-11-20 10:15:00 ERROR it \u202ebroke\u202c", "it \\u202ebroke\\u202c"),
        ("2026-11-20 10:15:00 ERROR it\u200b broke\0", "it\\u200b broke\\u0000"),
        ("2026-11-20 10:15:00 ERROR it broke\r2026-11-20 10:15:01 INFO all is well", "it broke\n2026-11-20 10:15:01 INFO all is well"),
        ("2026-11-20 10:15:00 ERROR it broke\r\n  here", "it broke\n  here"),
    ],
)
def test_what_would_deceive_a_terminal_is_dropped_or_made_visible(line: str, body: str) -> None:
    record = parse(line)

    assert (record.timestamp, record.severity, record.body) == (AT, Severity.ERROR, body)


@pytest.mark.parametrize(
    "content", [b"a\rb\nc", b"a\r\nb\r\n", b"\xff\xfea\0\n\0b\0\n\0", b"\xef\xbb\xbfa\nb\n", b"a\0\nb", b"\xc3\x28\n\xfe\n"]
)
def test_the_lines_of_odd_encodings_are_counted(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.log").write_bytes(content)

    reading = read(open_source(Source("app", "files", {"paths": ["a.log"]}), tmp_path), Query())

    assert (reading.lines, len(reading.records)) == (2, 2)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":' * 5_000,
        "{" + '"a":{' * 2_000 + "}" * 2_001,
        json.dumps({"level": 10**400, "time": 10**400, "msg": "x"}),
        '{"time": NaN, "level": -Infinity, "msg": "x"}',
        '{"time": "' + "9" * 5_000 + '", "msg": "x"}',
        '{"level": true, "time": false, "msg": ["x"], "error": {"stack": 7}}',
        '{"log": 7, "stream": [], "time": {}}',
        '{"resourceLogs": [7, {"scopeLogs": "x"}]}',
        '{"t": {"$date": []}, "msg": null}',
        "<999>1 - - - - - [x",
        "2026-99-99 99:99:99 ERROR it broke",
        "1 2 3 9999999999 x y",
        "#Fields:",
    ],
    ids=lambda text: text[:24],
)
def test_nonsense_of_every_format_is_a_record(text: str) -> None:
    assert parse(text).body


def test_a_file_with_named_columns_is_read_by_them_and_its_comments_are_kept() -> None:
    parser = Parser(REFERENCE, fallback="file")
    comment = parser.parse("#Fields: date time cs-method cs-uri-stem sc-status time-taken")

    record = parser.parse("2026-11-20 10:15:00 GET /a 503 250")

    assert comment.body.startswith("#Fields")
    assert (record.timestamp, record.severity, record.body) == (AT, Severity.ERROR, '"GET /a" 503')
    assert record.attributes["http.server.request.duration"] == 0.25
    assert parser.parse("2026-11-20 10:15:00 too few").body == "too few"


_UNITS = [
    "a ",
    "[",
    "]",
    "=",
    '"',
    "(",
    "\\",
    ": ",
    "- ",
    "| ",
    "1 ",
    "a.",
    "\t",
    " ",
    "{",
    "a=",
    'a="',
    "[a] ",
    "::",
    "-1",
    '\\"',
    ",",
    "\x1b[",
    "é",
    "\n",
]
_STARTS = [
    "",
    "2026-11-20 10:15:00 ",
    "Nov 20 10:15:00 h ",
    "<13>1 2026-11-20T10:15:00Z h a 1 - [",
    '10.0.0.1 - - [x] "',
    '{"a":"',
    "level=",
    "ERROR:",
    "# Time: ",
    "api-1  | ",
]


@given(st.lists(st.sampled_from(_STARTS + _UNITS) | st.text(max_size=6), max_size=12), st.sampled_from(_UNITS), st.integers(0, 3_000))
def test_any_text_is_one_record_and_its_entries_hold_every_line(pieces: list[str], unit: str, times: int) -> None:
    text = "".join(pieces) + unit * times

    assert parse(text).origin == ""
    assert sum(entry.lines for entry in join(text.split("\n"))) == text.count("\n") + 1
