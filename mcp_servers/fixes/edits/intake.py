"""Freeing an edit from what stands around it: fences, prose, and a common indentation. Every step is linear in the text."""

from __future__ import annotations

import re
import textwrap

from mcp_servers.fixes.edits.wrappings import tells

_FENCE = re.compile(r"^(`{3,}|~{3,})[ \t]*([^\s`]*)[^`]*$")


def freed(text: str) -> tuple[str, bool]:
    """The edit without fences and a common indentation, and whether its last fence was closed (True without fences)."""
    text = _dedented(text)
    blocks, closed = _fenced(text)
    telling = [block for block in blocks if tells(block)]
    if not telling or tells(_outside(text)):
        return text, closed
    return "\n".join(telling) + "\n", closed


def unfenced(text: str) -> str:
    """The text without fence lines; what they enclose and what stands around stays."""
    return "\n".join(line for line in text.split("\n") if not _FENCE.match(line))


def _fenced(text: str) -> tuple[list[str], bool]:
    blocks: list[str] = []
    open_by, held = "", list[str]()
    for line in text.split("\n"):
        fence = _FENCE.match(line.rstrip("\r"))
        if not open_by and fence:
            open_by, held = fence[1], []
        elif open_by and fence and fence[1][0] == open_by[0] and len(fence[1]) >= len(open_by) and not fence[2]:
            blocks.append("\n".join(held))
            open_by = ""
        elif open_by:
            held.append(line)
    if open_by:
        blocks.append("\n".join(held))
    return blocks, not open_by


def _outside(text: str) -> str:
    kept: list[str] = []
    inside = False
    for line in text.split("\n"):
        if _FENCE.match(line.rstrip("\r")):
            inside = not inside
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def _dedented(text: str) -> str:
    """A text that stands indented as a whole (in a list, in a quote of a mail) moves to the left."""
    if tells(text):
        return text
    moved = textwrap.dedent(text)
    return moved if tells(moved) else text
