"""Node: the test runner that it brings along, read as TAP."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mcp_servers.fixes.toolchains import Outcomes, Toolchain, below
from mcp_servers.kit.stack import ExceptionInfo, Frame, StackTrace

_RESULT = re.compile(r"^(?P<indent> *)(?P<not>not )?ok \d+(?: - (?P<name>.*?))?(?P<aside> # (?:SKIP|TODO).*)?$")
_FRAME = re.compile(r"^\s+(?:(?:async )?(?P<function>[^\s(][^(]*?) \()?(?P<file>(?:file://)?/[^():]+):(?P<line>\d+):\d+\)?$")


def read(text: str, code: int, ran: str) -> Outcomes:
    """Every test that TAP names. What the program prints comes as comments, so it is none."""
    found: dict[str, tuple[str, StackTrace | None]] = {}
    lines = text.splitlines()
    for at, line in enumerate(lines):
        if not (result := _RESULT.match(line)) or not result["name"]:
            continue
        outcome = "skipped" if result["aside"] else "failed" if result["not"] else "passed"
        if outcome == "failed" or found.get(result["name"], ("", None))[0] != "failed":
            found[result["name"]] = (outcome, _trace(list(_block(lines, at)), ran) if outcome == "failed" else None)
    return found


def _block(lines: list[str], at: int) -> Iterator[str]:
    """What stands under a result between --- and ..."""
    if at + 1 < len(lines) and lines[at + 1].strip() == "---":
        for line in lines[at + 2 :]:
            if line.strip() == "...":
                return
            yield line


def _trace(block: list[str], ran: str) -> StackTrace | None:
    told = {key.strip(): value.strip().strip("'\"") for key, colon, value in (line.partition(":") for line in block) if colon}
    kind = told.get("name", "")
    frames = [_frame(match, ran) for line in block if (match := _FRAME.match(line))]
    if told.get("failureType") == "testTimeoutFailure" or not (kind or frames):
        return None
    return StackTrace("javascript", (ExceptionInfo(kind or "Error", told.get("error", ""), tuple(reversed(frames))),))


def _frame(match: re.Match[str], ran: str) -> Frame:
    file = below(match["file"].removeprefix("file://"))
    own = "/work/" in match["file"] and "node_modules/" not in file and file != ran
    return Frame(file, int(match["line"]), (match["function"] or "").strip(), in_app=own)


NODE = Toolchain(
    "node --test",
    "node",
    one=lambda path: ["node", "--test", "--test-reporter=tap", path],
    all=lambda paths: ["node", "--test", "--test-reporter=tap", *paths],
    read=read,
    hint="install it with `apt-get install nodejs` (20 or later)",
)
