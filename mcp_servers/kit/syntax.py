"""Reading Python source from any thread."""

from __future__ import annotations

import ast
from threading import Lock

_ONE_AT_A_TIME = Lock()


def parse(text: str | bytes) -> ast.Module:
    """The syntax tree of Python source; raises SyntaxError or ValueError as `ast.parse` does.

    CPython 3.11 counts recursion while it builds a tree in one place for all threads, and two at once end in a SystemError.
    """
    with _ONE_AT_A_TIME:
        return ast.parse(text)
