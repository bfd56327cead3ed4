"""What the log tools are asked: the parameters they share, as schemas, and how a window in words becomes a query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import Refusal
from mcp_servers.logs.model import Query, Severity
from mcp_servers.logs.times import parse_moment

Sources = list[str] | None
Since = Annotated[str, Field(description="15m, 2h, 7d or ISO; else all.", max_length=64)]
Lately = Annotated[str, Field(max_length=64)]
"""A begin with a default, which shows how one is written."""
Until = Annotated[str, Field(max_length=64)]
Text = Annotated[str, Field(description="Or a trace id.", max_length=500)]
Level = Annotated[Literal["", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"], Field(description="At least.")]
Services = list[str] | None


def query_of(
    deps: Deps, since: str, until: str, text: str = "", severity: str = "", services: Sequence[str] | None = None, limit: int = 100_000
) -> Query:
    """The query; raises `Refusal` for what is no time, and for a window that ends before it begins."""
    now = deps.clock()
    begin = parse_moment(since, now) if since else None
    end = parse_moment(until, now) if until else None
    if begin and end and begin >= end:
        raise Refusal(f"The window is empty: since {begin.isoformat()} is not before until {end.isoformat()}.", code="empty_window")
    return Query(begin, end, text, Severity[severity] if severity else Severity.UNSPECIFIED, tuple(services or ()), limit)
