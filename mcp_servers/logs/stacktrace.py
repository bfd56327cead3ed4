"""Text to stack trace: the door to the grammars of `traces`, and to the rule for which frames are our own code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from mcp_servers.kit.stack import StackTrace
from mcp_servers.logs.traces import finder, ours

_LONGEST = 128 * 1024
_LONG_LINE = re.compile(r"^(.{2000}).+$", re.M)

in_app = ours.in_app
mark_in_app = ours.mark


def parse(text: str, app_roots: Sequence[str] = ()) -> StackTrace | None:
    """The first stack trace in the text of one entry, root cause first; None when it holds none.

    A log message may stand before the trace. `app_roots` are folders of our own code and override the default rules.
    """
    trace = _parsed(text[:_LONGEST])
    return mark_in_app(trace, app_roots) if trace and app_roots else trace


@lru_cache(maxsize=1024)
def _parsed(text: str) -> StackTrace | None:
    """A program that fails in one place prints one text again and again."""
    if "\n" not in text and "\\n" in text:
        text = finder.unescaped(text)
    if not finder.HINT.search(text):
        return None
    levelled = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\\n" not in levelled:
        levelled = _LONG_LINE.sub(r"\1", levelled)
    found = finder.find_in(levelled.split("\n"), whole=True)
    return mark_in_app(found[0].trace) if found else None
