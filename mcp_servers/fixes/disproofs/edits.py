"""Fixes that change the tests, or how tests are found and run, instead of the program."""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from pathlib import PurePosixPath
from typing import Any

from mcp_servers.fixes.disproofs.reading import Reading, declared_check, is_setting
from mcp_servers.fixes.policy import is_test

_RUNS_TESTS = {"conftest.py", "pytest.ini", ".pytest.ini", "tox.ini", "noxfile.py", "phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml", ".mocharc.json", ".mocharc.js",
               ".mocharc.yml", "jest.config.js", "jest.config.json", "jest.config.mjs", "vitest.config.js", "go.work"}  # fmt: skip
_TEST_MODULE = re.compile(r"^(?:test.*|.*_test)\.py$|\.(?:test|spec)\.[cm]?js$|_test\.go$|Test\.php$")
_CODE = {".py", ".js", ".cjs", ".mjs", ".php", ".go", ".pth", ".so"}


def edits_tests(reading: Reading) -> str:
    """A sentence when the fix touches the base's tests or their settings, else the empty string."""
    if reading.test_path in reading.before:
        return f"{reading.test_path} exists already; put the reproduction into a new file, because tests of the base stay as they are."
    return next((why for name in reading.changed if (why := _of(name, reading))), "")


def changes_nothing(reading: Reading) -> str:
    return "" if reading.program else "The fix changes no file of the program."


def proves_another(reading: Reading) -> str:
    """A bound is a proof for settings, and for failures without an exception; an exception must be seen again."""
    check = declared_check(reading.test)
    if not check or reading.failure.exception.rpartition(".")[2] in {"", "AssertionError"}:
        return ""
    code = [name for name in reading.program if not is_setting(name)]
    if not code:
        return ""
    return (
        f"The test only checks the bound {check!r}, but production failed with {reading.failure.exception} and the fix changes {code[0]}; "
        "write a test that raises the same exception."
    )


def added_tests(reading: Reading) -> tuple[str, ...]:
    """Test modules that the fix brings along. They are not run with the base's own, so that they cannot change how those end."""
    return tuple(name for name in reading.changed if is_test(name) and name not in reading.before)


def _of(name: str, reading: Reading) -> str:
    place = PurePosixPath(name)
    before, after = reading.before.get(name), reading.after.get(name)
    if before is not None and is_test(name):
        return f"The fix {'deletes' if after is None else 'changes'} {name}; a fix leaves the tests of the base as they are."
    if place.name in _RUNS_TESTS:
        return f"The fix changes how tests run ({name}); leave that file out of the fix."
    if _settings(name, before) != _settings(name, after):
        return f"The fix changes the settings of {'npm' if place.name == 'package.json' else 'pytest'} in {name}; leave them as they are."
    if is_test(name) and place.suffix in _CODE and not _TEST_MODULE.search(place.name) and (after or b"").strip():
        return f"The fix adds {name}, which lies among the tests and is none; put what the reproduction needs into the reproduction."
    return ""


def _settings(name: str, content: bytes | None) -> Any:
    """What a settings file says about running tests; its bytes where it cannot be read."""
    place = PurePosixPath(name).name
    try:
        text = (content or b"").decode("utf-8")
        if place == "pyproject.toml":
            return tomllib.loads(text).get("tool", {}).get("pytest")
        if place == "setup.cfg":
            settings = configparser.ConfigParser(interpolation=None)
            settings.read_string(text)
            return dict(settings["tool:pytest"]) if "tool:pytest" in settings else None
        if place in {"package.json", "composer.json"}:
            data = json.loads(text or "{}")
            return {key: data.get(key) for key in ("scripts", "jest", "mocha", "type", "imports")}
    except (UnicodeDecodeError, ValueError, AttributeError, configparser.Error):
        return content
    return None
