"""Lines that tell the end of a request: web servers, proxies, load balancers, and application servers that print one."""

from __future__ import annotations

import re
from typing import Any

from mcp_servers.logs.formats.fields import HEADER, Fields, told
from mcp_servers.logs.model import Severity

_METHOD = r"(?P<method>GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE|PROPFIND|PURGE)"
_COMMON = re.compile(
    r'(?:(?P<vhost>[\w.-]+:\d+) )?(?P<host>\S+) \S+ (?P<user>[^\[]*?) ?\[(?P<time>[^\]]{8,40})\] (?P<body>"(?:(?P<method>[A-Z]+) (?P<target>[^\s"]+)[^"]*|[^"]*)"'
    r' (?P<status>\d{3}) (?P<size>\d+|-))(?: "(?P<referer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)")?(?P<rest>.{0,1024})'
)
_SECONDS = re.compile(r"(?:^|\s|[=\"])(?:rt=|request_time[=:])?\"?(\d{1,5}\.\d{3,6})\"?(?=\s|$|\")")
_UPSTREAM = re.compile(r"(?:urt|upstream_response_time|uct|uht)[=:]\"?(\d{1,5}\.\d{3})")
_HAPROXY = re.compile(
    r"(?P<host>[\da-fA-F.:]+):\d+ \[(?P<time>[^\]]{8,40})\] (?P<front>\S+) (?P<back>\S+) [-\d/+]+?(?P<total>\d+) (?P<status>\d{3}|-1) \+?(?P<size>\d+)"
    r' .{0,512}?"(?P<method>[A-Z]+) (?P<target>[^\s"]+)'
)
_BALANCER = re.compile(
    r"(?:(?P<kind>https?|h2|wss?|grpcs) )?(?P<time>\d{4}-\d\d-\d\dT[\d:.]+Z) (?P<balancer>\S+) (?P<host>[\d.]+|\[[\da-f:]+\]):\d+ (?P<back>\S+)"
    r" (?P<t1>-?[\d.]+) (?P<t2>-?[\d.]+) (?P<t3>-?[\d.]+) (?P<status>\d{3}|-) (?P<inner>\d{3}|-) \d+ (?P<size>\d+)"
    r' "(?P<method>[A-Z-]+) (?P<target>[^\s"]+)[^"]*" "(?P<agent>[^"]*)"(?P<rest>.{0,1024})'
)
_SQUID = re.compile(
    r"(?P<time>1\d{9}\.\d{3}) +(?P<total>\d+) (?P<host>[\da-fA-F.:]+) (?P<result>\w+)/(?P<status>\d{3}) (?P<size>\d+) (?P<method>[A-Z]+) (?P<target>\S+)"
)
_SHORT = re.compile(
    rf'"?{_METHOD} (?P<target>/[^\s"]*)(?: HTTP/[\d.]+)?"? (?:\x1b\[\d+m)?(?P<status>[1-5]\d\d)\b(?: (?P<total>[\d.]+) ms)?'
)
_QUOTED = re.compile(
    rf'(?:(?P<host>[\da-fA-F.:]+) |.{{0,200}}?)"{_METHOD} (?P<target>[^\s"]+)(?: HTTP/[\d.]+)?"(?:,? (?:status:? ?)?(?P<status>[1-5]\d\d)\b)?'
)
_TRACE = re.compile(r"Root=([\w-]+)")


def of_access(text: str) -> Fields | None:
    """Common and combined lines with whatever a server adds, HAProxy, squid, balancers of a cloud; and `GET /a 200 12 ms`."""
    if text[:4] in ("GET ", "POST", "PUT ", "HEAD", "DELE", "PATC", "OPTI"):
        return after_moment(text)
    if (common := _COMMON.match(text, 0, 4 * HEADER)) and '"' in text:
        return _of_common(text, common)
    return of_proxy(text)


def of_proxy(text: str) -> Fields | None:
    """HAProxy's line about a request, with or without a syslog header around it."""
    proxy = _HAPROXY.match(text, 0, HEADER)
    if not proxy:
        return None
    fields = _of_request(proxy, proxy["time"], float(proxy["total"][:9]) / 1e3)
    fields.body = text[proxy.end("time") + 2 :]
    return fields


def of_balancer(text: str) -> Fields | None:
    """A cloud's load balancer (classic or application), or squid: a moment that is no header of a message."""
    if '"' in text and (found := _BALANCER.match(text, 0, 4 * HEADER)):
        parts = [float(found[name]) for name in ("t1", "t2", "t3") if found[name].count(".") <= 1 and not found[name].startswith("-")]
        fields = _of_request(found, found["time"], sum(parts) if len(parts) == 3 else None)
        fields.attributes |= told(user_agent__original=found["agent"])
        if trace := _TRACE.search(found["rest"]):
            fields.trace_id = trace[1]
        return fields
    if text[10:11] == "." and (found := _SQUID.match(text, 0, HEADER)):
        return _of_request(found, found["time"], float(found["total"]) / 1e3)
    return None


def after_moment(rest: str) -> Fields | None:
    """`"GET /a HTTP/1.1" 200 12`: how small servers end a request, behind their moment."""
    found = _SHORT.match(rest, 0, HEADER)
    if not found:
        return None
    fields = _of_request(found, None, float(found["total"]) / 1e3 if (found["total"] or "").count(".") == 1 else None)
    fields.body = rest
    return fields


def in_message(body: str) -> dict[str, Any]:
    """The request that a levelled message tells (`10.0.0.1:5 - "GET / HTTP/1.1" 200`); empty for every other message."""
    found = _QUOTED.match(body, 0, HEADER)
    if not found or not found["status"]:
        return {}
    return _attributes(found["method"], found["target"], found["status"]) | told(
        client__address=(found["host"] or "").rpartition(":")[0] or found["host"]
    )


def _of_common(text: str, found: re.Match[str]) -> Fields:
    status, size, rest = int(found["status"]), found["size"], found["rest"]
    attributes = _attributes(found["method"], found["target"], found["status"]) | told(
        http__response__body__size=int(size) if size.isdigit() else 0,
        client__address=found["host"],
        user__name=found["user"],
        user_agent__original=found["agent"],
        http__request__header__referer=found["referer"],
        server__address=found["vhost"],
        log__rest=rest.strip(),
    )
    if rest and (upstream := _UPSTREAM.search(rest)):
        attributes["upstream.response.duration"] = float(upstream[1])
    if rest and (seconds := _SECONDS.search(rest)):
        attributes["http.server.request.duration"] = float(seconds[1])
    return Fields(found["body"], found["time"], _severity(status), attributes=attributes)


def _of_request(found: re.Match[str], time: str | None, seconds: float | None) -> Fields:
    parts = found.groupdict()
    attributes = _attributes(found["method"], found["target"], found["status"]) | told(
        client__address=parts.get("host"),
        server__address=parts.get("balancer") or parts.get("front"),
        http__response__body__size=parts.get("size"),
    )
    if "http.response.body.size" in attributes:
        attributes["http.response.body.size"] = int(attributes["http.response.body.size"][:18])
    if seconds is not None:
        attributes["http.server.request.duration"] = seconds
    status = int(found["status"]) if found["status"].isdigit() else 0
    return Fields(f'"{found["method"]} {found["target"]}" {found["status"]}', time, _severity(status), attributes=attributes)


def _attributes(method: str | None, target: str | None, status: str) -> dict[str, Any]:
    path, _, query = (target or "").partition("?")
    full = path if "://" in path else None
    path = re.sub(r"^\w+://[^/]*", "", path) or "/" if full else path
    known = told(http__request__method=method, url__path=path, url__query=query, url__full=full and target)
    return known | ({"http.response.status_code": int(status)} if status.isdigit() else {})


def _severity(status: int) -> Severity:
    return Severity.ERROR if status >= 500 else Severity.INFO
