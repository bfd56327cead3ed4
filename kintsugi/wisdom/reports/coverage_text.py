"""Coverage as lines of text: lcov tracefiles and Go's cover profiles."""

from __future__ import annotations

import re

from kintsugi.wisdom.loose import whole
from kintsugi.wisdom.reports.coverage_xml import Lines, covered
from kintsugi.wisdom.reports.model import Coverage

_BLOCK = re.compile(r"(.+):(\d{1,7})\.\d+,(\d{1,7})\.\d+ \d+ (\d+)")
_LONGEST_BLOCK = 5_000


def lcov(content: str) -> Coverage:
    """`SF:path`, then `DA:line,count` for each line."""
    found: Lines = {}
    here = ""
    for line in content.splitlines():
        if line.startswith("SF:"):
            here = line[3:].strip()
            found.setdefault(here, (set(), set()))
        elif line.startswith("DA:") and here:
            number, _, count = line[3:].partition(",")
            if at := whole(number):
                found[here][0 if whole(count.partition(",")[0]) else 1].add(at)
    return covered(found)


def go(content: str) -> Coverage:
    """`path:line.column,line.column statements count`, after `mode:`."""
    found: Lines = {}
    for match in filter(None, map(_BLOCK.fullmatch, content.splitlines())):
        first, last = int(match[2]), int(match[3])
        span = range(first, min(last, first + _LONGEST_BLOCK) + 1)
        found.setdefault(match[1], (set(), set()))[0 if int(match[4][:9]) else 1].update(span)
    return covered(found)
