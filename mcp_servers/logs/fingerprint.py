"""The identity of an error, in two grains: what stays the same when lines shift, hosts change and ids differ.

Each version of the algorithm keeps its hashes for ever: change the algorithm, raise `VERSION`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

from mcp_servers.kit.stack import ExceptionInfo, Frame, StackTrace
from mcp_servers.logs.masking import mask_message
from mcp_servers.logs.model import LogRecord

VERSION = 1
_FRAMES = 40
_LONGEST = 2048
_SYSTEM_FRAMES = 3
_RESOURCES = (
    ("EMFILE", re.compile(r"\bErrno 2[34]\b|\bE[MN]FILE\b|too many open files", re.I)),
    ("ENOSPC", re.compile(r"\bErrno 28\b|\bENOSPC\b|no space left on device|disk quota exceeded", re.I)),
    ("ENOMEM", re.compile(r"\bErrno 12\b|\bENOMEM\b|cannot allocate memory|\bMemoryError\b|OutOfMemoryError|heap out of memory", re.I)),
    (
        "POOL",
        re.compile(
            r"QueuePool limit of size|connection pool (?:is )?(?:full|timed out)|\bpool\b.{0,40}\bexhausted\b|\bPoolTimeout\b"
            r"|(?:timed out|timeout)\b.{0,40}\b(?:from|for|in) (?:the )?(?:connection )?pool"
            r"|too many (?:clients|connections)|remaining connection slots|Connection is not available, request timed out",
            re.I,
        ),
    ),
)
_NAMELESS = frozenset({"__init__", "__main__", "index", "mod"})
_INSTALLED_AT = frozenset({"", "app", "src", "code", "srv", "opt", "current", "release", "releases", "workspace", "lib", "dist", "build"})
_VERSIONED = re.compile(r"[.@_-](?:v?\d+(?:\.\d+)+|(?=[0-9a-f]*\d)[0-9a-f]{6,})(?=[.@_-]|$)|\.min$")
_GENERATED = re.compile(r"\$\$?(Lambda|EnhancerBy[A-Za-z]+|FastClassBy[A-Za-z]+|Proxy|SpringCGLIB)[$\w/]*|\$\d+(?=\.|$)|0x[0-9a-f]+")
_NUMBERED = re.compile(r"(?<=lambda\$)(\w+\$)\d+|(?<=GeneratedMethodAccessor)\d+|(?<=func)\d+")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`coarse` is what a case is about (root error and the frame of ours nearest the throw), `fine` tells the ways to get there."""

    version: int
    coarse: str
    fine: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def of(record: LogRecord) -> Fingerprint | None:
    """The fingerprint of what a record reports; None when it says nothing at all."""
    if record.trace is not None and any(exception.frames for exception in record.trace.exceptions):
        return of_trace(record.trace, record.service)
    kind, message = _told(record)
    if not kind and not message.strip():
        return None
    fine = _hash("message", f"{kind}|{record.service}|{mask_message(message)}")
    return Fingerprint(VERSION, resource_of(record) or fine, fine)


@lru_cache(maxsize=4096)
def of_trace(trace: StackTrace, service: str = "") -> Fingerprint:
    """The fingerprint of a stack trace; the service only counts for errors of a system resource, which strike anywhere."""
    types = "<".join(_bare(exception.type) for exception in trace.exceptions)
    ours = [_name(frame, trace.language) for frame in _nearest_first(trace) if frame.in_app]
    shown = list(dict.fromkeys(ours))[:_FRAMES] or _system(trace) or [mask_message(trace.root.message)]
    fine = f"{trace.language}|{types}|{'>'.join(shown)}"
    return Fingerprint(VERSION, _spent(trace, service) or _hash("trace", _coarse(trace)), _hash("trace", fine))


def resource_of(record: LogRecord) -> str:
    """The coarse hash of a spent system resource that a record reports: one per resource and service, whoever ran out of it first."""
    if record.trace is not None:
        return _spent(record.trace, record.service)
    kind, message = _told(record)
    return _resource(f"{kind}: {message[:_LONGEST]}", record.service)


def _spent(trace: StackTrace, service: str) -> str:
    named = (_resource(f"{exception.type}: {exception.message[:_LONGEST]}", service) for exception in trace.exceptions)
    return next((found for found in named if found), "")


def _coarse(trace: StackTrace) -> str:
    top = trace.top_in_app
    place = _name(top, trace.language) if top else ">".join(_system(trace)) or mask_message(trace.root.message)
    return f"{trace.language}|{_bare(trace.root.type)}|{place}"


def _told(record: LogRecord) -> tuple[str, str]:
    """Type and message of a record without frames."""
    if record.trace is not None:
        return _bare(record.trace.root.type), record.trace.root.message
    kind = str(record.attributes.get("exception.type") or "")
    return _bare(kind), str(record.attributes.get("exception.message") or record.body)


def _resource(text: str, service: str) -> str:
    name = next((name for name, words in _RESOURCES if words.search(text)), "")
    return _hash("resource", f"{name}|{service}") if name else ""


def _nearest_first(trace: StackTrace) -> Iterator[Frame]:
    for exception in trace.exceptions:
        yield from reversed(exception.frames)


def _system(trace: StackTrace) -> list[str]:
    deepest: ExceptionInfo = next((exception for exception in trace.exceptions if exception.frames), trace.root)
    names = (_name(frame, trace.language) for frame in reversed(deepest.frames))
    return list(dict.fromkeys(names))[:_SYSTEM_FRAMES]


@lru_cache(maxsize=8192)
def _name(frame: Frame, language: str) -> str:
    """Module and function. A class path is kept whole; of a file only its name, since the folders before it are the installation's."""
    path = frame.file.replace("\\", "/").partition("?")[0]
    folders, _, base = path.rpartition("/")
    stem = _VERSIONED.sub("", base.partition(".")[0] if language == "python" else base.rpartition(".")[0] or base)
    if language == "java":
        stem = f"{folders}/{stem}"
    elif stem in _NAMELESS:
        stem = f"{_package(folders)}/{stem}"
    return f"{stem}:{_function(frame.function)}"


def _package(folders: str) -> str:
    parent = folders.rpartition("/")[2]
    return "" if parent in _INSTALLED_AT or re.search(r"\d", parent) else parent


def _function(name: str) -> str:
    return _NUMBERED.sub(r"\1", _GENERATED.sub(r"$\1", name))


def _bare(kind: str) -> str:
    """`shop.errors.Bad` and `__main__.Bad` are one type: how it was imported is not what went wrong."""
    return re.split(r"[.\\]|::", kind)[-1]


def _hash(space: str, text: str) -> str:
    return sha256(f"{VERSION}|{space}|{text}".encode()).hexdigest()[:16]
