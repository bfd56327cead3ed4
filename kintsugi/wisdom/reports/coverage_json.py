"""Coverage in JSON: coverage.py, Istanbul (summary and full, of jest, nyc, vitest), SimpleCov, LLVM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kintsugi.wisdom.loose import listing, mapping, text, whole
from kintsugi.wisdom.reports.model import Coverage, Reached, together

Values = Mapping[str, Any]


def coverage(document: Values) -> Coverage | None:
    """The coverage that a JSON document tells, or None when it tells none that we know."""
    if "files" in document and "totals" in document:
        return Coverage({path: _python(mapping(one)) for path, one in mapping(document["files"]).items()})
    if mapping(mapping(document.get("total")).get("lines")):
        rest = {path: mapping(mapping(one).get("lines")) for path, one in document.items() if path != "total"}
        return Coverage(
            {path: _counts(one) for path, one in (rest or {"(all files)": mapping(mapping(document["total"])["lines"])}).items()}
        )
    if document and all("statementMap" in mapping(one) for one in document.values()):
        return Coverage({path: _istanbul(mapping(one)) for path, one in document.items()})
    if document and all("coverage" in mapping(one) for one in document.values()):
        return together(_ruby(mapping(mapping(one)["coverage"])) for one in document.values())
    if text(document.get("type")).startswith("llvm.coverage"):
        return _llvm(document)
    return None


def _python(one: Values) -> Reached:
    hit, missed = ([whole(line) for line in listing(one.get(name))] for name in ("executed_lines", "missing_lines"))
    return Reached.of(hit, missed)


def _counts(lines: Values, covered: str = "covered", total: str = "total") -> Reached:
    counted = whole(lines.get(total))
    return Reached(min(whole(lines.get(covered)), counted), counted)


def _istanbul(one: Values) -> Reached:
    counts = mapping(one.get("s"))
    starts = {key: whole(mapping(mapping(place).get("start")).get("line")) for key, place in mapping(one.get("statementMap")).items()}
    hit = {line for key, line in starts.items() if whole(counts.get(key))}
    return Reached.of(hit - {0}, set(starts.values()) - {0})


def _ruby(files: Values) -> Coverage:
    return Coverage({path: _counted(listing(mapping(one).get("lines")) or listing(one)) for path, one in files.items()})


def _counted(counts: list[Any]) -> Reached:
    """One count for each line; null is a line that cannot run."""
    told = [(line, count) for line, count in enumerate(counts, 1) if isinstance(count, int)]
    return Reached.of((line for line, count in told if count), (line for line, count in told if not count))


def _llvm(document: Values) -> Coverage:
    files = [mapping(file) for part in map(mapping, listing(document.get("data"))) for file in listing(part.get("files"))]
    return Coverage({text(one.get("filename")): _counts(mapping(mapping(one.get("summary")).get("lines")), total="count") for one in files})
