"""Reports of tests and of coverage, known by what they hold, whatever they are called."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, cast

from kintsugi.wisdom.loose import mapping
from kintsugi.wisdom.reports import coverage_json, coverage_text, coverage_xml, results_json, results_xml
from kintsugi.wisdom.reports.markup import Mark, marks
from kintsugi.wisdom.reports.model import Coverage, Outcome, Results, results
from mcp_servers.kit.errors import Refusal

Report = Results | Coverage

_TESTS: Mapping[str, Callable[[Iterable[Mark]], Iterator[Outcome]]] = {
    "testsuites": results_xml.junit,
    "testsuite": results_xml.junit,
    "TestRun": results_xml.trx,
    "test-run": results_xml.nunit,
    "assemblies": results_xml.xunit,
    "assembly": results_xml.xunit,
}
_COVERAGE: Mapping[str, Callable[[Iterable[Mark]], Coverage]] = {"coverage": coverage_xml.cobertura, "report": coverage_xml.jacoco}


def report(content: bytes) -> Report | None:
    """The report that a file holds, or None when it holds none; raises `Refusal` for one that is damaged or not safe to read."""
    start = content[:200].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"<"):
        return _xml(content)
    if start.startswith((b"{", b"[")):
        return _json(content.decode("utf-8-sig", "replace"))
    if start.startswith((b"SF:", b"TN:")):
        return _filled(coverage_text.lcov(content.decode("utf-8", "replace")))
    if start.startswith(b"mode: "):
        return _filled(coverage_text.go(content.decode("utf-8", "replace")))
    return None


def _xml(content: bytes) -> Report | None:
    found = marks(content)
    root = next(found, None)
    if root is not None and root.tag in _TESTS:
        return results(_TESTS[root.tag](chain([root], found)))
    if root is not None and root.tag in _COVERAGE:
        return _filled(_COVERAGE[root.tag](chain([root], found)))
    return None


def _json(content: str) -> Report | None:
    try:
        document: object = json.loads(content)
    except (ValueError, RecursionError) as error:
        rows = _rows(content)
        tests = results_json.lines(rows) if rows else None
        if tests is not None:
            return results(tests)
        raise Refusal(f"This is not JSON that can be read: {str(error)[:100]}.", code="bad_json") from error
    if not isinstance(document, dict):
        return None
    values = cast("dict[str, Any]", document)
    tests = results_json.outcomes(values)
    if tests is not None:
        return results(tests)
    told = coverage_json.coverage(values)
    return _filled(told) if told else None


def _rows(content: str) -> list[Mapping[str, Any]]:
    """The objects of a file that has one on each line; a damaged line is left out."""
    rows: list[Mapping[str, Any]] = []
    for line in content.splitlines():
        try:
            row = mapping(json.loads(line))
        except (ValueError, RecursionError):
            continue
        if row:
            rows.append(row)
    return rows if len(rows) > 1 else []


def _filled(told: Coverage) -> Coverage | None:
    """No coverage where no line was counted: a number of nothing would mislead."""
    return told if told.total else None
