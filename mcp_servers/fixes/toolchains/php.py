"""PHP: PHPUnit, read as the service messages that all its versions write."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from mcp_servers.fixes.toolchains import Outcomes, Toolchain, below
from mcp_servers.kit.stack import ExceptionInfo, Frame, StackTrace

_MESSAGE = re.compile(r"^##teamcity\[(?P<kind>test(?:Started|Failed|Ignored|Finished)) name='(?P<name>(?:[^'|]|\|.)*)'(?P<rest>.*)\]$")
_FIELD = re.compile(r"(?P<key>message|details)='(?P<value>(?:[^'|]|\|.)*)'")
_THROWN = re.compile(r"^(?P<type>[A-Za-z_\\][\w\\]*) ?: (?P<message>.*)", re.S)
_PLACE = re.compile(r"(?P<file>/\S+\.php):(?P<line>\d+)")
_ESCAPED = {"|n": "\n", "|r": "\r", "|'": "'", "||": "|", "|[": "[", "|]": "]"}


def read(text: str, code: int, ran: str) -> Outcomes:
    found: dict[str, tuple[str, StackTrace | None]] = {}
    for message in filter(None, (_MESSAGE.match(line.strip()) for line in text.splitlines())):
        name = message["name"]
        if message["kind"] == "testFailed":
            found[name] = ("failed", _trace(message["rest"], ran))
        elif message["kind"] == "testIgnored":
            found[name] = ("skipped", None)
        elif message["kind"] == "testFinished":
            found.setdefault(name, ("passed", None))
    return found if found or not code else {ran: ("failed", None)}


def _trace(rest: str, ran: str) -> StackTrace:
    told = {field["key"]: _plain(field["value"]) for field in _FIELD.finditer(rest)}
    thrown = _THROWN.match(told.get("message", ""))
    kind, message = (thrown["type"], thrown["message"]) if thrown else ("AssertionError", told.get("message", ""))
    frames = [_frame(place, ran) for place in _PLACE.finditer(told.get("details", ""))]
    return StackTrace("php", (ExceptionInfo(kind, message, tuple(reversed(frames))),))


def _frame(place: re.Match[str], ran: str) -> Frame:
    file = below(place["file"])
    return Frame(file, int(place["line"]), "", in_app="/work/" in place["file"] and not file.startswith("vendor/") and file != ran)


def _plain(text: str) -> str:
    return re.sub(r"\|.", lambda found: _ESCAPED.get(found[0], found[0]), text)


def _common(paths: Sequence[str]) -> str:
    """The folder of the tests."""
    return next((name.partition("/")[0] for name in paths if "/" in name), ".")


_FLAGS = ("--no-configuration", "--do-not-cache-result", "--teamcity")
_LEAVING = "pcntl_exec,pcntl_fork,pcntl_rfork,pcntl_unshare,posix_kill,proc_terminate,dl"
"""What would let a program end the run of its own tests, or go on as another, after it wrote a report of its own."""
_SCRIPT = (
    'unit=vendor/bin/phpunit; [ -f $unit ] || unit=phpunit; [ -f vendor/autoload.php ] && set -- --bootstrap vendor/autoload.php "$@"; exec php -d zend.assertions=1 -d "disable_functions='
    + _LEAVING
    + '" "$(command -v $unit)" "$@"'
)
PHP = Toolchain(
    "phpunit",
    "php",
    one=lambda path: ["/bin/sh", "-c", _SCRIPT, "sh", *_FLAGS, path],
    all=lambda paths: ["/bin/sh", "-c", _SCRIPT, "sh", *_FLAGS, _common(paths)],
    read=read,
    hint="install it with `apt-get install php-cli phpunit`",
    settings=(Path("/etc/php"),),
)
