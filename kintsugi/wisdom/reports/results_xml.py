"""Test results in XML: JUnit and its relatives (surefire, pytest, jest, PHPUnit, gtest), TRX, NUnit 3, xUnit.net."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from kintsugi.wisdom.loose import number
from kintsugi.wisdom.reports.markup import Mark
from kintsugi.wisdom.reports.model import Outcome

_BAD = {"failure": "failed", "error": "error", "skipped": "skipped", "flakyFailure": "flaky", "flakyError": "flaky", "rerunFailure": ""}
_ENDS: Mapping[str, str] = {
    "passed": "passed",
    "pass": "passed",
    "warning": "passed",
    "failed": "failed",
    "fail": "failed",
    "timeout": "error",
    "aborted": "error",
    "error": "error",
}


def junit(marks: Iterable[Mark]) -> Iterator[Outcome]:
    """`<testcase classname name time file>` with `<failure>`, `<error>` or `<skipped>` inside."""
    case, status, told, message = dict[str, str](), "passed", "", ""
    for mark in marks:
        if mark.tag == "testcase" and mark.opens:
            case, status, told = dict(mark.attributes), "passed", ""
        elif mark.tag == "testcase":
            name = "::".join(part for part in (case.get("classname", ""), case.get("name", "")) if part)
            yield Outcome(_named(name), status, number(case.get("time", "").replace(",", "")), told, case.get("file", ""))
        elif mark.tag in _BAD and mark.opens:
            message = mark.attributes.get("message", "")
        elif _BAD.get(mark.tag):
            status = _BAD[mark.tag] if status in {"passed", "skipped"} else status
            told = told or f"{message}\n{mark.text}".strip()


def _flat(tag: str, name: str, ended: str, lasted: str) -> Callable[[Iterable[Mark]], Iterator[Outcome]]:
    """A reader of a form that says how a test ended in an attribute; `message` and stack trace are texts inside."""

    def read(marks: Iterable[Mark]) -> Iterator[Outcome]:
        test, told = dict[str, str](), list[str]()
        for mark in marks:
            if mark.tag == tag and mark.opens:
                test, told = dict(mark.attributes), []
            elif mark.tag == tag:
                status = _ENDS.get(test.get(ended, "").lower(), "skipped")
                seconds = number(test.get(lasted)) or _clock(test.get(lasted, ""))
                yield Outcome(_named(test.get(name, "")), status, seconds, "\n".join(told))
            elif not mark.opens and mark.tag.lower() in {"message", "stacktrace", "stack-trace"}:
                told.append(mark.text.strip())

    return read


trx = _flat("UnitTestResult", "testName", "outcome", "duration")
nunit = _flat("test-case", "fullname", "result", "duration")
xunit = _flat("test", "name", "result", "time")


def _clock(text: str) -> float:
    """Seconds of `hh:mm:ss.fff`; 0 for anything else."""
    parts = text.split(":")
    return sum(number(part) * factor for part, factor in zip(parts, (3600, 60, 1), strict=False)) if len(parts) == 3 else 0.0


def _named(name: str) -> str:
    return identity(name) or "a test without a name"


def identity(name: str) -> str:
    """One name for a test, whichever report tells of it: `tests/test_a.py::test_b` and `tests.test_a::test_b` are the same."""
    head, bracket, parameters = name[:500].partition("[")
    plain = head.replace(".py::", "::").replace("::", ".").replace("/", ".").replace("\\", ".")
    return plain + bracket + parameters
