"""Reports of tests and coverage: the same facts out of every form, and no harm out of any."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsugi.wisdom.reading import read, walk
from kintsugi.wisdom.reports import report
from kintsugi.wisdom.reports.model import Coverage, Reached, Results, together
from mcp_servers.kit.errors import Refusal

Told = Sequence[tuple[str, str]]
LINES = {"src/a.py": ({1, 2, 5}, {3}), "src/b.py": ({1}, {2, 3})}


def junit(tests: Told) -> str:
    inner = {"passed": "", "skipped": "<skipped/>", "failed": '<failure message="no">at a.py:3</failure>'}
    cases = "".join(f"<testcase classname='m' name={quoteattr(name)} time='1'>{inner[status]}</testcase>" for name, status in tests)
    return f"<testsuites><testsuite name='s'><testsuite>{cases}</testsuite></testsuite></testsuites>"


def trx(tests: Told) -> str:
    words = {"passed": "Passed", "skipped": "NotExecuted", "failed": "Failed"}
    rows = "".join(
        f"<UnitTestResult testName={quoteattr('m::' + name)} outcome='{words[status]}' duration='00:00:01'/>" for name, status in tests
    )
    return f"<TestRun xmlns='http://microsoft.com/schemas/VisualStudio/TeamTest/2010'><Results>{rows}</Results></TestRun>"


def nunit(tests: Told) -> str:
    words = {"passed": "Passed", "skipped": "Skipped", "failed": "Failed"}
    rows = "".join(f"<test-case fullname={quoteattr('m::' + name)} result='{words[status]}' duration='1'/>" for name, status in tests)
    return f"<test-run>{rows}</test-run>"


def xunit(tests: Told) -> str:
    words = {"passed": "Pass", "skipped": "Skip", "failed": "Fail"}
    rows = "".join(
        f"<test name={quoteattr('m::' + name)} result='{words[status]}' time='1'><output>{escape(name)}</output></test>"
        for name, status in tests
    )
    return f"<assemblies><assembly><collection>{rows}</collection></assembly></assemblies>"


def pytest_json(tests: Told) -> str:
    rows = [{"nodeid": f"m.py::{name}", "outcome": status, "call": {"duration": 1, "outcome": status}} for name, status in tests]
    return json.dumps({"exitcode": 0, "summary": {}, "tests": rows})


def reportlog(tests: Told) -> str:
    rows: list[dict[str, Any]] = [{"$report_type": "SessionStart"}]
    for name, status in tests:
        rows.append(
            {
                "$report_type": "TestReport",
                "nodeid": f"m.py::{name}",
                "when": "setup",
                "outcome": "skipped" if status == "skipped" else "passed",
            }
        )
        if status != "skipped":
            rows.append({"$report_type": "TestReport", "nodeid": f"m.py::{name}", "when": "call", "outcome": status, "duration": 1})
    return "\n".join(map(json.dumps, rows))


def jest(tests: Told) -> str:
    words = {"passed": "passed", "skipped": "pending", "failed": "failed"}
    rows = [{"fullName": name, "status": words[status], "duration": 1000, "failureMessages": []} for name, status in tests]
    return json.dumps({"numTotalTests": len(rows), "testResults": [{"name": "m", "assertionResults": rows}]})


def go(tests: Told) -> str:
    words = {"passed": "pass", "skipped": "skip", "failed": "fail"}
    rows = [
        {"Action": "start", "Package": "m"},
        *({"Action": words[status], "Package": "m", "Test": name, "Elapsed": 1} for name, status in tests),
    ]
    return "\n".join(map(json.dumps, rows))


def mocha(tests: Told) -> str:
    rows = [{"fullTitle": f"m::{name}", "duration": 1000, "err": {"message": "no"} if status == "failed" else {}} for name, status in tests]
    return json.dumps(
        {"stats": {}, "tests": rows, "pending": [{"fullTitle": f"m::{name}"} for name, status in tests if status == "skipped"]}
    )


NAMES = st.text("abcdefgh_", min_size=1, max_size=8)
TESTS = st.dictionaries(NAMES, st.sampled_from(["passed", "failed", "skipped"]), min_size=1, max_size=6).map(
    lambda tests: list(tests.items())
)


@pytest.mark.parametrize("form", [junit, trx, nunit, xunit, pytest_json, reportlog, jest, go, mocha])
@given(tests=TESTS)
@settings(max_examples=5, deadline=None)
def test_every_form_of_test_results_tells_the_same(form: Any, tests: Told) -> None:
    told = report(form(tests).encode())
    assert isinstance(told, Results)
    assert {id.replace("::", "."): one.status for id, one in told.outcomes.items()} == {f"m.{name}": status for name, status in tests}


def cobertura() -> str:
    rows = "".join(
        f"<class filename='{path}'><methods><method><lines><line number='{min(hit)}' hits='1'/></lines></method></methods><lines>"
        + "".join(f"<line number='{line}' hits='{int(line in hit)}'/>" for line in hit | missed)
        + "</lines></class>"
        for path, (hit, missed) in LINES.items()
    )
    return (
        f"<?xml version='1.0'?><!DOCTYPE coverage SYSTEM 'http://cobertura.sourceforge.net/xml/coverage-04.dtd'><coverage>{rows}</coverage>"
    )


def clover() -> str:
    rows = "".join(
        f"<file name='/ci/{path}' path='{path}'>"
        + "".join(f"<line num='{line}' count='{int(line in hit)}' type='stmt'/>" for line in hit | missed)
        + "</file>"
        for path, (hit, missed) in LINES.items()
    )
    return f"<coverage><project>{rows}</project></coverage>"


def jacoco() -> str:
    files = "".join(
        f"<sourcefile name='{path[4:]}'>"
        + "".join(f"<line nr='{line}' mi='0' ci='{int(line in hit)}'/>" for line in hit | missed)
        + "</sourcefile>"
        for path, (hit, missed) in LINES.items()
    )
    return f"<!DOCTYPE report PUBLIC '-//JACOCO//DTD Report 1.1//EN' 'report.dtd'><report><package name='src'>{files}</package></report>"


def lcov() -> str:
    return "".join(
        f"TN:\nSF:{path}\n" + "".join(f"DA:{line},{int(line in hit)}\n" for line in sorted(hit | missed)) + "end_of_record\n"
        for path, (hit, missed) in LINES.items()
    )


def profile() -> str:
    return "mode: set\n" + "".join(
        f"{path}:{line}.1,{line}.20 1 {int(line in hit)}\n" for path, (hit, missed) in LINES.items() for line in hit | missed
    )


def coverage_py() -> str:
    files = {path: {"executed_lines": sorted(hit), "missing_lines": sorted(missed)} for path, (hit, missed) in LINES.items()}
    return json.dumps({"files": files, "totals": {}})


def istanbul() -> str:
    return json.dumps(
        {
            path: {
                "statementMap": {str(line): {"start": {"line": line}} for line in hit | missed},
                "s": {str(line): int(line in hit) for line in hit | missed},
            }
            for path, (hit, missed) in LINES.items()
        }
    )


def simplecov() -> str:
    counts = {path: [int(line in hit) if line in hit | missed else None for line in range(1, 6)] for path, (hit, missed) in LINES.items()}
    return json.dumps({"RSpec": {"coverage": {path: {"lines": lines} for path, lines in counts.items()}}})


@pytest.mark.parametrize("form", [cobertura, clover, jacoco, lcov, profile, coverage_py, istanbul, simplecov])
def test_every_form_of_coverage_tells_the_same_lines(form: Any) -> None:
    told = report(form().encode())
    assert isinstance(told, Coverage)
    assert {path: (set(one.hit), set(one.missed)) for path, one in told.files.items()} == LINES


def test_reports_that_know_no_lines_tell_their_counts() -> None:
    summary = report(json.dumps({"total": {"lines": {"total": 9, "covered": 5}}, "a.js": {"lines": {"total": 9, "covered": 5}}}).encode())
    llvm = {
        "type": "llvm.coverage.json.export",
        "data": [{"files": [{"filename": "a.c", "summary": {"lines": {"count": 9, "covered": 5}}}]}],
    }
    for told in (summary, report(json.dumps(llvm).encode())):
        assert isinstance(told, Coverage)
        assert (told.covered, told.total) == (5, 9)


def test_two_reports_of_one_run_count_each_line_once() -> None:
    joined = together([Coverage({"a": Reached.of({1, 2}, {3})}), Coverage({"a": Reached.of({3}, {1, 4})}), Coverage({"a": Reached(7, 9)})])
    assert (joined.covered, joined.total) == (3, 4)


def test_a_test_that_passed_and_failed_in_one_run_is_flaky_and_no_failure() -> None:
    told = report(junit([("a", "failed"), ("a", "passed"), ("b", "failed")]).encode())
    assert isinstance(told, Results)
    assert ({one.id: one.status for one in told.outcomes.values()}, len(told.failing)) == ({"m.a": "flaky", "m.b": "failed"}, 1)


BOMB = "<!DOCTYPE lolz [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'>]><testsuite><testcase name='&b;'/></testsuite>"
OUTSIDE = "<!DOCTYPE t [<!ENTITY x SYSTEM 'file:///etc/hostname'>]><testsuite><testcase name='&x;'/></testsuite>"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (BOMB, "entities"),
        (OUTSIDE, "entities"),
        ("<testsuite>" + "<a>" * 5_000, "nested"),
        ("<testsuite><testcase", "well-formed"),
        ('{"tests": [', "not JSON"),
        ("[" * 200_000, "not JSON"),
        ('{"a":' * 100_000, "not JSON"),
    ],
)
def test_what_could_blow_up_is_refused_in_a_sentence(content: str, why: str) -> None:
    with pytest.raises(Refusal, match=why):
        report(content.encode())


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["tests", "summary", "files", "totals", "testResults", "stats", "pending", "nodeid", "coverage", "total", "lines", "s", "statementMap", "type", "data"]), inner, max_size=4))  # fmt: skip


@given(content=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=50, deadline=None)
def test_whatever_a_file_holds_it_is_a_report_or_none_or_refused(content: bytes) -> None:
    for start in (b"", b"<testsuite>", b"SF:a\nDA:", b"mode: set\n"):
        try:
            told = report(start + content)
        except Refusal:
            continue
        assert told is None or isinstance(told, (Results, Coverage))


def test_files_are_read_inside_the_repository_regular_and_bounded(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    root.mkdir()
    (tmp_path / "secret.xml").write_text("<testsuite/>", "utf-8")
    (root / "link.xml").symlink_to(tmp_path / "secret.xml")
    (root / "away").symlink_to(tmp_path)
    with (root / "huge.xml").open("wb") as huge:
        huge.truncate(1 << 30)
    os.mkfifo(root / "pipe.xml")
    for name, why in {"link.xml": "cannot be read", "away/secret.xml": "outside", "huge.xml": "more than", "pipe.xml": "regular"}.items():
        with pytest.raises(Refusal, match=why):
            read(root, root / name)
    assert [path.name for path in walk(root, lambda _: True)] == ["huge.xml"]
