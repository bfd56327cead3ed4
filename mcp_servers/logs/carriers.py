"""What stands in front of every physical line where a log travels: who wrote it, and the line itself."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

_HEADER = 512
_MONTH = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_ISO = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"
_PREFIX = re.compile(
    rf"(?:<\d{{1,3}}>)?(?:(?:(?:{_MONTH}) [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?|{_ISO}) (?P<app>\S+ [^\s:\[]+\[\d+\]): ?"
    rf"|{_ISO} (?P<stream>stdout|stderr) (?P<part>[FP])(?::\S+)? ?"
    r"|\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\s+(?P<tag>\d+\s+\d+ [VDIWEFA] [^:]*?)\s*: ?"
    r"|(?P<name>[A-Za-z][\w.-]*[-_]\d+\s+\||\[pod/[\w./-]+\]) )"
)
_POSTGRES = re.compile(
    r"[^:]{0,40}\d\d:\d\d:\d\d[^\[]{0,24}\[(?P<pid>\d+)[\]-].{0,160}?(?P<label>DETAIL|HINT|STATEMENT|CONTEXT|QUERY|LOCATION):  ", re.S
)
_POSTGRES_HEAD = re.compile(r"[^:]{0,40}\d\d:\d\d:\d\d[^\[]{0,24}\[(?P<pid>\d+)[\]-]")
_ENGINE = re.compile(r'\{"log":"(?P<start>(?:\\[tnu]|[^\\"]){0,2}.{0,40})')
_UNSUITED = re.compile(r'[{"]')


@dataclass(frozen=True, slots=True)
class Carried:
    """One physical line: `channel` names its writer ("" where the line does not say), `part` says that the next piece belongs to it without a newline."""

    channel: str
    text: str
    part: bool = False


def carried(text: str) -> Carried | None:
    """The line behind its carrier's prefix (syslog, container runtime, logcat, compose, kubectl, the engine's own JSON); None where there is none."""
    if text.startswith('{"log":"'):
        return _of_engine(text)
    found = _PREFIX.match(text, 0, _HEADER)
    if not found:
        return None
    channel = found["app"] or found["stream"] or found["tag"] or found["name"]
    return Carried(channel, text[found.end() :], found["part"] == "P")


def announced(text: str) -> tuple[str, str] | None:
    """The process and the text of a line that PostgreSQL writes behind an error (DETAIL, HINT, STATEMENT …)."""
    if ":  " in text[:300] and (found := _POSTGRES.match(text, 0, _HEADER)):
        return found["pid"], text[found.start("label") :]
    return None


def process_of(text: str) -> str:
    """The process that PostgreSQL's prefix names, else nothing."""
    found = _POSTGRES_HEAD.match(text, 0, _HEADER)
    return found["pid"] if found else ""


def rejoined(lines: Sequence[str], more: Sequence[str]) -> str:
    """The engine's record of the first line around the text of all of them."""
    value = _record(lines[0]) or {}
    value["log"] = str(value.get("log", "")).removesuffix("\n") + "".join(more)
    return json.dumps(value, ensure_ascii=False)


def _of_engine(text: str) -> Carried | None:
    value = _record(text)
    if value is None or not isinstance(value.get("log"), str) or "stream" not in value:
        return None
    line: str = value["log"]
    return Carried(f"engine {value['stream']}", line.removesuffix("\n").removesuffix("\r"), not line.endswith("\n"))


def _record(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return cast(dict[str, Any], value) if isinstance(value, dict) else None
