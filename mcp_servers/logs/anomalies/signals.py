"""What one record hints at. A word such as "error" is a signal, not a verdict: what the request came to decides later."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from mcp_servers.logs.anomalies import topics
from mcp_servers.logs.model import LogRecord, Severity
from mcp_servers.logs.traffic import is_access, request_of


class Signal(StrEnum):
    ERROR = "error"
    FAILED_REQUEST = "failed request"
    TRUNCATION = "truncation"
    SLOW = "slow"
    DUPLICATE = "duplicate"
    RETRY = "retry"
    DEPRECATION = "deprecation"
    CLIENT_ERROR = "client error"
    WARNING = "warning"
    NOTICE = "notice"
    CONCERN = "concern"
    NONE = ""


_LONGEST = 2048
_WORDS = re.compile(
    r"\b(?:errors?|exceptions?|fail(?:ed|ure)|traceback|panic)\b|(?-i:\w(?:Error|Exception)\b)|\bHTTP(?:/[\d.]+)?\"?[ :]+[45]\d\d\b", re.I
)
_DENIED = re.compile(
    r"\b(?:no|0|zero|without(?: any)?) (?:errors?|exceptions?|failures?|failed)\b|\b(?:errors?|failed|failures?)(?:_count)?[=: ]+0\b", re.I
)
_DEPRECATED = re.compile(r"deprecat|\bwill be removed in\b|FutureWarning", re.I)
_TRUNCATED = re.compile(
    r"truncat|\bcut (?:off|short)\b|finish_reason\W{0,3}(?:length|max_tokens)|max_tokens reached|incomplete (?:response|answer|output)",
    re.I,
)
_SLOW = re.compile(r"\bslow(?:er|ly)?\b|took too long|exceeded .{0,30}(?:threshold|budget|deadline)|high latency", re.I)
_DUPLICATE = re.compile(r"\bduplicated?s?\b|already (?:been )?(?:processed|handled|delivered|received)", re.I)
_RETRY = re.compile(r"\bretr(?:y|ying|ies|ied)\b|\battempt \d+|trying again|will try|\(\d+/\d+\)", re.I)
_SUCCESS = re.compile(
    r"\bsucce(?:ss|eded)|\bsent\b|\brecovered\b|\bafter \d+ (?:attempts|retries|tries)|\bcompleted?\b|\b(?:re)?connected\b|\bdone\b|\bok\b",
    re.I,
)


Marked = tuple[LogRecord, Signal]


def mark(records: Iterable[LogRecord]) -> list[Marked]:
    """Every record with its signal: looked at once, used by all."""
    return [(record, of(record)) for record in records]


def of(record: LogRecord) -> Signal:
    """The signal of a record; NONE for what needs no look at all."""
    if is_access(record):
        status = request_of(record).status
        return Signal.FAILED_REQUEST if status >= 500 else Signal.CLIENT_ERROR if status >= 400 else Signal.NONE
    raised = record.trace is not None or bool(record.attributes.get("exception.type"))
    text = record.body[:_LONGEST]
    if not raised and _DEPRECATED.search(text):
        return Signal.DEPRECATION
    if record.severity >= Severity.ERROR or (raised and not record.severity):
        return Signal.ERROR
    return Signal.WARNING if raised else _of_words(text, record.severity) or (Signal.CONCERN if topics.of(text) else Signal.NONE)


def says_retry(record: LogRecord) -> bool:
    return bool(_RETRY.search(record.body[:_LONGEST]))


def says_success(record: LogRecord) -> bool:
    return record.severity < Severity.WARN and bool(_SUCCESS.search(record.body[:_LONGEST]))


def _of_words(text: str, severity: Severity) -> Signal:
    if _TRUNCATED.search(text):
        return Signal.TRUNCATION
    if _DUPLICATE.search(text):
        return Signal.DUPLICATE
    if _RETRY.search(text):
        return Signal.RETRY
    if _SLOW.search(text):
        return Signal.SLOW
    if _WORDS.search(text) and not _DENIED.search(text):
        return Signal.ERROR if severity == Severity.UNSPECIFIED else Signal.WARNING
    return Signal.NOTICE if severity >= Severity.WARN else Signal.NONE


_KINDS = (
    (
        "security",
        re.compile(
            r"unauthori[sz]ed|forbidden|permission denied|authentication fail|invalid (?:token|signature|credentials)|injection|csrf", re.I
        ),
    ),
    (
        "configuration",
        re.compile(
            r"pool size|QueuePool limit|\bpool\b.{0,40}\bexhausted|max_(?:tokens|connections|length)|truncat|missing (?:environment|setting|config)"
            r"|\bconfigur|too many (?:clients|connections)",
            re.I,
        ),
    ),
    (
        "infrastructure",
        re.compile(
            r"Errno|too many open files|no space left|MemoryError|OutOfMemory|connection (?:refused|reset|aborted)|ECONN|ENOTFOUND|name resolution"
            r"|unreachable|\banswered 50[234]\b|service unavailable|bad gateway|broken pipe|certificate",
            re.I,
        ),
    ),
    ("performance", re.compile(r"time(?:d)?[ -]?out|TimeoutError|deadline exceeded|\bslow\b|latency|lock wait|deadlock", re.I)),
)


def error_type(text: str) -> str:
    """What sort of problem a message names: security, configuration, infrastructure, performance, else a bug."""
    return next((name for name, words in _KINDS if words.search(text)), "bug")
