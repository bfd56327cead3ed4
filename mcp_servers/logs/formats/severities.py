"""Words, letters and numbers for severities, in one table."""

from __future__ import annotations

import re
from typing import Any

from mcp_servers.logs.model import Severity

_WORDS = {
    Severity.TRACE: "trace verbose finest finer silly trce trc vrb",
    Severity.DEBUG: "debug fine config dbug dbg debu",
    Severity.INFO: "info information informational notice note log default inf http success",
    Severity.WARN: "warn warning wrn",
    Severity.ERROR: "error err severe fail failure eror erro",
    Severity.FATAL: "fatal critical crit alert emergency emerg panic dpanic ftl fata crt pnc",
}
SEVERITIES = {word: severity for severity, words in _WORDS.items() for word in words.split()}

SYSLOG = (
    Severity.FATAL, Severity.FATAL, Severity.FATAL, Severity.ERROR, Severity.WARN, Severity.INFO, Severity.INFO, Severity.DEBUG,
)  # fmt: skip
LETTERS = {
    "V": Severity.TRACE, "D": Severity.DEBUG, "I": Severity.INFO, "N": Severity.INFO, "W": Severity.WARN, "E": Severity.ERROR,
    "F": Severity.FATAL, "C": Severity.FATAL, "A": Severity.FATAL,
}  # fmt: skip

UPPER = (
    "TRACE|DEBUG|INFO|NOTICE|WARNING|WARN|ERROR|ERR|CRITICAL|CRIT|FATAL|SEVERE|EMERG|ALERT|PANIC|LOG|FINEST|FINER|FINE|CONFIG|VERBOSE|FAILURE"
    "|INF|WRN|DBG|FTL|VRB|TRC"
)
"""Words that are a level when written in capitals in a header."""

_NAMED = {spelling: severity for word, severity in SEVERITIES.items() for spelling in (word, word.upper(), word.title())}
_NUMBERED = [Severity.UNSPECIFIED, *(Severity((number - 1) // 4 * 4 + 1) for number in range(1, 25))]
_PLAIN = re.compile(
    rf"\s*[\[(<]?(?P<level>{UPPER}|(?i:{UPPER})(?=[\]:]))[\])>]?(?=[\s:])|(?P<panic>panic:|fatal error:|Traceback |Unhandled |Uncaught )"
)


def severity_of(value: Any) -> Severity:
    """The severity behind a word or a number: OpenTelemetry 1–24, bunyan and pino 10–60, syslog names. Unknown is UNSPECIFIED."""
    if isinstance(value, str):
        if (severity := _NAMED.get(value)) is not None:
            return severity
        if not value.isdigit():
            word = value.strip().lower().removeprefix("severity_number_")
            return SEVERITIES.get(word) or SEVERITIES.get(word.rstrip("0123456789"), Severity.UNSPECIFIED)
    if isinstance(value, Severity):
        return value
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return Severity.UNSPECIFIED
    if 10 <= number <= 60 and number % 10 == 0:
        return Severity(number // 10 * 4 - 3)
    return _NUMBERED[number] if 0 < number <= 24 else Severity.UNSPECIFIED


def of_syslog(number: int) -> Severity:
    """The severity of a syslog priority (facility × 8 + severity) or of a bare syslog severity."""
    return SYSLOG[number % 8]


def of_plain(text: str) -> Any:
    """The level that a line without any header begins with; a line that begins as a crash does is an error."""
    if found := _PLAIN.match(text):
        return found["level"] or Severity.ERROR
    return None
