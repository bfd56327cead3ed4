"""Requests that a message tells in its own words: `GET /cart/7 200 12 ms`, `method=GET path=/cart status=200`, `HTTP GET /cart responded 200`."""

from __future__ import annotations

import re
from dataclasses import dataclass

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PROPFIND", "PURGE")
_METHOD = f"(?P<method>{'|'.join(METHODS)})"
_LONGEST = 1024
_BEFORE = r"(?:(?:\[[^\]]{0,200}\]|\([^)]{0,100}\)|[\da-fA-F]*[.:][\da-fA-F.:]*|\d[\w.:/-]*|-+>?|<--|\||[\w.@/-]{1,80}:|[\w.-]{1,40}=\S{1,200})[ ,]+)*+"
_NAME = rf"(?:(?!(?:{'|'.join(METHODS)}|(?i:\w+ing|\w+ed|to|from|via|upstream|client|backend|call|fetch|retry))\b)[A-Za-z][\w.-]*[ ]+)?+"
_PHRASE = (
    r"(?:(?i:(?:after |http )?(?:request|response)(?: (?:finished|completed|handled|processed|served|ended|done))?"
    r"|completed|finished|handled|processed|served)[:-]?[ ]+)?+(?:HTTP(?:/[\d.]+)?[ ]+)?+"
)
_TARGET = r"[\"'\[]?(?P<target>(?:https?://[^\s\"'/]+)?/[^\s\"'\]),;|]*)[\"'\])]?(?P<version> HTTP/[\d.]+)?[\"'\])]*+"
_BETWEEN = (
    r"(?:[ ,;:|>=\])-]|→|\b(?:returned|responded|answered|with|status(?: ?code)?|code|sent|Sent|from [\da-fA-F.:]+|[a-z]+/[\w.+;=-]+(?: \d+(?= - \d))?"
    r"|(?!status|code)[\w.-]+=[^\s\])]+)(?![\w.]))*+"
)
_STATUS = r"[\"'\[(]?(?P<status>[1-5]\d\d)(?![\w.])"
_REASON = r"(?:[\"'\])]*[ ][A-Z][A-Za-z'-]*(?: [A-Z][A-Za-z'-]*){0,4})?"
_REST = (
    r"(?P<rest>(?:[\s,;:|()\[\]\"'~-]|[\w.-]+[=:]\S*|[a-z]+/[\w.+;=-]+|[.\d][\w.%:µμ]*|\"[^\"]*\""
    r"|\b(?:in|took|after|from|bytes?|[KMk]?i?[Bb]|[nuµμm]?s|secs?|seconds|duration|time|elapsed|size|length|latency|null)\b)*+)"
)
_SENTENCE = re.compile(rf"{_BEFORE}{_NAME}(?P<phrase>{_PHRASE})[\"'\[]?{_METHOD}[ ]+{_TARGET}{_BETWEEN}{_STATUS}{_REASON}{_REST}")
_STATUS_FIRST = re.compile(
    r"(?:(?:\[[^\]]{0,80}\]|[\d.:/a-fA-F-]+|\|)[ ]+){0,8}?\[?(?P<status>[1-5]\d\d)(?:\]:|[ ]*\|)(?P<rest>[ |\d.:a-zA-Zµμ]{0,120}?)[ |]"
    rf"{_METHOD}[ |]+\"?(?P<target>/[^\s\"|]*)\"?[\s|-]*+"
)
_PAIR = re.compile(r"(?<![\w.-])([A-Za-z][\w.-]*)(?:=|: ?)(\"[^\"]*\"|'[^']*'|[^\s,;}\])]+)")
_NAMED = re.compile(r"(?:https?|req|request|res|resp|response|rack)(?=[._-]?[A-Za-z])|[._-]")
_OF_METHOD, _OF_TARGET, _OF_STATUS = (
    ("method", "verb"),
    ("path", "uri", "url", "target", "endpoint", "route"),
    ("statuscode", "status", "code"),
)
_FAILING = frozenset(("err", "error", "exception", "cause", "stack", "stacktrace"))
_TOOK = re.compile(r"(\d+(?:\.\d+)?)[ ]?(ns|us|µs|μs|ms|msec|milliseconds|s|secs?|seconds)\b")
_MILLISECONDS = {"n": 1e-6, "u": 1e-3, "µ": 1e-3, "μ": 1e-3, "m": 1.0, "s": 1e3}


@dataclass(frozen=True, slots=True)
class Ending:
    """What is told of a request that ended; `milliseconds` is None where nobody says how long it took."""

    method: str
    target: str
    status: int
    milliseconds: float | None = None


def ending_of(text: str) -> Ending | None:
    """The request whose end is all that a message tells; None for every other message, calls of other services among them."""
    text = text[:_LONGEST].strip()
    if not any(method in text for method in METHODS):
        return None
    return _in_words(text) or _in_pairs(text)


def _in_words(text: str) -> Ending | None:
    if found := _SENTENCE.fullmatch(text):
        outside = "://" in found["target"] and not found["version"] and not found["phrase"].strip()
        return None if outside else _ending(found["method"], found["target"], found["status"], found["rest"])
    if found := _STATUS_FIRST.fullmatch(text):
        return _ending(found["method"], found["target"], found["status"], found["rest"])
    return None


def _in_pairs(text: str) -> Ending | None:
    pairs = {_NAMED.sub("", name).lower(): value.strip("\"'") for name, value in _PAIR.findall(text)}
    method, target, status = (next((pairs[name] for name in names if name in pairs), "") for names in (_OF_METHOD, _OF_TARGET, _OF_STATUS))
    if method not in METHODS or not re.match(r"/|https?://[^/]+/", target) or not re.fullmatch(r"[1-5]\d\d", status):
        return None
    if any(pairs.get(name) for name in _FAILING):
        return None
    return _ending(method, target, status, text)


def _ending(method: str, target: str, status: str, rest: str) -> Ending:
    took = _TOOK.search(rest)
    return Ending(
        method, re.sub(r"^\w+://[^/]*", "", target) or "/", int(status), float(took[1]) * _MILLISECONDS[took[2][0]] if took else None
    )
