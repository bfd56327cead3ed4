"""A physical line without what a shipper or a logger put before it: the engine's JSON, CRI, syslog, a time, a level, a thread."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

LONGEST = 16 * 1024
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_CRI = re.compile(r"\d{4}-\d\d-\d\dT\S+ (?P<stream>stdout|stderr) (?P<part>[FP])(?:$| )(?P<text>.*)", re.S)
_SYSLOG = re.compile(
    r"(?:<\d{1,3}>)?(?:[A-Z][a-z]{2} [ \d]?\d \d\d:\d\d:\d\d(?:\.\d+)? (?:(?P<host>[\w.:-]+) )?(?P<app>[\w./-]+(?:\[\d+\])?(?<!Error)(?<!Exception))"
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S* (?:(?P<node>[\w.:-]+) )?(?P<unit>[\w./-]+\[[\w.:-]+\])): ?(?P<text>.*)",
    re.S,
)
_SYSLOG_5424 = re.compile(
    r"<\d{1,3}>1 \S+ (?P<host>\S+) (?P<app>\S+) (?P<pid>\S+) \S+ (?:-|(?:\[(?:[^\]\\]|\\.)*\])+)(?: |$)(?:\ufeff)?(?P<text>.*)", re.S
)
_COMPOSE = re.compile(r"(?P<app>[A-Za-z][\w.-]*[-_]\d+)\s*\| ?(?P<text>.*)", re.S)
_LOGCAT = re.compile(
    r"(?:\d\d-\d\d \d\d:\d\d:\d\d\.\d+\s+(?P<pid>\d+)\s+(?P<tid>\d+) [VDIWEFA] (?P<tag>[\w.$-]+)\s*: ?|[VDIWEFA]/(?P<brief>[\w.$-]+)\s*\(\s*\d+\): ?)"
    r"(?P<text>.*)",
    re.S,
)
_STAMP = (
    r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,:]\d{1,9})?)?(?: ?(?:Z\b|UTC\b|GMT\b|[+-]\d\d:?\d\d\b))?"
    r"|\d\d?[-/][A-Z][a-z]{2}[-/]\d{4}[: ]\d\d:\d\d:\d\d(?:\.\d+)?(?: ?(?:UTC|[A-Z][a-z]+/[A-Z]\w+|[+-]\d{4}))?"
    r"|[A-Z][a-z]{2} \d\d?, \d{4} \d\d?:\d\d:\d\d(?: [AP]M)?|(?:[A-Z][a-z]{2} )?[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?(?: \d{4})?"
    r"|\d\d:\d\d:\d\d(?:[.,]\d+)?|\d\d\d\d:\d\d:\d\d(?:\.\d+)?"
)
_LEVEL = r"TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|ERR|CRITICAL|CRIT|FATAL|SEVERE|ALERT|EMERG"
_HEAD = re.compile(rf"[\[(]?(?:{_STAMP})(?:[^\]\[]{{0,60}}\](?=[ :]))?[\])]?[:,]?(?: |$)(?P<rest>.*)", re.S)
_GLOG = re.compile(r"[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+\s+(?P<thread>\d+) [^\]]+\] (?P<rest>.*)", re.S)
_LEVELLED = re.compile(
    rf"(?:(?:\[[^\]]{{1,60}}\]|[-|]|\d+|[\w.$/=-]{{1,80}}) +){{0,5}}?[\[(<|]?(?:{_LEVEL}|(?i:{_LEVEL})(?=[\]>|]))[\])>|:]?(?:$|[ :|-])(?P<rest>.*)",
    re.S,
)
_BARE_LEVEL = re.compile(rf"[\[(<]?(?:{_LEVEL}|(?i:{_LEVEL})(?=[\]>]))[\])>]?(?:\s*[:|-])?(?:$|[\s:])(?P<rest>.*)", re.S)
_LOGGER = re.compile(
    r"(?:(?:\[[^\]]{1,60}\]|-{1,3}|\||\d+|[a-z_$][\w$]*(?:[./][\w$]+)*(?<!Error)(?<!Exception)(?<!Throwable):|[A-Za-z_$][\w$]*(?:[./][\w$]+)+(?= [:|-] ))(?: |$)|[:|] ){1,6}"
)
_THREAD = re.compile(r"\[([^\]\d][^\]]{0,60})\]|\bthread[-= ]?(\d+)", re.I)
_LEVEL_WORD = re.compile(rf"(?:{_LEVEL})$", re.I)


@dataclass(frozen=True, slots=True)
class Line:
    """One line as its program wrote it.

    `first` and `last` are the numbers of the physical lines it took; `source` names who wrote it where the wrapper says so; `text` stands
    without the logger's head and `raw` with it; `headed` says that there was one, and `thread` whose it was.
    """

    first: int
    last: int
    raw: str
    text: str
    source: str = ""
    headed: bool = False
    thread: str = ""


def read(texts: Iterable[str], first: int = 1) -> Iterator[Line]:
    """The lines numbered from `first`; the parts of a line that CRI cut are one line."""
    held: Line | None = None
    for number, text in enumerate(texts, start=first):
        source, inner, partial = _unwrapped(_clean(text))
        if held is not None and held.source == source:
            inner, begin = held.raw + inner, held.first
        else:
            if held is not None:
                yield _headless(held)
            begin = number
        held = Line(begin, number, inner[:LONGEST], "", source)
        if not partial or len(inner) > LONGEST:
            yield _headless(held)
            held = None
    if held is not None:
        yield _headless(held)


def _clean(text: str) -> str:
    text = text.rstrip("\r\n").strip("\0")
    return _COLOUR.sub("", text) if "\x1b" in text else text


def _unwrapped(text: str) -> tuple[str, str, bool]:
    """Who wrote a line, the line, and whether it goes on in the next one."""
    first = text[:1]
    if first == "{" and '"log"' in text and (found := _docker(text)):
        return found
    if first.isdigit() and (cri := _CRI.match(text)):
        return cri["stream"], cri["text"], cri["part"] == "P"
    if first == "<" and (syslog := _SYSLOG_5424.match(text)):
        return f"{syslog['host']} {syslog['app']} {syslog['pid']}", _tabs(syslog["text"]), False
    if (first == "<" or first.isdigit() or first.isupper()) and (syslog := _SYSLOG.match(text)):
        return f"{syslog['host'] or syslog['node']} {syslog['app'] or syslog['unit']}", _tabs(syslog["text"]), False
    if first.isalpha() and (compose := _COMPOSE.match(text)):
        return compose["app"], compose["text"], False
    if cat := _LOGCAT.match(text):
        return f"{cat['pid']} {cat['tid']} {cat['tag'] or cat['brief']}", cat["text"], False
    return "", text, False


def _docker(text: str) -> tuple[str, str, bool] | None:
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    fields = cast(dict[str, Any], value) if isinstance(value, dict) else {}
    line = fields.get("log")
    if not isinstance(line, str) or not fields.keys() & {"stream", "time"}:
        return None
    return str(fields.get("stream", "")), _clean(line), not line.endswith("\n") and len(line) >= LONGEST


def _tabs(text: str) -> str:
    return text.replace("#011", "\t")


def _headless(line: Line) -> Line:
    raw = line.raw
    first = raw[:1]
    if not first:
        return line
    if first in " \t":
        return replace(line, text=raw)
    if glog := _GLOG.match(raw) if first in "IWEF" else None:
        return replace(line, text=glog["rest"], headed=True, thread=glog["thread"])
    if (first.isdigit() or first in "[(" or first.isupper()) and (head := _HEAD.match(raw)):
        levelled = _LEVELLED.match(head["rest"])
        return _parted(line, _message(levelled["rest"]) if levelled else head["rest"])
    if (first.isupper() or first in "[(<") and (bare := _BARE_LEVEL.match(raw)):
        return _parted(line, _message(bare["rest"]))
    return replace(line, text=raw)


def _parted(line: Line, text: str) -> Line:
    return replace(line, text=text, headed=True, thread=_thread(line.raw[: len(line.raw) - len(text)]))


def _message(text: str) -> str:
    """Without the thread and the logger that stand behind a level. One space parts the head from the message; more belong to it."""
    if text[:2].isspace() and text.lstrip().startswith(("at ", "File ", "#", "from ")):
        return text
    body = text.lstrip(" ") if not text.startswith("  ") else text
    found = _LOGGER.match(body)
    return body[found.end() :] if found else body


def _thread(head: str) -> str:
    for found in _THREAD.finditer(head):
        name = found[1] or found[2]
        if not _LEVEL_WORD.match(name):
            return name
    return ""
