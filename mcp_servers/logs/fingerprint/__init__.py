"""The identity of an error, in two grains: what stays the same when lines shift, hosts change and ids differ.

Each version of the algorithm keeps its hashes for ever: change the algorithm, raise `VERSION`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from hashlib import sha256
from typing import Any

from mcp_servers.kit.stack import ExceptionInfo, Frame, StackTrace
from mcp_servers.logs.fingerprint import former
from mcp_servers.logs.fingerprint.naming import is_minified, name_of, tells_nothing
from mcp_servers.logs.groupings import AS_IT_IS
from mcp_servers.logs.model import LogRecord, Severity
from mcp_servers.logs.templates.masking import canonical, mask_message
from mcp_servers.logs.traffic import answered, is_access, request_of

VERSION = 2
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
_HINTS = (
    "errno",
    "mfile",
    "nfile",
    "too many",
    "nospc",
    "space left",
    "quota",
    "nomem",
    "memory",
    "pool",
    "remaining conn",
    "is not avail",
)
# Messages that a runtime words itself: they say what went wrong where its type does not.
_WORDED = re.compile(
    r"(?:index|slice|range|integer|invalid memory|invalid slice|hash of|comparing|makeslice|attempt to|called `|already|not (?:yet )?implemented|all goroutines"
    r"|concurrent map|internal error: entered|explicit panic|assertion|assignment to entry|close of|send on|negative|stack overflow|interface conversion)"
)
_RUNTIME_TYPES = frozenset({"runtime error", "fatal error", "panic"})


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`coarse` is what a case is about (root error and the frame of ours nearest the throw), `fine` tells the ways to get there.

    `former` is the coarse hash of the version before, under which cases and lessons may be stored; empty where there was none.
    """

    version: int
    coarse: str
    fine: str
    former: str = field(default="", compare=False)

    def as_json(self) -> dict[str, Any]:
        """As a case stores it; without `former` where it is empty."""
        return {name: value for name, value in asdict(self).items() if value or name != "former"}


def of_message(text: str) -> Fingerprint | None:
    """The fingerprint of a message without frames, told by no service."""
    return of(LogRecord(None, Severity.ERROR, text))


def of(record: LogRecord) -> Fingerprint | None:
    """The fingerprint of what a record reports, as the project groups its errors; None when it says nothing at all."""
    found = computed(record)
    if found is None or record.grouping is AS_IT_IS:
        return found
    coarse = record.grouping.coarse_of(found.coarse, found.fine)
    return found if coarse == found.coarse else replace(found, coarse=coarse)


def computed(record: LogRecord) -> Fingerprint | None:
    """As `of`, before what a person decided about groups."""
    if "fingerprint" not in record.derived:
        record.derived["fingerprint"] = _computed(record)
    return record.derived["fingerprint"]


def _computed(record: LogRecord) -> Fingerprint | None:
    if record.trace is not None and any(exception.frames for exception in record.trace.exceptions):
        return of_trace(record.trace, record.service)
    kind, message = _told(record)
    if not kind and not message.strip():
        return None
    words = message if is_access(record) else mask_message(message)
    fine = _hash("message", f"{kind}|{record.service}|{words}")
    return Fingerprint(VERSION, resource_of(record) or fine, fine)


def of_trace(trace: StackTrace, service: str = "") -> Fingerprint:
    """The fingerprint of a stack trace; the service only counts for errors of a system resource, which strike anywhere."""
    return _of_alike(_without_values(trace), _spent(trace, service))


def _without_values(trace: StackTrace) -> StackTrace:
    """The trace with the numbers of its messages spelt alike, which no identity is made of."""
    told = [one.message for one in trace.exceptions]
    spelt = [canonical(message) if "\n" not in message and len(message) < _LONGEST else message for message in told]
    if told == spelt:
        return trace
    return replace(trace, exceptions=tuple(replace(one, message=text) for one, text in zip(trace.exceptions, spelt, strict=True)))


@lru_cache(maxsize=4096)
def _of_alike(trace: StackTrace, spent: str) -> Fingerprint:
    coarse = spent or _hash("trace", coarse_text(trace))
    return Fingerprint(VERSION, coarse, _hash("trace", fine_text(trace)), former.of_trace(trace)[0])


def fine_text(trace: StackTrace) -> str:
    """What the fine hash is made of: language | types of the chain, root cause first | frames, nearest the throw first."""
    types = "<".join(_kind(exception) for exception in trace.exceptions)
    return f"v{VERSION}|{trace.language}|{types}|{'>'.join(_places(trace)[:_FRAMES])}"


def coarse_text(trace: StackTrace) -> str:
    """What the coarse hash is made of: language | type of the root cause | the frame of ours nearest its throw (with the next named one where that is anonymous)."""
    ours = _ours(trace)
    named = next((number for number, name in enumerate(ours, start=1) if not tells_nothing(name)), 1)
    place = ">".join(ours[: min(named, _SYSTEM_FRAMES)] or _places(trace))
    return f"v{VERSION}|{trace.language}|{_kind(trace.root)}|{place}"


def former_coarse(record: LogRecord) -> str:
    """The coarse hash that version 1 gave to a record with a stack; empty without one. Cases that were opened under it are known by it."""
    return former.of_trace(record.trace)[0] if record.trace is not None else ""


def resource_of(record: LogRecord) -> str:
    """The coarse hash of a spent system resource that a record reports: one per resource and service, whoever ran out of it first."""
    if record.trace is not None:
        return _spent(record.trace, record.service)
    kind, message = _told(record)
    return _resource(f"{kind}: {message[:_LONGEST]}", record.service)


def _spent(trace: StackTrace, service: str) -> str:
    named = (_resource(f"{exception.type}: {exception.message[:_LONGEST]}", service) for exception in trace.exceptions)
    return next((found for found in named if found), "")


def _places(trace: StackTrace) -> list[str]:
    """Frames of ours, each once; of the system where there is no other; the words of the message where there is no frame at all."""
    return _ours(trace) or _system(trace) or [mask_message(trace.root.message)]


def _ours(trace: StackTrace) -> list[str]:
    """Names of our frames. Where no function has a name, as after a bundler, the message tells the errors of one file apart."""
    frames = [frame for frame in _nearest_first(trace) if frame.in_app]
    names = list(dict.fromkeys(name_of(frame, trace.language) for frame in frames))
    if frames and all(not frame.function or is_minified(frame) for frame in frames):
        return [f"{names[0]} {mask_message(trace.root.message)}", *names[1:]]
    return _files_only(names, frames) if trace.language == "php" else names


def _files_only(names: list[str], frames: list[Frame]) -> list[str]:
    """PHP tells a call and where it was made: what was called from a library's frame cannot be told, so the frames further out are their files."""
    further = (name_of(replace(frame, function=""), "php") for frame in frames[1:])
    return list(dict.fromkeys([*names[:1], *further]))


def _kind(exception: ExceptionInfo) -> str:
    """The bare type, and for what a runtime words itself the words."""
    bare = _bare(exception.type)
    if bare in _RUNTIME_TYPES:
        told = exception.message.partition("\n")[0].removeprefix("runtime error: ")
        return f"{bare}: {mask_message(told)}" if _WORDED.match(told) else bare
    return bare


def _told(record: LogRecord) -> tuple[str, str]:
    """Type and message of a record without frames."""
    if record.trace is not None:
        return _bare(record.trace.root.type), record.trace.root.message
    kind = str(record.attributes.get("exception.type") or "")
    if is_access(record):
        return "", answered(request_of(record))
    return _bare(kind), str(record.attributes.get("exception.message") or record.body)


def _resource(text: str, service: str) -> str:
    low = text.lower()
    if not any(hint in low for hint in _HINTS):
        return ""
    name = next((name for name, words in _RESOURCES if words.search(text)), "")
    return _hash("resource", f"{name}|{service}") if name else ""


def _nearest_first(trace: StackTrace) -> Iterator[Frame]:
    for exception in trace.exceptions:
        yield from reversed(exception.frames)


def _system(trace: StackTrace) -> list[str]:
    deepest: ExceptionInfo = next((exception for exception in trace.exceptions if exception.frames), trace.root)
    names = (name_of(frame, trace.language) for frame in reversed(deepest.frames))
    return list(dict.fromkeys(names))[:_SYSTEM_FRAMES]


def _bare(kind: str) -> str:
    """`shop.errors.Bad` and `__main__.Bad` are one type: how it was imported is not what went wrong."""
    return re.split(r"[.\\]|::", kind)[-1]


def _hash(space: str, text: str) -> str:
    return sha256(f"{VERSION}|{space}|{text}".encode()).hexdigest()[:16]
