"""A page for people: Markdown in which nothing that strangers wrote can act, and how its words came about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mcp_servers.kit.inert import line

Standing = Literal["good", "advice", "findings", "unknown"]
MOST_ROWS = 60
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Picture:
    """An SVG file beside the page."""

    file: str
    text: str
    svg: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page. `summary` is one sentence with its numbers; `blocks` are Markdown that was made safe."""

    file: str
    title: str
    standing: Standing
    summary: str
    blocks: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = field(default=())

    @property
    def name(self) -> str:
        return self.file.removesuffix(".md")

    def render(self) -> str:
        shown = [f"![{one.text}]({one.file})" for one in self.pictures]
        return "\n\n".join([f"# {self.title}", self.summary, *shown, *(block for block in self.blocks if block)]) + "\n"


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str = "") -> str:
    """A table of cells that strangers may have written; at most `MOST_ROWS` rows, and how many more there are."""
    every = [[cell(value) for value in row] for row in rows]
    if not every:
        return empty
    lines = [f"| {' | '.join(row)} |" for row in (list(columns), ["---"] * len(columns), *every[:MOST_ROWS])]
    more = f"\n\n… and {len(every) - MOST_ROWS} more." if len(every) > MOST_ROWS else ""
    return "\n".join(lines) + more


def section(title: str, body: str) -> str:
    """A part of a page under its heading; nothing where there is nothing to say."""
    return f"## {title}\n\n{body}" if body else ""


def bullets(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def cell(value: object, most: int = 160) -> str:
    return line(str(value), most).replace("*", "\\*").replace("_", "\\_") or "–"


def percent(share: float) -> str:
    return f"{share:.1%}"


def counted(number: int, noun: str, nouns: str = "") -> str:
    """`1 test`, `2 tests`."""
    return f"{number} {noun if number == 1 else nouns or noun + 's'}"
