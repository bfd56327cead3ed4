"""What errors blame: the host, database, pool or limit that a message or an attribute names, and how full it was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from mcp_servers.logs.model import LogRecord

Kind = Literal["host", "database", "pool", "instance", "limit", "service", "cache", "queue", "storage"]

_LONGEST = 4096
_ATTRIBUTES: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    ("instance", ("db.instance", "db.instance.id", "cloud.resource_id", "service.instance.upstream")),
    ("database", ("db.name", "db.namespace")),
    ("host", ("server.address", "net.peer.name", "peer.service", "peer.hostname", "upstream_addr", "upstream.address")),
)
_HOST = r"(?:[A-Za-z0-9](?:[\w-]*[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]*|\d{1,3}(?:\.\d{1,3}){3}|[a-z][\w-]+"
_NAMED: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("instance", re.compile(r"\binstance[ :=]+[\"'`]?([\w][\w.:/-]{2,80})", re.I)),
    ("pool", re.compile(r"\b(?:pool[ :=]+[\"'`]([\w.-]{2,60})|([\w]+(?:-[\w]+)*[-_]pool(?:-\d+)?)\b)", re.I)),
    ("database", re.compile(r"\b(?:database|dbname|schema)(?:[ :]*[\"'`]|=[\"'`]?)([\w.-]{2,60})", re.I)),
    ("host", re.compile(rf"\b[a-z][a-z0-9+.-]*://(?:[^/@\s]*@)?({_HOST})(?::\d+)?(?=[/\s\"',;)?]|$)")),
    ("host", re.compile(rf"\b(?:host(?:name)?|server|upstream|broker|node|address)(?: at)?(?:[ :]*[\"'`]|=[\"'`]?|: )({_HOST})(?::\d+)?\b", re.I)),
    ("host", re.compile(rf"\b(?:host|server|upstream|broker|node) (?=\S*[\d.-])({_HOST})(?::\d+)?\b", re.I)),
    ("host", re.compile(rf"\b(?:connect(?:ing|ion)? (?:to|refused by|with)|lookup|resolv(?:e|ing)|ECONNREFUSED|ENOTFOUND)[ :]+[\"'`]?({_HOST})(?::\d+)?\b", re.I)),
    ("host", re.compile(rf"(?<![\w/.@-])({_HOST}):\d{{2,5}}\b(?!:\d)")),
)  # fmt: skip
_THING = (
    r"(connections?|clients?|sessions?|tokens?|requests?|threads?|workers?|files?|descriptors?|slots?|bytes|rows|messages?|[KMG]i?B|MB|GB)"
)
_NUMBER = r"(\d[\d,_]*(?:\.\d+)?)"
_FULL = (
    re.compile(rf"\b{_THING}\b\W{{0,3}}(?:in use|used|active|open)?\W{{0,3}}{_NUMBER}\s*(?:/|of|out of)\s*{_NUMBER}", re.I),
    re.compile(rf"(?<!\d){_NUMBER}\s*(?:/|of|out of)\s*{_NUMBER}\s+(?:\w+\s+)?{_THING}\b", re.I),
)
_OVER = (
    re.compile(
        rf"(?:limit|maximum|max(?:imum)?[ _]\w+(?:[ _]\w+)?)(?: of| is|:|=)?\s*{_NUMBER}\s*{_THING}?.{{0,80}}?\b(?:got|requested|used|was|were|but|"
        rf"received|resulted in|found)\D{{0,30}}{_NUMBER}",
        re.I | re.S,
    ),
)
_EXCEEDS = re.compile(rf"{_NUMBER}\s*{_THING}?\W+(?:exceed(?:s|ed)?|is (?:over|above|more than)|>)\D{{0,40}}{_NUMBER}\s*{_THING}?", re.I)
_SIZE_ONLY = re.compile(
    rf"(?:limit of size|pool[ _]size|max_connections|connection limit|limit|maximum)(?: of| is|:|=)?\s*{_NUMBER}(?:\s*{_THING})?", re.I
)
_FILES = re.compile(
    r"\.(?:py|java|kt|kts|scala|js|mjs|jsx|ts|tsx|go|rb|php|cs|rs|c|cc|cpp|h|dart|ex|swift|html|json|ya?ml|log|txt|so)$", re.I
)
_COMMON = frozenset(
    {
        "localhost",
        "the",
        "for",
        "and",
        "with",
        "not",
        "was",
        "has",
        "from",
        "failed",
        "error",
        "refused",
        "timeout",
        "connection",
        "server",
        "client",
        "host",
        "backend",
        "database",
        "upstream",
        "remote",
        "peer",
        "pool",
        "address",
        "service",
    }
)
_TOLD_APART = re.compile(r"[\d._-]")


@dataclass(frozen=True, slots=True, order=True)
class Dependency:
    """What several services may share: its kind and its name as the log gives it."""

    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class Fill:
    """A limit and how much of it was taken or asked for (None when the message tells the limit only), of what."""

    of: str
    limit: float
    actual: float | None


def named(record: LogRecord) -> set[Dependency]:
    """The dependencies that a record names, in its attributes or its message."""
    found = {Dependency(kind, str(record.attributes[name])) for kind, names in _ATTRIBUTES for name in names if record.attributes.get(name)}
    text = _text(record)
    for kind, words in _NAMED:
        for match in words.finditer(text):
            name = next(group for group in match.groups() if group).strip(".:/-")
            if _plausible(kind, name):
                found.add(Dependency(kind, name))
    full = fill(record)
    if full is not None and full.actual is not None:
        found.add(Dependency("limit", f"{full.limit:g} {full.of}".strip()))
    return {one for one in found if not (one.kind == "host" and Dependency("instance", one.name) in found)}


def _plausible(kind: Kind, name: str) -> bool:
    """Whether a text that stands where a name would is one: no file, no number, no lone common word but where a port or a quote marks it."""
    if kind == "host" and name.count(".") == 3 and name.replace(".", "").isdigit():
        return True
    if len(name) < 3 or name.isdigit() or name.lower() in _COMMON or _FILES.search(name):
        return False
    return kind != "instance" or bool(_TOLD_APART.search(name))


def fill(record: LogRecord) -> Fill | None:
    """The limit that a record says was reached or passed, with the actual value where it tells both; None when it tells none."""
    text = _text(record)
    for one in _fills(text):
        if one.limit > 0 and (one.actual is None or one.actual >= one.limit):
            return one
    return None


def _fills(text: str) -> Iterator[Fill]:
    for match in _FULL[0].finditer(text):
        yield Fill(_plural(match[1]), _value(match[3]), _value(match[2]))
    for match in _FULL[1].finditer(text):
        yield Fill(_plural(match[3]), _value(match[2]), _value(match[1]))
    for match in _OVER[0].finditer(text):
        yield Fill(_plural(match[2] or _thing(match[0])), _value(match[1]), _value(match[3]))
    for match in _EXCEEDS.finditer(text):
        yield Fill(_plural(match[2] or match[4] or _thing(match[0])), _value(match[3]), _value(match[1]))
    for match in _SIZE_ONLY.finditer(text):
        yield Fill(_plural(match[2] or _thing(text)), _value(match[1]), None)


def _text(record: LogRecord) -> str:
    told = [record.body, str(record.attributes.get("exception.message") or "")]
    if record.trace is not None:
        told += [f"{exception.type}: {exception.message}" for exception in record.trace.exceptions]
    return "\n".join(dict.fromkeys(text.split("\nTraceback ")[0][:_LONGEST] for text in told if text))


def _thing(text: str) -> str:
    found = re.search(rf"\b{_THING}\b", text, re.I)
    return found[1] if found else "pool" if "pool" in text.lower() else ""


def _plural(thing: str | None) -> str:
    word = (thing or "").lower()
    return word if not word or word.endswith("s") or word in {"kb", "mb", "gb", "kib", "mib", "gib"} else f"{word}s"


def _value(text: str) -> float:
    return float(text.replace(",", "").replace("_", ""))
