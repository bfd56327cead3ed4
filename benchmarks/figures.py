"""The row of the table that `make bench` prints, and how CPU time is taken."""

from __future__ import annotations

import resource
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

Value = TypeVar("Value")

Say = Callable[[str], None]
"""Tells the person who waits what is being measured now."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure. `ours` and `peer` were taken in the same run; `ratio` compares them, `anchor` with a physical limit.

    `reach` and `beyond` are the bars in words; `met` says which of them was met: "beyond", "reach" or "" for neither.
    """

    name: str
    ours: str
    peer: str = ""
    ratio: str = ""
    anchor: str = ""
    reach: str = ""
    beyond: str = ""
    met: str = ""


def met(value: float, reach: float, beyond: float) -> str:
    """Which bar a value meets; the bars tell the direction (0.97 then 0.995 rises, 60 then 20 falls)."""
    rising = beyond >= reach

    def over(bar: float) -> bool:
        return value >= bar if rising else value <= bar

    return "beyond" if over(beyond) else "reach" if over(reach) else ""


def cpu_seconds(work: Callable[[], Value], *, best_of: int = 1) -> tuple[float, Value]:
    """The least user and system time of this process and its children in seconds, and what the work returned last."""
    if best_of < 1:
        raise ValueError(f"best_of is {best_of}; at least one run is needed.")
    seconds: list[float] = []
    while True:
        before = _used()
        value = work()
        seconds.append(_used() - before)
        if len(seconds) >= best_of:
            return min(seconds), value


def _used() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
