"""Headers that do not begin with a moment: of Python, Go, .NET, Ruby, PHP, Node, Android, and of the tools that print containers' lines."""

from __future__ import annotations

import re
from collections.abc import Callable

from mcp_servers.logs.formats.access import in_message, of_access
from mcp_servers.logs.formats.fields import Fields, told
from mcp_servers.logs.formats.severities import LETTERS, UPPER

_BASIC = re.compile(r"(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL|TRACE):(?:(?P<logger>[\w.]+):|\s{2,}(?=\S))")
_GLOG = re.compile(r"(?P<level>[IWEF])(?P<date>\d{4}|\d{8}) (?P<clock>\d\d:\d\d:\d\d\.\d+)\s+(?P<tid>\d+)\s(?P<logger>[^\]\s]+)\] ")
_BRIEF = re.compile(r"(?P<level>[VDIWEFA])/(?P<tag>[^(:]{1,80}?)\s*\(\s*(?P<pid>\d+)\): ")
_RUBY = re.compile(r"(?P<level>[DIWEFA]), \[(?P<time>[\d:.T-]+) #(?P<pid>\d+)\]\s+[A-Z]+ -- (?P<program>[^:]*): ")
_DOTNET = re.compile(r"(?P<level>trce|dbug|info|warn|fail|crit): (?P<logger>[\w.+`]+)\[(?P<id>\d+)\]\s*(?:\n\s+)?")
_LOGRUS = re.compile(r"(?P<level>TRAC|DEBU|INFO|WARN|ERRO|FATA|PANI)\[(?P<time>[^\]]*)\] +")
_NEST = re.compile(rf"\[Nest\] (?P<pid>\d+)\s+- (?P<time>[^A-Z]*[AP]M)\s+(?P<level>{UPPER}) (?:\[(?P<logger>[^\]]+)\] )?")
_RAILS = re.compile(r'(?:\[(?P<id>[\w-]+)\] )*Started (?P<method>[A-Z]+) "(?P<target>[^"\s]*)" for (?P<host>\S+) at (?P<time>[\d: +-]+)')
_RAILS_END = re.compile(r"(?:\[(?P<id>[\w-]+)\] )*Completed (?P<status>\d{3}) [A-Z][\w ]* in (?P<total>\d+(?:\.\d+)?)ms")
_SINCE_START = re.compile(rf"\d{{1,9}} +\[(?P<thread>[^\]]+)\] (?P<level>{UPPER}) +(?P<logger>[\w.$-]+) (?:[\w-]* )?- ")
_NAMED = re.compile(r"(?P<name>[A-Za-z][\w.-]*[-_]\d+)\s+\| |\[pod/(?P<pod>[\w.-]+)/(?P<container>[\w.-]+)\] ")
_ANNOUNCED = re.compile(r"(?P<level>error|warn|warning|info|debug|verbose|silly|http): (?=\S)")
_LEVELS = {"TRAC": "trace", "DEBU": "debug", "ERRO": "error", "FATA": "fatal", "PANI": "panic"}


def _basic(text: str) -> Fields | None:
    if not (found := _BASIC.match(text)):
        return None
    logger, body = found["logger"] or "", text[found.end() :]
    known = of_access(body) if '"' in body else None
    if known:  # a development server prints an access line through its logger
        known.level, known.logger = known.level or found["level"], logger
        return known
    return Fields(body, level=found["level"], logger=logger, attributes=told(logger=logger) | (in_message(body) if '"' in body else {}))


def _glog(text: str) -> Fields | None:
    if not (found := _GLOG.match(text)):
        return None
    date = found["date"]
    time = f"{date[:-4]}{'-' if len(date) == 8 else ''}{date[-4:-2]}-{date[-2:]} {found['clock']}"
    attributes = told(logger=found["logger"], thread__id=int(found["tid"]))
    return Fields(text[found.end() :], time, LETTERS[found["level"]], logger=found["logger"], attributes=attributes)


def _brief(text: str) -> Fields | None:
    if found := _BRIEF.match(text):
        tag = found["tag"]
        return Fields(
            text[found.end() :], level=LETTERS[found["level"]], logger=tag, attributes=told(logger=tag, process__pid=int(found["pid"]))
        )
    return None


def _ruby(text: str) -> Fields | None:
    if not (found := _RUBY.match(text)):
        return None
    program, body = found["program"].strip(), text[found.end() :]
    fields = _rails(body) or Fields(body)
    fields.attributes |= told(logger=program, process__pid=int(found["pid"]))
    fields.time, fields.level, fields.logger = found["time"], "fatal" if found["level"] == "F" else LETTERS[found["level"]], program
    return fields


def _dotnet(text: str) -> Fields | None:
    if found := _DOTNET.match(text):
        category = found["logger"]
        return Fields(
            text[found.end() :], level=found["level"], logger=category, attributes=told(logger=category, event__id=int(found["id"]))
        )
    return None


def _logrus(text: str) -> Fields | None:
    if found := _LOGRUS.match(text):
        time = None if found["time"].isdigit() else found["time"]
        return Fields(text[found.end() :], time, _LEVELS.get(found["level"], found["level"]))
    return None


def _nest(text: str) -> Fields | None:
    if found := _NEST.match(text):
        logger = found["logger"] or ""
        attributes = told(logger=logger, process__pid=int(found["pid"]))
        return Fields(text[found.end() :], found["time"].strip(), found["level"], logger=logger, attributes=attributes)
    return None


def _rails(text: str) -> Fields | None:
    if started := _RAILS.match(text):
        path, _, query = started["target"].partition("?")
        attributes = told(http__request__method=started["method"], url__path=path, url__query=query, client__address=started["host"])
        return Fields(text, started["time"].strip(), trace_id=started["id"] or "", attributes=attributes)
    if ended := _RAILS_END.match(text):
        attributes = {"http.response.status_code": int(ended["status"]), "http.server.request.duration": float(ended["total"]) / 1e3}
        return Fields(text, trace_id=ended["id"] or "", attributes=attributes)
    return None


def _since_start(text: str) -> Fields | None:
    """log4j's oldest layout: milliseconds since the start, which tell no moment."""
    if found := _SINCE_START.match(text):
        logger = found["logger"]
        return Fields(
            text[found.end() :], level=found["level"], logger=logger, attributes=told(logger=logger, thread__name=found["thread"])
        )
    return None


def _announced(text: str) -> Fields | None:
    if found := _ANNOUNCED.match(text):
        return Fields(text[found.end() :], level=found["level"])
    return None


def of_named(text: str, inner: Callable[[str], Fields]) -> Fields | None:
    """A line behind the name of its container, as compose and kubectl print them."""
    if not (found := _NAMED.match(text)):
        return None
    fields = inner(text[found.end() :])
    fields.service = fields.service or found["container"] or re.sub(r"[-_]\d+$", "", found["name"])
    fields.attributes = told(container__name=found["name"] or found["container"], k8s__pod__name=found["pod"]) | fields.attributes
    return fields


RUNTIMES = (_basic, _glog, _brief, _ruby, _dotnet, _logrus, _nest, _rails, _since_start, _announced)
"""Formats that exclude each other: which of them is tried first changes nothing but the time it takes."""
