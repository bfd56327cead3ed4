"""How lines stand to their neighbours: asked of the joiner once per shape, so that it need not see every line."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from mcp_servers.logs.linemarks import may_resume, stands_alone
from mcp_servers.logs.multiline import Joiner

ALONE, JOINS, OPENS, BLANK = range(4)
"""An entry of its own wherever it stands; part of the entry before it; the begin of more; white space."""

_BEFORE = (
    "zzz plain words",
    "2026-01-01 10:00:00,000 INFO app - words",
    "2026-01-01T10:00:00Z ERROR words",
    "Jan  1 10:00:00 host app[1]: words",
    '{"level":"info","message":"words"}',
    "INFO words",
    r'{"log":"2026-01-01 10:00:00,000 INFO app - words\n","stream":"stdout","time":"2026-01-01T10:00:00Z"}',
    r'{"log":"2026-01-01 10:00:00,000 INFO app - words\n","stream":"stderr","time":"2026-01-01T10:00:00Z"}',
)
_BEHIND = ("zzz plain words", "INFO: words", "}", "Caused by: a.b.CException: x", "two Words")


@cache
def _probes(*, alone: bool) -> tuple[str, ...]:
    """What may follow a line and no common one; for a line that stands alone without what does so itself."""
    return tuple(line for line in _BEHIND if not (alone and stands_alone(line)) and not any(_joined((before,), line) for before in _BEFORE))


def standing(text: str) -> int:
    """ALONE, JOINS, OPENS or BLANK for a line, by what the joiner does with it among lines of common kinds."""
    if not text.strip():
        return BLANK
    alone = stands_alone(text)
    if not alone and any(_joined((before,), text) for before in _BEFORE):
        return JOINS
    return OPENS if any(_joined((text,), behind) for behind in _probes(alone=alone)) or _holds_blank(text) or may_resume(text) else ALONE


def joined(before: Sequence[str], text: str) -> bool:
    """Whether the joiner, having seen these lines, takes this one into an entry that it has begun."""
    return _joined(before, text)


def _joined(before: Sequence[str], text: str) -> bool:
    joiner, given = Joiner(), 0
    for number, line in enumerate((*before, text), start=1):
        given += sum(entry.lines for entry in joiner.feed(line, number))
    return given < len(before)


def _holds_blank(text: str) -> bool:
    joiner = Joiner()
    return not [*joiner.feed(text, 1), *joiner.feed("", 2)]
