"""Test results in JSON: pytest (json-report and reportlog), jest and vitest, mocha, go test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from kintsugi.wisdom.loose import listing, mapping, number, text
from kintsugi.wisdom.reports.model import Outcome
from kintsugi.wisdom.reports.results_xml import identity

Values = Mapping[str, Any]

_WORDS: Mapping[str, str] = {
    "passed": "passed",
    "xpassed": "passed",
    "pass": "passed",
    "failed": "failed",
    "fail": "failed",
    "error": "error",
}


def outcomes(document: Values) -> Iterable[Outcome] | None:
    """The tests of one JSON document, or None when it holds none that we know."""
    if "testResults" in document:
        return _jest(document)
    if isinstance(document.get("stats"), Mapping) and "tests" in document:
        return _mocha(document)
    if "tests" in document and ("summary" in document or "exitcode" in document):
        return _pytest(document)
    return None


def lines(rows: Sequence[Values]) -> Iterable[Outcome] | None:
    """The tests of a report that has one JSON object on each line, or None."""
    if any("$report_type" in row for row in rows[:50]):
        return _reportlog(rows)
    if any("Action" in row and "Package" in row for row in rows[:50]):
        return _go(rows)
    return None


def _pytest(document: Values) -> Iterator[Outcome]:
    for test in map(mapping, listing(document["tests"])):
        phases = [mapping(test.get(phase)) for phase in ("setup", "call", "teardown")]
        told = "\n".join(text(phase.get("longrepr")) for phase in phases if phase.get("outcome") in {"failed", "error"})
        id = text(test.get("nodeid"))
        yield Outcome(
            identity(id), _word(test.get("outcome")), sum(number(one.get("duration")) for one in phases), told, id.partition("::")[0]
        )


def _reportlog(rows: Iterable[Values]) -> Iterator[Outcome]:
    """A test has a row for each phase: a bad one counts as it is, of the good ones that of the call (a skipped test has none)."""
    for row in rows:
        if row.get("$report_type") != "TestReport":
            continue
        word, id = _word(row.get("outcome")), text(row.get("nodeid"))
        if row.get("when") == "call" or word != "passed":
            failed_outside = word == "failed" and row.get("when") != "call"
            told = text(row.get("longrepr")) or text(mapping(mapping(row.get("longrepr")).get("reprcrash")).get("message"))
            yield Outcome(identity(id), "error" if failed_outside else word, number(row.get("duration")), told, id.partition("::")[0])


def _jest(document: Values) -> Iterator[Outcome]:
    for suite in map(mapping, listing(document["testResults"])):
        file = text(suite.get("name"))
        tests = [mapping(test) for test in listing(suite.get("assertionResults"))]
        if not tests and suite.get("status") == "failed":
            yield Outcome(file, "error", 0.0, text(suite.get("message")), file)
        for test in tests:
            name = text(test.get("fullName")) or text(test.get("title"))
            told = "\n".join(map(text, listing(test.get("failureMessages"))))
            yield Outcome(f"{file}::{name}", _word(test.get("status")), number(test.get("duration")) / 1000, told, file)


def _mocha(document: Values) -> Iterator[Outcome]:
    pending = {text(mapping(test).get("fullTitle")) for test in listing(document.get("pending"))}
    for test in map(mapping, listing(document["tests"])):
        name, error = text(test.get("fullTitle")), mapping(test.get("err"))
        status = "skipped" if name in pending else "failed" if error else "passed"
        told = f"{text(error.get('message'))}\n{text(error.get('stack'))}".strip()
        yield Outcome(name, status, number(test.get("duration")) / 1000, told, text(test.get("file")))


def _go(rows: Iterable[Values]) -> Iterator[Outcome]:
    said: dict[str, str] = {}
    for row in rows:
        test, action = text(row.get("Test")), text(row.get("Action"))
        id = f"{text(row.get('Package'))}::{test}"
        if test and action == "output":
            said[id] = (said.get(id, "") + text(row.get("Output")))[:20_000]
        elif test and action in {"pass", "fail", "skip"}:
            yield Outcome(id, _word(action), number(row.get("Elapsed")), said.get(id, "") if action == "fail" else "")


def _word(value: object) -> str:
    return _WORDS.get(text(value).lower(), "skipped")
