"""Reading in bulk gives what reading record by record gives."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_servers.kit.project import Project, Source
from mcp_servers.kit.work import Stopped
from mcp_servers.logs.bulk import digested, mined
from mcp_servers.logs.bulk.columns import Columns
from mcp_servers.logs.bulk.halves import read_on_two_cores
from mcp_servers.logs.bulk.portions import Target
from mcp_servers.logs.bulk.shapes import Shapes
from mcp_servers.logs.bulk.skeletons import Skeletons
from mcp_servers.logs.digest import Digest
from mcp_servers.logs.formats import Parser
from mcp_servers.logs.model import Query, Severity
from mcp_servers.logs.reading import Reader
from mcp_servers.logs.sources import Tally
from mcp_servers.logs.sources.files import MAX_LINE, Files, FilesSettings
from mcp_servers.logs.templates.masking import canonical

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
NUMBERS = st.integers(0, 10**6)
MOMENTS = st.integers(0, 7200).map(lambda seconds: NOON + timedelta(seconds=seconds, milliseconds=seconds * 7 % 1000))
WORDS = st.sampled_from(["order 7 stored", "cache miss for 3fa9c1", "user bob failed at step 12", "zwölf Bären", "done", "key=12 left="])


def iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S,") + f"{moment.microsecond // 1000:03d}"


def levelled(moment: datetime, level: str, said: str) -> list[str]:
    return [f"{iso(moment)} {level} [worker-1] com.shop.Orders: {said}"]


def pino(moment: datetime, level: int, said: str) -> list[str]:
    return [
        f'{{"level":{level},"time":{int(moment.timestamp() * 1000)},"pid":17,"service":"pay-{level}","trace_id":"9f{level:014x}","msg":"{said}"}}'
    ]


def access(moment: datetime, status: int, number: int) -> list[str]:
    return [f'10.0.0.7 - - [{moment:%d/%b/%Y:%H:%M:%S} +0000] "GET /items/{number} HTTP/1.1" {status} {number} "-" "curl/8.1"']


def syslog(moment: datetime, priority: int, number: int) -> list[str]:
    return [
        f"<{priority}>{moment:%b} {moment.day:2d} {moment:%H:%M:%S} web1 sshd[{number}]: Failed password for root from 10.0.0.7 port {number}"
    ]


def python_trace(moment: datetime, said: str, number: int) -> list[str]:
    frame = [f'  File "/app/shop.py", line {number}, in total', "    return a.b"]
    return [*levelled(moment, "ERROR", said), "Traceback (most recent call last):", *frame, f"KeyError: 'item {number}'"]


def java_trace(moment: datetime, number: int) -> list[str]:
    frames = [f"\tat com.shop.Cart.total(Cart.java:{number})", "\tat com.shop.Main.main(Main.java:3)"]
    return [
        *levelled(moment, "ERROR", "failed"),
        "java.lang.IllegalStateException: no item",
        *frames,
        "Caused by: java.io.IOException: gone",
    ]


def logfmt(moment: datetime, said: str) -> list[str]:
    return [f'time={moment.isoformat()} level=warn msg="{said}" n=1']


def escaped(said: str, number: int) -> list[str]:
    return [f'{{"message":"caf\\u00e{number} {said}","severity":"ERROR"}}']


def engine(moment: datetime, entry: list[str], stream: str) -> list[str]:
    """The engine's own file around the lines of an entry."""
    stamp = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}123Z"
    return [json.dumps({"log": f"{line}\n", "stream": stream, "time": stamp}, separators=(",", ":")) for line in entry]


def csv_row(moment: datetime, number: int, statement: list[str]) -> list[str]:
    """A row of PostgreSQL's csvlog, whose statement may go over lines."""
    head = f'{moment:%Y-%m-%d %H:%M:%S}.000 UTC,"app","shop",{number},"10.0.0.1:5432",67a1.10,1,"SELECT",2026-01-05 10:00:00 UTC,3/17,0'
    return "\n".join([f'{head},ERROR,42P01,"no item {number}",,,,,,"{chr(10).join(statement)}",15,,"psql"']).split("\n")


def batch(moment: datetime, level: int, said: list[str]) -> list[str]:
    """One line that holds several records."""
    nanoseconds = int(moment.timestamp()) * 10**9
    records = [{"timeUnixNano": str(nanoseconds), "severityNumber": level, "body": {"stringValue": one}} for one in said]
    service = {"attributes": [{"key": "service.name", "value": {"stringValue": "api"}}]}
    return [json.dumps({"resourceLogs": [{"resource": service, "scopeLogs": [{"logRecords": records}]}]})]


ENTRIES = st.one_of(
    st.builds(
        csv_row, MOMENTS, NUMBERS, st.lists(st.sampled_from(["select 1", "  from orders", "", "where id = 7", "KeyError: x"]), min_size=1)
    ),
    st.builds(batch, MOMENTS, st.sampled_from([9, 17]), st.lists(WORDS, min_size=1, max_size=3)),
    st.builds(
        engine,
        MOMENTS,
        st.one_of(
            st.builds(levelled, MOMENTS, st.sampled_from(["INFO", "ERROR"]), WORDS),
            st.builds(pino, MOMENTS, st.sampled_from([30, 50]), WORDS),
            st.builds(java_trace, MOMENTS, NUMBERS),
            st.builds(python_trace, MOMENTS, WORDS, NUMBERS),
            st.lists(WORDS, min_size=1, max_size=1),
            st.sampled_from([[""], ["\tindented 7"], ["Traceback (most recent call last):"], ["KeyError: 'x'"]]),
        ),
        st.sampled_from(["stdout", "stderr"]),
    ),
    st.builds(levelled, MOMENTS, st.sampled_from(["INFO", "WARN", "ERROR"]), WORDS),
    st.builds(pino, MOMENTS, st.sampled_from([10, 30, 40, 50, 60]), WORDS),
    st.builds(access, MOMENTS, st.sampled_from([200, 404, 500, 503]), NUMBERS),
    st.builds(syslog, MOMENTS, st.sampled_from([3, 11, 34, 165]), NUMBERS),
    st.builds(python_trace, MOMENTS, WORDS, NUMBERS),
    st.builds(java_trace, MOMENTS, NUMBERS),
    st.builds(logfmt, MOMENTS, WORDS),
    st.builds(escaped, WORDS, st.integers(0, 9)),
    st.lists(WORDS, min_size=1, max_size=1),
    st.sampled_from([[""], ["   "], ["\tindented 7"], ["{"], ["}"], ["\0\0"], ["Traceback (most recent call last):"], ["KeyError: 'x'"]]),
)
ENDS = st.sampled_from([b"\n", b"\r\n"])


@st.composite
def logs(draw: st.DrawFn) -> bytes:
    lines = [line for entry in draw(st.lists(ENTRIES, max_size=30)) for line in entry]
    text = b"".join(line.encode() + draw(ENDS) for line in lines)
    broken = draw(st.integers(0, max(len(text), 1)))
    return text[:broken] + draw(st.sampled_from([b"", b"\xff", b"\xc3"])) + text[broken:]


def reader_of(path: Path) -> Reader:
    return Reader(Project(path.parent, "shop", sources=(Source("app", "files", {"paths": [path.name]}),)))


def seen(digest: Digest, tally: Tally) -> tuple[Any, ...]:
    lines = [(one.severity, one.service, one.template.text, one.template.count, *one.span) for one in digest.lines()]
    return lines, tally.lines, tally.blank, tally.continuations, tally.filtered, tally.matched, tally.newest, tally.notes


def one_by_one(path: Path, query: Query) -> tuple[Any, ...]:
    digest, tally = Digest(), Tally()
    for record in reader_of(path).scan(None, query, tally):
        digest.add(record)
    return seen(digest, tally)


QUERIES = st.sampled_from(
    [
        Query(),
        Query(severity=Severity.ERROR),
        Query(since=NOON + timedelta(minutes=30), until=NOON + timedelta(minutes=90)),
        Query(services=("pay-30", "sshd")),
        Query(text="order"),
    ]
)


@settings(deadline=None, max_examples=60)
@given(text=logs(), query=QUERIES)
def test_blocks_of_lines_give_the_digest_that_single_records_give(text: bytes, query: Query) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "app.log"
        path.write_bytes(text)
        assert seen(*digested(reader_of(path), None, query)) == one_by_one(path, query)


def mixed(entries: int) -> str:
    lines: list[str] = []
    for number in range(entries):
        moment = NOON + timedelta(seconds=number / 10)
        lines += levelled(moment, "INFO", f"order {number} stored")
        lines += pino(moment, 30 + number % 3 * 10, f"paid {number}")
        lines += python_trace(moment, f"failed {number}", number)
        lines += access(moment, 200 + number % 2 * 300, number)
        lines += ["", "no time here"]
    return "\n".join(lines) + "\n"


@settings(deadline=None, max_examples=40)
@given(text=logs(), cuts=st.sets(st.integers(0, 120)))
def test_where_a_log_is_cut_into_blocks_does_not_matter(text: bytes, cuts: set[int]) -> None:
    lines = text.removesuffix(b"\n").split(b"\n") if text else []
    inner = sorted(cut for cut in cuts if 0 < cut < len(lines))
    whole, cut_up = (Target(Digest(), Tally()) for _ in range(2))

    for target, places in ((whole, []), (cut_up, inner)):
        columns = Columns(target.digest, lambda: Parser(NOON), NOON, target.query, target.tally)
        for start, stop in pairwise([0, *places, len(lines)] if lines else []):
            columns.take(b"\n".join(lines[start:stop]))
        columns.close()

    assert seen(cut_up.digest, cut_up.tally) == seen(whole.digest, whole.tally)


def test_a_large_file_is_the_same_when_two_processes_read_it(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text(mixed(500), "utf-8")
    whole, halved = Target(Digest(), Tally(), Query()), Target(Digest(), Tally(), Query())
    bytes_read: list[int] = []

    for target, least in ((whole, 10**9), (halved, 1)):
        source = Files("app", FilesSettings(("app.log",)), tmp_path)
        bytes_read.clear()
        source.each_part(target.query, target.tally, lambda part, t=target, n=least: read_on_two_cores(part, t, bytes_read.append, n))

    assert seen(halved.digest, halved.tally) == seen(whole.digest, whole.tally)
    assert len(list(filter(None, bytes_read))) == 2, "two halves"
    assert sum(bytes_read) == path.stat().st_size


@pytest.mark.parametrize(
    ("name", "data", "lines"),
    [
        ("empty.log", b"", 0),
        ("blank.log", b"\n" * 5_000, 5_000),
        ("one-line.log", b"x" * (10 * MAX_LINE) + b"\nnext\n", 2),
        ("unfinished.log", b"INFO a\nINFO b", 2),
        ("packed.log", gzip.compress(b"INFO a 1\nINFO a 2\n", mtime=0), 2),
        ("wide.log", "INFO a 1\nINFO a 2\n".encode("utf-16"), 2),
        ("no-repetition.log", b"".join(b"%x word%s\n" % (n * 7919, bytes([97 + n % 26, 97 + n // 26 % 26])) for n in range(5_000)), 5_000),
    ],
)
@pytest.mark.parametrize("content", [False, True])
def test_every_line_of_an_odd_file_is_counted(tmp_path: Path, name: str, data: bytes, lines: int, content: bool) -> None:
    (tmp_path / name).write_bytes(data)
    project = Project(tmp_path, "shop", sources=(Source("app", "files", {"paths": [name]}),))

    found = mined(project, content=content, assign=True)

    assert found.lines == lines == sum(template.count for template in found.templates)
    assigned = [(line, template.id) for _, line, template in found.assigned()]
    found.close()
    assert [line for line, _ in assigned] == list(range(1, lines + 1))
    assert {template for _, template in assigned} == {template.id for template in found.templates}


def test_a_file_that_is_no_text_is_a_note(tmp_path: Path) -> None:
    (tmp_path / "core").write_bytes(bytes(range(256)) * 100)

    found = mined(Project(tmp_path, "shop", sources=(Source("app", "files", {"paths": ["core"]}),)))

    assert (found.lines, found.templates) == (0, ())
    assert found.notes == ("core: not a text file; skipped.",)


HEXADECIMAL = st.text("0123456789abcdefABF", min_size=1, max_size=6)
WRITTEN = st.one_of(HEXADECIMAL, st.sampled_from(["x", "eth", "read", "0x", "-", "_", ".", ":", "é", "v"]))


@settings(deadline=None, max_examples=60)
@given(
    variants=st.lists(
        st.tuples(st.lists(WRITTEN, min_size=2, max_size=2), st.lists(WRITTEN, min_size=2, max_size=2)), min_size=1, max_size=40
    ),
    quoted=st.booleans(),
    heads=st.booleans(),
)
def test_long_lines_are_one_shape_only_where_their_canonical_forms_are_the_same(
    variants: list[tuple[list[str], list[str]]], quoted: bool, heads: bool
) -> None:
    frame = '{{"k": {}, "a": "b", "c": "d", "e": "f", "text": "{} {}"}}' if quoted else "{} went by {} and {}"
    lines = [frame.format("".join(one), "".join(two), "".join(one + two)).ljust(160, "z").encode() for one, two in variants * 40]
    firsts: list[bytes] = []

    def new(line: bytes) -> int:
        firsts.append(line)
        return len(firsts) - 1

    shapes = Shapes(new, heads=heads)
    skeletons = Skeletons(shapes.number, shapes.stretches)
    numbers = skeletons.numbers(b"\n".join(lines), lines)

    assert numbers is not None
    assert [canonical(line.decode()) for line in lines] == [canonical(firsts[number].decode()) for number in numbers]
    if heads:
        assert numbers == list(map(shapes.number, lines))


def helpers() -> list[str]:
    """The processes of ours that read the second half of a file."""
    listed = subprocess.run(["ps", "--ppid", str(os.getpid()), "-o", "args="], capture_output=True, text=True, check=False)
    return [line for line in listed.stdout.splitlines() if "bulk.halves" in line]


def test_a_reading_that_nobody_waits_for_ends_in_both_processes(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text(mixed(500), "utf-8")
    target = Target(Digest(), Tally(), Query())

    def given_up(_: int) -> None:
        raise Stopped

    source = Files("app", FilesSettings(("app.log",)), tmp_path)
    with pytest.raises(Stopped):
        source.each_part(target.query, target.tally, lambda part: read_on_two_cores(part, target, given_up, 1))

    assert not helpers()
