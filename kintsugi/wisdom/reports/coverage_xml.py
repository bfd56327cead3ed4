"""Coverage in XML: Cobertura (also of coverage.py, PHPUnit, coverlet), Clover, JaCoCo."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kintsugi.wisdom.loose import whole
from kintsugi.wisdom.reports.markup import Mark
from kintsugi.wisdom.reports.model import Coverage, Reached

Lines = dict[str, tuple[set[int], set[int]]]


def cobertura(marks: Iterable[Mark]) -> Coverage:
    """`<class filename>` with `<line number hits>`; a file may have several classes. Clover has the same root: `<file>` and `<line num count>`."""
    found: Lines = {}
    here = ""
    for mark in marks:
        if mark.opens and mark.tag in {"class", "file"}:
            told = mark.attributes
            here = told.get("filename") or (told.get("path") or told.get("name", "") if mark.tag == "file" else here)
        elif mark.opens and mark.tag == "line" and here:
            told = mark.attributes
            if told.get("type") not in {"method", "cond"}:
                _note(found, here, whole(told.get("number") or told.get("num")), whole(told.get("hits") or told.get("count")))
    return covered(found)


def jacoco(marks: Iterable[Mark]) -> Coverage:
    """`<package name><sourcefile name><line nr mi ci>`: missed and covered instructions of a line."""
    found: Lines = {}
    package, here = "", ""
    for mark in marks:
        told: Mapping[str, str] = mark.attributes
        if mark.opens and mark.tag == "package":
            package = told.get("name", "")
        elif mark.opens and mark.tag == "sourcefile":
            here = f"{package}/{told.get('name', '')}".lstrip("/")
        elif mark.opens and mark.tag == "line" and here:
            _note(found, here, whole(told.get("nr")), whole(told.get("ci")))
    return covered(found)


def _note(found: Lines, path: str, line: int, hits: int) -> None:
    if line > 0:
        found.setdefault(path, (set(), set()))[0 if hits else 1].add(line)


def covered(found: Lines) -> Coverage:
    return Coverage({path: Reached.of(hit, missed) for path, (hit, missed) in found.items()})
