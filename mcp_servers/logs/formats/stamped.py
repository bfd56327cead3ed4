"""Lines that begin with a moment: the header is read item by item (process, thread, level, logger), whatever their order."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from typing import Any

from mcp_servers.logs.formats.access import after_moment, in_message
from mcp_servers.logs.formats.fields import HEADER, Fields, told
from mcp_servers.logs.formats.severities import LETTERS, UPPER, of_plain
from mcp_servers.logs.formats.syslog import of_host_and_app
from mcp_servers.logs.times.layouts import MONTHS, STAMP

Inner = Callable[[str], Fields]

_OPENING = re.compile(rf"(?P<open>[\[(]?)(?P<time>{STAMP})", re.ASCII)
_CLOSING = re.compile(r"[\])]?[:,;]?(?=[\s|\[(<]|$)|[\])]:?")
_LEVEL = rf"(?P<level>{UPPER}|(?i:{UPPER}|NOTE|SYSTEM|INFORMATION|DBUG|FAIL|TRCE|EROR)(?=\s*[\])>|:,/]|\t|  ))"
_DIRECT = re.compile(rf"\s*(?:[-|,:]\s*)?[\[(<|]?\s?{_LEVEL}(?=[\s\-|:\])>(\[/,]|$)")
_NESTED = r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]"
_ITEM = rf"(?:[-|]\s+|{_NESTED}:?\s*|\([^()]*\)\s*|[\w.$/:#*@,=-]+(?:\s*\|\s*|\s+))"
_LATER = re.compile(rf"\s*\|?(?P<before>{_ITEM}{{0,6}}?)[\[(<|]?{_LEVEL}(?=[\s\-|:\])>(\[,/]|$)")
_CLOSE_LEVEL = re.compile(r"\s*[\])>]?(?:/(?P<worker>[\w-]+)\])?:?[|,]?")
_WORD = r"[A-Za-z_$][\w.$/-]*"
_AFTER = re.compile(
    r"\s*(?:(?:--?|\|)\s+)?(?:(?P<pid>\d+)\s+---\s+)?"
    rf"(?P<brackets>(?:{_NESTED}\s*)*)(?:\((?P<thread>[\w# .:-]+)\)(?=\s|:)\s*)?(?P<dash>[-|]\s+)?(?::\s+)?"
    rf"(?P<named>in (?P<module>\w+): |(?P<quiet>{_WORD}(?:::[\w.$]+)*(?:\{{[^{{}}]*\}})?(?::[\w<>.]+:\d+)?)(?P<sign>\s+--?\s+|\s*\|\s*|\s+: |:\s+)"
    rf"|(?P<dotted>[A-Za-z_$][\w$]*(?:\.[\w$]+)+(?::\d+)?|[\w/.-]+\.\w+:\d+)\s+(?!=)|(?P<column>[A-Z][\w-]*)\s{{2,}}(?=\S))?(?:[-|:]\s+)?"
)
_SIMPLE = re.compile(
    r"(\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?Z?)"
    rf"(?: - ((?!(?:{UPPER}) )[A-Za-z_][\w.]*) - ({UPPER}) - (?=\w)"
    rf"|(?: \[(?!(?:{UPPER})\])([A-Za-z][\w.#:-]*)\])? +\[?({UPPER})\]?:? +"
    r"(?:([A-Za-z_]\w*(?:\.\w+)+)(?:: | +- )(?=\w)|(?!in \w+: )(?=[a-z]+ [a-z0-9])))",
    re.ASCII,
)
_LOGGER_BEFORE = re.compile(r"(?:^|\s|\])[-|]?\s*(?P<name>[A-Za-z_$][\w.$/-]*)\s*[-|]?\s*$")
_PROSE = re.compile(
    r"(?:\w*(?:Error|Exception|Warning|Failure|Fault|Timeout)|[A-Z][a-z]+|[a-z]+ed|error|warning|failed|note|cannot|unable)$"
)
_CONTEXT = re.compile(r"\[(?:(?P<request>req-[\w-]+)[^\]]*|-[ -]*)\]\s*")
_TRACED = re.compile(r"\btrace_?id[=:] ?(?P<request>[\w-]{1,64})", re.I)
_CRI = re.compile(r" (?P<stream>stdout|stderr) [FP](?::\S+)? ?")
_LETTER = re.compile(
    r"\s+(?P<pid>\d+)\s+(?P<tid>\d+) (?P<log>[VDIWEFA]) (?P<tag>[^:]*?)\s*: "
    r"|\s(?P<mongo>[FEWID])\d?\s+(?P<component>[A-Z-]+)\s+\[(?P<thread>[^\]]+)\] "
)
_PHP = re.compile(r"\s*PHP (?P<kind>Fatal error|Parse error|Recoverable fatal error|Warning|Notice|Deprecated|Strict Standards):\s+")
_PHP_LEVELS = {"Fatal error": "fatal", "Parse error": "error", "Recoverable fatal error": "error", "Warning": "warning"}
_MONOLOG = re.compile(rf"\s*(?P<channel>[\w-]+)\.(?P<level>{UPPER}): ")
_WITHIN = re.compile(rf"[ :]\s*(?P<level>{UPPER})(?:/(?P<worker>[\w-]+))?(?: (?P<target>[\w:]+))?\]:? ?")
_THREADED = re.compile(rf"\s*\[(?P<thread>[^\]/]{{1,80}})/(?P<level>{UPPER})\]:? (?:\[(?P<logger>[\w./-]+)\]:? )?")
_LEVEL_FIRST = re.compile(
    rf"[\[(]?(?P<level>{UPPER})[\])]?:?\s+[\[(]?(?=\d{{1,4}}[-/. :]|[A-Z])(?P<time>{STAMP})[\])]?:?(?=[\s|-])", re.ASCII
)
_PROGRAM = re.compile(r"\s*(?P<name>[\w.-]+\.exe(?: \*\d+)?)\s+-\s+")
_JAVA_UTILITY = re.compile(r"\s+(?P<logger>[\w.$]+) (?P<method>[\w$<>]+)\s*\n(?P<level>SEVERE|WARNING|INFO|CONFIG|FINE|FINER|FINEST): ")
_DAYS = frozenset({"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"})
_APACHE = re.compile(
    r"\s*\[(?:(?P<module>[\w-]*):)?(?P<level>[a-z]+)\d?\](?: \[pid (?P<pid>\d{1,9})(?::tid (?P<tid>\d+))?\])?(?= \[client (?P<client>[^\]]+)\]|) ?"
)
_NGINX = re.compile(r", client: (?P<client>[^,\s]+)(?:, server: [^,]*)?(?:, request: \"(?P<method>[A-Z]+) (?P<target>\S+))?")


def of_simple(text: str) -> Fields | None:
    """The most common layouts (`time [thread] LEVEL logger: message`) by one pattern; what it reads, `of_stamped` would read the same way."""
    found = _SIMPLE.match(text, 0, HEADER)
    if found is None:
        return None
    time, before, level, thread, bare, logger = found.groups()
    logger = before or logger or ""
    fields = Fields(text[found.end() :], time, level or bare, "", "", "", logger, {})
    if thread is not None:
        fields.attributes["thread.name"] = thread
    if logger:
        fields.attributes["logger"] = logger
    if '"' in text:
        _describe(fields)
    return fields


def of_stamped(text: str, inner: Inner) -> Fields | None:
    """The fields of a line with a moment in front; `inner` parses what a container runtime wrapped."""
    opening = _OPENING.match(text, 0, HEADER)
    if not opening:
        return None
    time, at = opening["time"], opening.end()
    following = text[at : at + 1]
    if following in "ZT0123456789" and following:
        return None
    for reader in _READERS.get(following, ()):
        if fields := reader(text, at, inner):
            fields.time = fields.time or time
            return fields
    if opening["open"] and (within := _WITHIN.match(text, at, HEADER)):
        named = told(thread__name=within["worker"], logger=within["target"])
        return Fields(text[within.end() :], time, within["level"], logger=within["target"] or "", attributes=named)
    if closing := _CLOSING.match(text, at):
        at = closing.end()
    elif following.strip():
        return None
    return _after_moment(text, at, time)


def of_level_first(text: str, inner: Inner) -> Fields | None:
    """The fields of a line whose level stands before its moment: what follows is read as it is behind both."""
    found = _LEVEL_FIRST.match(text, 0, HEADER)
    return of_stamped(f"{found['time']} {found['level']} {text[found.end() :].lstrip()}", inner) if found else None


def _after_moment(text: str, at: int, time: str) -> Fields:
    if time[-1:] == "M" and (utility := _JAVA_UTILITY.match(text, at, HEADER)):
        logger = utility["logger"]
        return Fields(
            text[utility.end() :], time, utility["level"], logger=logger, attributes=told(logger=logger, code__function=utility["method"])
        )
    if time[:3] in _DAYS and (server := _APACHE.match(text, at, HEADER)):
        module = server["module"] or ""
        named = told(
            logger=module, process__pid=int(server["pid"] or 0) or None, thread__id=server["tid"], client__address=server["client"]
        )
        return Fields(text[server.end() :], time, server["level"], logger=module, attributes=named)
    if direct := _DIRECT.match(text, at, HEADER):
        return _levelled(text, direct.end(), time, direct["level"], "")
    if time[:3].lower() in MONTHS and (fields := of_host_and_app(text[at:].lstrip(), None)):
        fields.time = time
        return fields
    for special in _SPECIAL:
        if fields := special(text, at):
            fields.time = time
            return fields
    if later := _LATER.match(text, at, HEADER):
        return _levelled(text, later.end(), time, later["level"], later["before"])
    rest = text[at:].lstrip(" -|") if text[at : at + 1] else ""
    return Fields(rest, time, of_plain(rest))


def _levelled(text: str, at: int, time: str, level: str, before: str) -> Fields:
    """The fields around a level: what stands before it, and the logger behind it where it looks like one."""
    closing = _CLOSE_LEVEL.match(text, at, HEADER)
    at = closing.end() if closing else at
    after = _AFTER.match(text, at, HEADER)
    if after is None:  # never: everything in the pattern may be missing
        return Fields(text[at:].lstrip(), time, level)
    end = after.end()
    logger = after["module"] or after["dotted"] or after["column"] or ""
    if quiet := after["quiet"]:
        logger, end = (quiet, end) if not (after["sign"][0] == ":" and _PROSE.match(quiet)) else ("", after.start("quiet"))
    attributes: dict[str, Any] = {}
    if after["brackets"] and after["dash"] and not before:  # `[thread] - message`: nothing else is named
        logger, quiet, end = "", "", after.end("dash")
    if before:
        earlier = _before(before, attributes)
        if earlier:
            logger, end = earlier, (after.start("named") if after["named"] else end)
    if brackets := after["brackets"]:
        named = _bracketed(brackets, attributes, unnamed=not (after["dotted"] or after["module"]))
        logger, end = (named, after.start("quiet") if quiet else end) if named else (logger, end)
        if context := _CONTEXT.match(brackets) or _TRACED.search(brackets):
            attributes.pop("thread.name", None)
            attributes |= told(trace_id=context["request"])
    elif context := text.startswith("[", end) and _CONTEXT.match(text, end, HEADER):
        end, attributes["trace_id"] = context.end(), context["request"] or ""
    if after["pid"]:
        attributes["process.pid"] = int(after["pid"])
    if closing and closing["worker"]:
        attributes["thread.name"] = closing["worker"]
    if after["thread"]:
        attributes["thread.name"] = after["thread"]
    if logger:
        attributes["logger"] = logger
    fields = Fields(text[end:], time, level, trace_id=str(attributes.pop("trace_id", "")), logger=logger, attributes=attributes)
    if '"' in fields.body:
        _describe(fields)
    return fields


def _before(before: str, attributes: dict[str, Any]) -> str:
    """What stood before the level: a thread or a process in brackets, a bare number, the logger's name last."""
    for bracket in re.findall(_NESTED, before):
        name = bracket[1:-1].strip()
        attributes.setdefault(
            "process.pid" if name.isdigit() else "thread.name", int(name) if name.isdecimal() and len(name) < 18 else name
        )
    if number := re.search(r"(?:^|\s)(\d{1,10})(?=\s)", before):
        attributes.setdefault("process.pid", int(number[1]))
    found = _LOGGER_BEFORE.search(before)
    return found["name"] if found else ""


def _bracketed(brackets: str, attributes: dict[str, Any], *, unnamed: bool) -> str:
    """The last bracket behind the level is the thread; the only one is the logger where it is written like one and nothing else is."""
    names = [name[1:-1].strip() for name in re.findall(_NESTED, brackets)]
    if unnamed and len(names) == 1 and re.fullmatch(r"[A-Za-z_$][\w$]*(?:[./][\w$]+)+", names[0]):
        return names[0]
    attributes["thread.name"] = names[-1]
    return ""


def _describe(fields: Fields) -> None:
    """The request that the message of a server quotes."""
    if told_request := in_message(fields.body):
        fields.attributes |= told_request
    elif ", client: " in fields.body and (server := _NGINX.search(fields.body[:HEADER])):
        path, _, query = (server["target"] or "").partition("?")
        fields.attributes |= told(
            client__address=server["client"], http__request__method=server["method"], url__path=path, url__query=query
        )


def _cri(text: str, at: int, inner: Inner) -> Fields | None:
    if not (found := _CRI.match(text, at)):
        return None
    fields = inner(text[found.end() :])
    fields.time = text[:at]
    fields.attributes = {"log.iostream": found["stream"], **fields.attributes}
    return fields


def _csv(text: str, at: int, inner: Inner) -> Fields | None:
    """PostgreSQL's csvlog."""
    try:
        row: list[str] = next(csv.reader([text.replace("\n", "\r")]))
    except (csv.Error, StopIteration):
        return None
    if len(row) < 22:
        return None
    extra = [
        f"{label}:  {value}"
        for label, value in (("DETAIL", row[14]), ("HINT", row[15]), ("CONTEXT", row[18]), ("STATEMENT", row[19]))
        if value
    ]
    attributes = told(
        user__name=row[1],
        db__namespace=row[2],
        process__pid=row[3],
        client__address=row[4].rpartition(":")[0],
        db__response__status_code=row[12],
    )
    return Fields("\n".join([row[13], *extra]).replace("\r", "\n"), row[0], row[11], attributes=attributes)


def _letters(text: str, at: int) -> Fields | None:
    found = _LETTER.match(text, at, HEADER)
    if not found:
        return None
    logger = found["tag"] or found["component"] or ""
    named = told(logger=logger, process__pid=found["pid"], thread__id=found["tid"], thread__name=found["thread"])
    return Fields(text[found.end() :], level=LETTERS[found["log"] or found["mongo"]], logger=logger, attributes=named)


def _threaded(text: str, at: int) -> Fields | None:
    if not (found := _THREADED.match(text, at, HEADER)):
        return None
    logger = found["logger"] or ""
    return Fields(text[found.end() :], level=found["level"], logger=logger, attributes=told(logger=logger, thread__name=found["thread"]))


def _php(text: str, at: int) -> Fields | None:
    if found := _PHP.match(text, at, HEADER):
        return Fields(text[at:].lstrip(), level=_PHP_LEVELS.get(found["kind"], "notice"))
    if found := _MONOLOG.match(text, at, HEADER):
        channel = found["channel"]
        return Fields(text[found.end() :], level=found["level"], logger=channel, attributes={"logger": channel})
    return None


def _program(text: str, at: int) -> Fields | None:
    if found := _PROGRAM.match(text, at, HEADER):
        return Fields(text[found.end() :], attributes={"process.executable.name": found["name"]})
    return None


def _requests(text: str, at: int) -> Fields | None:
    return after_moment(text[at:].lstrip())


def _host(text: str, at: int) -> Fields | None:
    return of_host_and_app(text[at:].lstrip(), None, with_pid=True)


_SPECIAL = (_threaded, _letters, _php, _host, _program, _requests)
_READERS: dict[str, tuple[Callable[[str, int, Inner], Fields | None], ...]] = {" ": (_cri,), ",": (_csv,)}
