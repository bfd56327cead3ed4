"""Syslog, old and new, and what is usual inside it: JSON, the web site's pipes, the kernel's clock."""

from __future__ import annotations

import re
from typing import Any

from mcp_servers.logs.formats.access import of_proxy
from mcp_servers.logs.formats.fields import HEADER, Fields, told
from mcp_servers.logs.formats.jsons import decoded
from mcp_servers.logs.formats.mapping import from_mapping
from mcp_servers.logs.formats.severities import of_plain, of_syslog
from mcp_servers.logs.times.layouts import STAMP

_PRIORITY = re.compile(r"<(?P<priority>\d{1,3})>")
_OLD = re.compile(rf"(?P<time>{STAMP}) ", re.ASCII)
_NEW = re.compile(r"1 (?P<time>\S+) (?P<host>\S+) (?P<app>\S+) (?P<pid>\S+) (?P<id>\S+) (?P<data>-|(?=\[))")
_ELEMENT = re.compile(r'\[(?P<id>[^\s\]="]+)(?P<parameters>(?: [^\s=\]"]+="(?:[^"\\]|\\.)*")*)\]')
_PARAMETER = re.compile(r' ([^\s=\]"]+)="((?:[^"\\]|\\.)*)"')
_APP = re.compile(r"(?P<host>\S+) (?P<app>[^\s:\[]+(?: [\d.]+)?)(?:\[(?P<pid>\d+)\](?: \([^()\s]*\))?)?: ?")
_APP_ONLY = re.compile(r"(?P<app>[^\s:\[]+)(?:\[(?P<pid>\d+)\])?: ?")
_KERNEL = re.compile(r"\[ *(?P<uptime>\d+\.\d+)\] ?")
_KNOWN_APPS = frozenset({"kernel", "systemd", "sudo", "CRON", "su", "cron", "dockerd", "containerd"})


def of_syslog_line(text: str) -> Fields | None:
    """A line with a priority in front: RFC 5424, RFC 3164, or the kernel's ring buffer."""
    found = _PRIORITY.match(text)
    if not found:
        return None
    level, at = of_syslog(int(found["priority"])), found.end()
    if new := _NEW.match(text, at, HEADER):
        return _of_new(text, new, level)
    if kernel := of_kernel(text[at:]):
        kernel.level = level
        return kernel
    if not (old := _OLD.match(text, at, HEADER)):
        return None
    rest = text[old.end() :]
    fields = of_host_and_app(rest, level) or Fields(rest, level=level)
    fields.time = old["time"]
    return fields


def of_host_and_app(rest: str, level: Any, *, with_pid: bool = False) -> Fields | None:
    """`host app[pid]: message`, or without the host; `with_pid` asks for the process's number, where a moment alone does not tell syslog."""
    found = _APP.match(rest, 0, HEADER)
    if found and with_pid and not (found["pid"] or found["app"] in _KNOWN_APPS):
        return None
    if not found:
        found = None if with_pid else _APP_ONLY.match(rest, 0, HEADER)
    if not found:
        return None
    host = found["host"] if "host" in found.re.groupindex else None
    app = found["app"]
    fields = _message(rest[found.end() :], level)
    fields.service = fields.service or app
    fields.attributes = told(host__name=host, process__pid=found["pid"]) | fields.attributes
    return fields


def of_kernel(text: str) -> Fields | None:
    """`[   12.345678] usb 1-1: …`: seconds since the start, which tells no moment."""
    if found := _KERNEL.match(text):
        return Fields(
            text[found.end() :], level=of_plain(text[found.end() :]), service="kernel", attributes={"uptime": float(found["uptime"])}
        )
    return None


def _of_new(text: str, found: re.Match[str], level: Any) -> Fields:
    at, data = found.end(), {}
    while element := _ELEMENT.match(text, at):
        at = element.end()
        for name, value in _PARAMETER.findall(element["parameters"]):
            data[f"{element['id']}.{name}"] = re.sub(r"\\(.)", r"\1", value)
    fields = _message(text[at:].removeprefix(" ").removeprefix("\ufeff"), level)
    fields.time = None if found["time"] == "-" else found["time"]
    fields.service = fields.service or found["app"].removeprefix("-") or ""
    fields.attributes = told(host__name=found["host"], process__pid=found["pid"], log__record__id=found["id"]) | data | fields.attributes
    return fields


def _message(body: str, level: Any) -> Fields:
    """The message of a syslog line; the priority in front of it is what the level is told by, then the message itself."""
    start = body.removeprefix("@cee:").lstrip()
    if start.startswith("{") and (value := decoded(start)):
        fields = from_mapping(value)
        fields.level = fields.level or level
        return fields
    if body.count("|", 0, HEADER) >= 8 and body[:4] == "http":
        return _of_watchdog(body, level)
    if '"' in body and (request := of_proxy(body)):
        return request
    return Fields(body, level=of_plain(body) if level is None else level)


def _of_watchdog(body: str, level: Any) -> Fields:
    """The web site's own pipes: base URL, moment, type, address, URL, referer, user, link, message."""
    site, moment, kind, address, url, referer, user, _, message = body.split("|", 8)
    path, _, query = url.removeprefix(site).partition("?")
    attributes = told(
        logger=kind,
        client__address=address,
        url__full=url,
        url__path=path,
        url__query=query,
        user__id=user,
        http__request__header__referer=referer,
    )
    return Fields(
        message, level=of_plain(message) if level is None else level, logger=kind, attributes=attributes | {"event.created": moment}
    )
