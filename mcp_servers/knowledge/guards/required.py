"""The last resort of a lesson: the test that its fix brought has to stay."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from mcp_servers.knowledge.guards.model import Guard, guard_id

_PATH = re.compile(r"(?:^|/)(?:tests?|spec|__tests__)/|(?:^|/)test_[^/]*$|[._-](?:test|spec)s?\.\w+$|Tests?\.\w+$", re.I)
_NAME = re.compile(r"\bdef (test_\w+)|\bfunc (Test\w+)|\bfunction (test\w+)")


def is_test(path: str) -> bool:
    """Whether a file is one of tests, by its name."""
    return bool(_PATH.search(path))


def candidates(before: Mapping[str, str], after: Mapping[str, str], message: str) -> Iterator[Guard]:
    """A guard for each test that the change added."""
    for path, text in sorted(after.items()):
        known = set(_names(before.get(path, "")))
        for name in (name for name in _names(text) if is_test(path) and name not in known):
            guard: Guard = {"kind": "required-test", "paths": [path], "test": name}
            yield {"id": guard_id(guard), **guard, "message": message}


def _names(text: str) -> list[str]:
    return [next(filter(None, found)) for found in _NAME.findall(text)]
