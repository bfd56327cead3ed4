"""How lines look that begin an entry, go on with one, or open one that others belong to."""

from __future__ import annotations

import re

from mcp_servers.logs.carriers import announced, carried
from mcp_servers.logs.formats.severities import UPPER
from mcp_servers.logs.times.layouts import STAMP

PROBE = 512
"""How much of a line is looked at."""
COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
HEAD = re.compile(
    rf"[\[<(]?(?:{STAMP}|<\d{{1,3}}>|[EWIF]\d{{4}} \d\d:\d\d:)"
    rf"|\[?(?:{UPPER})\b|[DIWEFA], \[\d{{4}}-|(?:trce|dbug|info|warn|fail|crit): [\w.]+\[\d+\]|# (?:Time: |User@Host: )|__CURSOR=",
    re.ASCII,
)
TRACEBACK = re.compile(r"\s{0,40}(?:[+|] ?){0,9}\s{0,40}(?:Exception Group )?Traceback \(most recent call last\):")
ENDED = re.compile(  # what a runtime prints of an error that nobody caught: no logger wrote the line before it
    r"Exception in thread \"|Unhandled (?:[Ee]xception[.:]|rejection)|Uncaught |thread '[^'\n]{0,200}' (?:\(\d{1,20}\) )?panicked at "
)
CALM = re.compile(r"\b(?:TRACE|DEBUG|INFO|NOTICE|trace|debug|info|notice)\b")
TRACEBACK_IN = "Traceback (most recent call last):"
CHAIN = re.compile(r"(?:During handling of the above exception|The above exception was the direct cause)")
EXCEPTION = re.compile(
    r"(?:Exception in thread \"|Unhandled exception|Uncaught |PHP (?:Fatal|Parse) error:|thread '[^']*' (?:\(\d+\) )?panicked at |panic: |fatal error: |goroutine \d+ \[)"
    r"|[A-Za-z_][\w.$]{0,200}(?:Exception|Error|Throwable|Interrupt|Exit|Warning|Group|Failure|Fault)\b|[a-z_]\w{0,80}(?:\.\w{1,80}){1,12}(?::|$)"
)
FRAME = re.compile(
    r"\s{0,60}(?:[|+] ?){0,9}\s{0,60}(?:File \".{1,400}\", line \d+|at \S.{0,400}[()\[:]|Caused by: |Suppressed: |\.\.\. \d+ (?:more|common frames)|#\d+ {1,6}\S"
    r"|from \S{1,300}:\d+:in |\[previous error\]|--- End of |\d+: +[\w<{]\S{0,300}$|created by \S)"
)
BEHIND = re.compile(
    r"(?:Caused by:|Suppressed:|\.\.\. \d+ (?:more|common frames)|at \S.*[()\[:]|#\d+ {1,6}\S|Stack trace:|stack backtrace:|note: run with `RUST|goroutine \d+ \["
    r"|created by \S|\[signal |exit status \d|<asynchronous suspension>|PHP +\d+\. |\[stacktrace\]|\[previous exception\]|Stack trace - most recent)"
)
GO_FRAME = re.compile(r"[\w./*()\[\]{}-]{1,400}\(.{0,400}\)$|[\w./-]{1,400}\.\(?\*?\w")
GO = re.compile(r"(?:panic: |fatal error: |goroutine \d+ \[)")
UTILITY = re.compile(r"(?:SEVERE|WARNING|INFO|CONFIG|FINE|FINER|FINEST): ")
UTILITY_HEAD = re.compile(r"[A-Z][a-z]{2} \d{1,2}, \d{4} \d{1,2}:\d\d:\d\d [AP]M \S+ \S+\s*$")
THREAD = re.compile(r"[\[(]([^\[\]()]{1,80})[\])]")
LEVEL = re.compile(rf"(?:{UPPER})|\d{{4}}-\d\d.*", re.I)
PREFIXED = re.compile(r"[A-Za-z][\w.-]{0,80}[-_]\d+\s{1,40}\| |\[pod/")
OPENED = ('{"log":', '{"resourceLogs"', '{"logEvents"')
BLOCKS = ("# Time: ", "# User@Host: ", "__CURSOR=")
CSV = re.compile(rf'(?:{STAMP})[^,"\n]{{0,12}},(?:"[^"\n]*")?,(?:"[^"\n]*")?,\d*,')
"""PostgreSQL's csvlog: moment, user, database, process. A statement in it may hold line breaks."""


def may_resume(text: str) -> bool:
    """Whether a line may go on with a trace that another entry has interrupted."""
    probe = COLOUR.sub("", text)
    return bool(probe) and not HEAD.match(probe) and bool(FRAME.match(probe) or closes(probe))


def names_nobody(text: str) -> bool:
    """Whether a line neither begins an entry nor names a writer: that it goes on with the entry before depends on no name."""
    probe = COLOUR.sub("", text)
    return not HEAD.match(probe) and carried(probe) is None and not announced(probe)


def closes(probe: str) -> bool:
    return not probe[0].isspace() and EXCEPTION.match(probe) is not None


def stands_alone(text: str) -> bool:
    """Whether a line surely begins an entry and opens no trace; False also where that takes a longer look."""
    first = text[0]
    if first == "{":
        return not text.startswith(OPENED) or _alone_behind_engine(text)
    if first in " \t}#_" or "\x1b" in text:
        return False
    if not HEAD.match(text):
        return not (EXCEPTION.match(text) or TRACEBACK_IN in text or PREFIXED.match(text))
    if opens_quote(text) or ":  " in text[:300] or TRACEBACK_IN in text[:PROBE] or UTILITY.match(text):
        return False
    behind = carried(text) if "]: " in text[:200] or " std" in text[:48] or text[2:3] == "-" else None
    return behind is None or not (behind.part or behind.text[:1].isspace() or EXCEPTION.match(behind.text))


def _alone_behind_engine(text: str) -> bool:
    """Whether a line of the engine's own file holds a whole line that has a head, or an object."""
    behind = carried(text) if text.startswith('{"log":"') else None
    if behind is None or behind.part or not (behind.text.startswith("{") or HEAD.match(behind.text)):
        return False
    return not (EXCEPTION.match(behind.text) or TRACEBACK_IN in behind.text[:PROBE])


def opens_quote(text: str) -> bool:
    """Whether a row of values ends within quotes, so that the lines behind it belong to it."""
    return '",' in text[:160] and text.count('"') % 2 == 1 and CSV.match(text) is not None


def thread_of(head: str) -> str:
    """The first thing in brackets that is neither a level nor a moment."""
    return next((name for name in THREAD.findall(head[:PROBE]) if not LEVEL.fullmatch(name.strip())), "")
