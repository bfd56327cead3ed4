from __future__ import annotations

import gzip
import io
import os
import sys
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from threading import Event

import pytest

from mcp_servers.kit.errors import Misconfigured, Refusal
from mcp_servers.kit.project import Source
from mcp_servers.logs.model import LogRecord, Query, Severity
from mcp_servers.logs.sources import LogSource, Tally, open_source, read
from mcp_servers.logs.sources.files import MAX_LINE

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def files(root: Path, *paths: str, **settings: object) -> LogSource:
    return open_source(Source("app", "files", {"paths": list(paths), **settings}), root)


def bodies(root: Path, *paths: str, **settings: object) -> list[str]:
    return [record.body for record in read(files(root, *paths, **settings), Query()).records]


def test_a_plain_file_is_read_with_origins(tmp_path: Path) -> None:
    (tmp_path / "api.log").write_text("2026-11-20 10:15:00 INFO one\n2026-11-20 10:15:01 ERROR two\n", "utf-8")

    reading = read(files(tmp_path, "api.log"), Query())

    assert [(record.body, record.origin, record.service) for record in reading.records] == [
        ("one", "api.log:1", "api"),
        ("two", "api.log:2", "api"),
    ]
    assert reading.lines == 2
    assert not reading.cut


def test_folders_globs_and_archives_are_one_source(tmp_path: Path) -> None:
    (tmp_path / "logs" / "deep").mkdir(parents=True)
    (tmp_path / "logs" / "api.log").write_text("2026-11-20 10:15:02 three\n", "utf-8")
    (tmp_path / "logs" / "deep" / "api.log").write_text("2026-11-20 10:15:01 two\n", "utf-8")
    (tmp_path / "logs" / "api.log.1.gz").write_bytes(gzip.compress(b"2026-11-20 10:15:00 one\n"))

    assert bodies(tmp_path, "logs") == ["one", "two", "three"]
    assert bodies(tmp_path, "logs/**/*.log") == ["two", "three"]
    assert bodies(tmp_path, "logs/api.log", "logs/*.log") == ["three"]


def test_every_line_is_accounted_for(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(
        "2026-11-20 10:15:00 ERROR bad\n  more\n\n{broken json\n2026-11-20 10:16:00 INFO good\nlast without end", "utf-8"
    )
    tally = Tally()

    records = list(files(tmp_path, "a.log").scan(Query(severity=Severity.ERROR), tally))

    assert [record.body for record in records] == ["bad\n  more"]
    assert (tally.lines, tally.blank, tally.continuations, tally.filtered, tally.matched) == (6, 1, 1, 3, 1)


def test_a_broken_json_line_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text('{"msg": "one"}\n{"msg": "tw\n{"msg": "three"}\n', "utf-8")

    assert bodies(tmp_path, "a.log") == ["one", '{"msg": "tw', "three"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("grüße\n".encode(), "grüße"),
        ("grüße\n".encode("utf-8-sig"), "grüße"),
        ("grüße\r\n".encode("utf-16"), "grüße"),
        ("gr\xfc\xdfe\n".encode("latin-1"), "grüße"),
        ("grüße ".encode() + b"\xff\n", "grüße \ufffd"),
        (b"\0\0\0\0\0\0after a hole\n", "after a hole"),
    ],
)
def test_encodings_are_told_from_the_bytes(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "a.log").write_bytes(content)

    assert bodies(tmp_path, "a.log") == [expected]


def test_an_encoding_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes("žluť\n".encode("cp1250"))

    assert bodies(tmp_path, "a.log", encoding="cp1250") == ["žluť"]
    with pytest.raises(Misconfigured, match="unknown encoding: klingon"):
        files(tmp_path, "a.log", encoding="klingon")


def test_binaries_are_skipped_with_a_note(tmp_path: Path) -> None:
    (tmp_path / "core").write_bytes(b"\x7fELF\0\1\2\0\0\3")
    (tmp_path / "a.log").write_text("one\n", "utf-8")

    reading = read(files(tmp_path, "."), Query())

    assert [record.body for record in reading.records] == ["one"]
    assert reading.notes == ("core: not a text file; skipped.",)


def test_a_damaged_archive_gives_what_it_holds_and_a_note(tmp_path: Path) -> None:
    whole = gzip.compress(b"".join(b"%d %s\n" % (number, os.urandom(20).hex().encode()) for number in range(9_000)))
    (tmp_path / "a.log.gz").write_bytes(whole[: len(whole) // 2])

    reading = read(files(tmp_path, "a.log.gz"), Query())

    assert 1_000 < reading.lines < 9_000
    assert "the archive is damaged" in reading.notes[0]


def test_a_line_of_ten_megabytes_is_bounded_and_said(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"x" * 10_000_000 + b"\nnext\n")

    reading = read(files(tmp_path, "a.log"), Query())

    assert [len(record.body) for record in reading.records] == [MAX_LINE, 4]
    assert reading.lines == 2
    assert "1 line(s) longer than" in reading.notes[0]


def test_the_newest_records_are_kept_and_the_cut_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("".join(f"2026-11-20 10:{n // 60:02}:{n % 60:02} n{n}\n" for n in range(3_000)), "utf-8")

    reading = read(files(tmp_path, "a.log"), Query(limit=2))

    assert [record.body for record in reading.records] == ["n2998", "n2999"]
    assert reading.cut
    assert reading.lines == 3_000


def test_files_untouched_since_before_the_window_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "old.log").write_text("old\n", "utf-8")
    os.utime(tmp_path / "old.log", (1_000_000_000, 1_000_000_000))

    reading = read(files(tmp_path, "old.log"), Query(since=LONG_AGO + timedelta(days=3650)))

    assert reading.records == ()
    assert "before the window" in reading.notes[0]


def test_queries_choose_by_text_service_severity_and_time(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(
        '{"ts": "2026-11-20T10:00:00Z", "level": "error", "msg": "Boom", "service": "api", "trace_id": "t1"}\n'
        '{"ts": "2026-11-20T10:00:01Z", "level": "info", "msg": "fine", "service": "web", "url": {"path": "/x"}}\n',
        "utf-8",
    )

    def asked(query: Query) -> list[str]:
        return [record.body for record in read(files(tmp_path, "a.log"), query).records]

    assert asked(Query(text="boom")) == ["Boom"]
    assert asked(Query(text="t1")) == ["Boom"]
    assert asked(Query(text="/x")) == ["fine"]
    assert asked(Query(services=("web",))) == ["fine"]
    assert asked(Query(severity=Severity.WARN)) == ["Boom"]
    assert asked(Query(until=datetime(2026, 11, 20, 10, 0, 1, tzinfo=UTC))) == ["Boom"]


def test_standard_input_is_a_dash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"one\ntwo\n")))

    reading = read(files(tmp_path, "-"), Query())

    assert [(record.body, record.origin) for record in reading.records] == [("one", "stdin:1"), ("two", "stdin:2")]


def test_a_missing_file_is_a_sentence_and_an_empty_glob_is_not(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"There is no file or folder 'nope\.log'"):
        read(files(tmp_path, "nope.log"), Query())
    assert bodies(tmp_path, "*.log") == []


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"path": ["a"]}, r"unknown key 'path'; did you mean 'paths'\?"),
        ({"paths": 3}, r"paths must be a text or a list of texts"),
        ({"paths": ["a"], "service": 1}, r"service must be a text"),
        ({}, r"needs the key 'paths'"),
    ],
)
def test_settings_are_checked_with_a_hint(tmp_path: Path, settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(Misconfigured, match=sentence):
        open_source(Source("app", "files", settings), tmp_path)


def test_an_unknown_type_of_source_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"no log source named 'file'; did you mean 'files'\?"):
        open_source(Source("app", "file", {}), tmp_path)


# --- following ---


def append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def taken(records: object, count: int) -> list[str]:
    return [record.body for record in islice(records, count) if isinstance(record, LogRecord)]  # type: ignore[call-overload]


def test_rotation_by_rename_loses_and_repeats_nothing(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    append(log, "one\n")
    stop = Event()
    records = files(tmp_path, "*.log*").follow(stop, since=LONG_AGO)
    assert taken(records, 1) == ["one"]

    append(log, "two\n")
    log.rename(tmp_path / "a.log.1")
    append(log, "four\n")
    append(tmp_path / "a.log.1", "three\n")  # the writer has not noticed yet

    assert sorted(taken(records, 3)) == ["four", "three", "two"]
    stop.set()
    assert list(records) == []


def test_rotation_by_copy_and_truncate_loses_and_repeats_nothing(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    append(log, "the first line\n")
    stop = Event()
    records = files(tmp_path, "*.log*").follow(stop, since=LONG_AGO)
    assert taken(records, 1) == ["the first line"]

    (tmp_path / "a.log.1").write_bytes(log.read_bytes())
    log.write_text("the other line, longer than the first\n", "utf-8")

    assert taken(records, 1) == ["the other line, longer than the first"]
    stop.set()
    assert list(records) == []


def test_a_partial_line_is_held_until_its_end_is_written(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    append(log, "zero\nhal")
    stop = Event()
    records = files(tmp_path, "a.log").follow(stop, since=LONG_AGO)
    assert taken(records, 1) == ["zero"]

    append(log, "f\n")
    assert taken(records, 1) == ["half"]

    append(log, "never ended")
    stop.set()
    assert [record.body for record in records] == ["never ended"]


def test_what_was_there_before_is_not_followed_without_a_beginning(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    append(log, "old\n")
    stop = Event()
    records = files(tmp_path, "a.log", "b.log").follow(stop)
    stop_at_once = Event()
    stop_at_once.set()
    assert list(files(tmp_path, "a.log").follow(stop_at_once)) == []

    (tmp_path / "b.log").write_text("new file\n", "utf-8")
    assert "old" not in taken(records, 1)
    stop.set()
    assert list(records) == []


def test_a_file_in_utf_16_is_followed(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes("eins\nzwei ü\n".encode("utf-16"))
    stop = Event()
    stop.set()

    assert [record.body for record in files(tmp_path, "a.log").follow(stop, since=LONG_AGO)] == ["eins", "zwei ü"]


def test_a_source_that_is_read_again_sees_each_record_once_while_the_file_grows(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    source = files(tmp_path, "api.log")
    seen: list[list[str]] = []
    steps = [
        "2026-11-20 10:15:00 INFO one\n2026-11-20 10:15:01 ERROR two",
        " and more\n  with a second line\n",
        "2026-11-20 10:15:02 INFO three\n",
    ]
    for step in steps:
        with log.open("a", encoding="utf-8") as out:
            out.write(step)
        seen.append([record.body for record in read(source, Query()).records])
    assert seen[0] == ["one", "two"]
    assert seen[1] == ["one", "two and more\n  with a second line"]
    assert seen[2] == ["one", "two and more\n  with a second line", "three"]


def test_a_source_that_is_read_again_forgets_a_file_that_was_replaced_or_cut(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    source = files(tmp_path, "api.log")
    log.write_text("2026-11-20 10:15:00 INFO one\n2026-11-20 10:15:01 INFO two\n", "utf-8")
    assert len(read(source, Query()).records) == 2
    log.write_text("2026-11-20 10:16:00 INFO new\n", "utf-8")
    assert [record.body for record in read(source, Query()).records] == ["new"]
    log.rename(tmp_path / "api.log.1")
    log.write_text("2026-11-20 10:17:00 INFO newer\n2026-11-20 10:17:00 INFO newest\n2026-11-20 10:17:01 INFO last\n", "utf-8")
    assert [record.body for record in read(source, Query()).records] == ["newer", "newest", "last"]
