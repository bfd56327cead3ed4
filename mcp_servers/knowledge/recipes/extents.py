"""Where a function begins and ends, in any language that is indented as its people indent it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mcp_servers.kit.redaction import MASK, clean
from mcp_servers.knowledge.recipes.failures import Site

_DEFINES = r"(?:\b(?:def|func|function|fn|fun|sub)\b[^\n]*)"


@dataclass(frozen=True, slots=True)
class Extent:
    """Characters `start:end` hold the function whose line `line` (from 1) the trace names; `name` is empty for the body of a file."""

    start: int
    end: int
    line: int
    name: str = ""


def extent(text: str, site: Site) -> Extent | None:
    """The function that a frame stands in, also where lines have moved since; the whole file for a frame of none; None when it is not there."""
    lines = text.split("\n")
    line = _line(lines, site)
    if not line:
        return None
    name = site.function if re.fullmatch(r"\w+", site.function) else ""
    header = _header(lines, line, name) if name else 0
    starts = [0]
    for each in lines:
        starts.append(starts[-1] + len(each) + 1)
    if not header:
        return Extent(0, len(text), line)
    return Extent(starts[header - 1], min(starts[_end(lines, header)], len(text)), line, name)


def header_of(text: str, found: Extent) -> str:
    """The line that opens the function."""
    return text[found.start : found.end].partition("\n")[0] if found.name else ""


def _line(lines: list[str], site: Site) -> int:
    if 0 < site.line <= len(lines) and (not site.code or _says(lines[site.line - 1], site.code)):
        return site.line
    same = [number for number, line in enumerate(lines, 1) if site.code and _says(line, site.code)]
    return min(same, key=lambda number: abs(number - site.line), default=0)


def _says(line: str, code: str) -> bool:
    """Whether a line of the repository is the one that a trace shows; traces are stored without what looks like a credential."""
    return line.strip() == code or (MASK in code and clean(line.strip()) == code)


def _header(lines: list[str], line: int, name: str) -> int:
    """The line above, less indented, that names the function and opens it."""
    if re.search(rf"{_DEFINES}\b{name}\b", lines[line - 1]):
        return line
    least = _indent(lines[line - 1])
    for number in range(line - 1, 0, -1):
        text = lines[number - 1]
        if not text.strip() or (_indent(text) >= least and _indent(text)):
            continue
        if _indent(text) < least or not _indent(text):
            if re.search(rf"\b{name}\b\s*(?:[(=:]|<)", text) or re.search(rf"{_DEFINES}\b{name}\b", text):
                return number
            if not text.lstrip().startswith((")", "}", "]")):
                least = min(least, _indent(text))
    return 0


def _end(lines: list[str], header: int) -> int:
    base, last = _indent(lines[header - 1]), header
    for number in range(header + 1, len(lines) + 1):
        text = lines[number - 1]
        if text.strip() and _indent(text) <= base and not text.lstrip().startswith((")", "}", "]")):
            break
        if text.strip():
            last = number
    return last


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
