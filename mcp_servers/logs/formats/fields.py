"""What a format hands over: the parts of a line before names and numbers are brought into one shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

HEADER = 2048
"""How far into a line the patterns of headers look: what comes behind is body, so no pattern is costly on a line of megabytes."""


@dataclass(slots=True)
class Fields:
    """`time` and `level` as written; `attributes` under OpenTelemetry names where one exists."""

    body: str
    time: Any = None
    level: Any = None
    service: str = ""
    release: str = ""
    trace_id: str = ""
    logger: str = ""
    attributes: dict[str, Any] = field(default_factory=dict[str, Any])


Format = Callable[[str], Fields | None]
"""The fields of a text in this format, or None for every other text."""


def told(**attributes: Any) -> dict[str, Any]:
    """The attributes that are there, `__` read as a dot: `told(host__name="a")` is {"host.name": "a"}."""
    return {name.replace("__", "."): value for name, value in attributes.items() if value not in (None, "", "-")}
