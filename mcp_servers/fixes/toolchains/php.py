"""PHP: PHPUnit, read as the JUnit report that all its versions write, from a file.

What runs is listed in a configuration of ours: the tests, then the witnesses, whose file takes itself away when it is loaded.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from mcp_servers.fixes.toolchains import Outcomes, Toolchain, below
from mcp_servers.fixes.toolchains.witnesses import WHY, Staged, Witness
from mcp_servers.kit.stack import ExceptionInfo, Frame, StackTrace

_PLACE = re.compile(r"^(?P<file>/\S+\.php):(?P<line>\d+)$", re.M)
_FAILED = ("error", "failure", "warning")


def read(text: str, code: int, ran: str) -> Outcomes:
    found: dict[str, tuple[str, StackTrace | None]] = {}
    for case in _cases(text):
        name = f"{case.get('class', '')}::{case.get('name', '')}"
        failed = next((child for child in case if child.tag in _FAILED), None)
        if failed is not None:
            found[name] = ("failed", _trace(failed, ran))
        else:
            found.setdefault(name, ("skipped" if case.find("skipped") is not None else "passed", None))
    return found if found or not code else {ran: ("failed", None)}


def _cases(text: str) -> list[ElementTree.Element]:
    """The tests of a report; none where it is cut short, or declares anything, which PHPUnit never does."""
    if "<!" in text.replace("<![CDATA[", ""):
        return []
    try:
        return list(ElementTree.fromstring(text).iter("testcase"))
    except ElementTree.ParseError:
        return []


def _trace(failed: ElementTree.Element, ran: str) -> StackTrace:
    kind = "AssertionError" if failed.tag == "failure" else failed.get("type", "")
    told = (failed.text or "").partition("\n")[2]
    places = list(_PLACE.finditer(told))
    message = told[: places[0].start()] if places else told
    frames = [_frame(place, ran) for place in places]
    return StackTrace("php", (ExceptionInfo(kind, message.strip().removeprefix(f"{kind}: "), tuple(reversed(frames))),))


def _frame(place: re.Match[str], ran: str) -> Frame:
    file = below(place["file"])
    return Frame(file, int(place["line"]), "", in_app="/work/" in place["file"] and not file.startswith("vendor/") and file != ran)


_LISTED = """<?xml version="1.0"?>
<phpunit><testsuites><testsuite name="all">{tests}<file>{ours}</file></testsuite></testsuites></phpunit>
"""
_WITNESS = """<?php
unlink(__FILE__);
final class {name} extends PHPUnit\\Framework\\TestCase {{
    public function {failing}(): void {{ throw new Exception('{why}'); }}
    public function {ending}(): void {{ $this->addToAssertionCount(1); }}
}}
"""


def beside(paths: Sequence[str], text: Callable[[str], str], suite: bool) -> Staged:
    witness, name = Witness.of_chance(paths[0], "test"), f"K{secrets.token_hex(8)}"
    tests = f"<directory>{escape(_common(paths))}</directory>" if suite else f"<file>{escape(paths[0])}</file>"
    ours = _WITNESS.format(name=name, failing=witness.failing, ending=witness.ending, why=WHY)
    listed = f"{name}.xml"
    return Staged((listed,), {listed: _LISTED.format(tests=tests, ours=f"{name}.php"), f"{name}.php": ours}, (witness,))


def _common(paths: Sequence[str]) -> str:
    """The folder of the tests."""
    return next((name.partition("/")[0] for name in paths if "/" in name), ".")


_FLAGS = ("--do-not-cache-result", "--log-junit", "{report}")
_LEAVING = "pcntl_exec,pcntl_fork,pcntl_rfork,pcntl_unshare,posix_kill,proc_terminate,dl"
"""What would let a program end the run of its own tests, or go on as another, after it wrote a report of its own."""
_SCRIPT = (
    'unit=vendor/bin/phpunit; [ -f $unit ] || unit=phpunit; [ -f vendor/autoload.php ] && set -- --bootstrap vendor/autoload.php "$@"; exec php -d zend.assertions=1 -d "disable_functions='
    + _LEAVING
    + '" "$(command -v $unit)" "$@"'
)


def _run(listed: str) -> Sequence[str]:
    return ["/bin/sh", "-c", _SCRIPT, "sh", *_FLAGS, "--configuration", listed]


PHP = Toolchain(
    "phpunit",
    "php",
    one=_run,
    all=lambda listed: _run(listed[0]),
    read=read,
    beside=beside,
    hint="install it with `apt-get install php-cli phpunit`",
    settings=(Path("/etc/php"),),
)
