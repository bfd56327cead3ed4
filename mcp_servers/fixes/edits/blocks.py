"""Reading SEARCH/REPLACE blocks, and making hunks of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from mcp_servers.fixes.edits.model import ADDED, KEPT, REMOVED, Hunk, Line
from mcp_servers.kit.errors import Refusal

_BEGIN = re.compile(r"^<{5,9}[ \t]*(?:SEARCH|ORIGINAL|HEAD|BEFORE)?[ \t]*$", re.I)
_MIDDLE = re.compile(r"^={5,9}[ \t]*$")
_END = re.compile(r"^>{5,9}[ \t]*(?:REPLACE|UPDATED|AFTER)?[ \t]*$", re.I)
_COMPARED = 300


@dataclass(frozen=True, slots=True)
class Block:
    """What to look for in a file, and what shall stand there."""

    path: str
    search: str
    replace: str


def holds_blocks(text: str) -> bool:
    return any(_BEGIN.match(line.rstrip("\r")) for line in text.split("\n"))


def parse(text: str, path: str = "") -> list[Block]:
    """Every block with its file; raises `Refusal` for one that was cut off, is unclear, or names no file."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    blocks: list[Block] = []
    at = 0
    while at < len(lines):
        if not _BEGIN.match(lines[at]):
            at += 1
            continue
        path = _named(lines[:at]) or path
        end = next((index for index in range(at + 1, len(lines)) if _END.match(lines[index])), None)
        again = next((index for index in range(at + 1, len(lines)) if _BEGIN.match(lines[index])), len(lines))
        if end is None or end > again:
            raise Refusal(f"Block {len(blocks) + 1} is cut off: its >>>>>>> REPLACE line is missing. Send it whole.", code="cut_off")
        blocks.append(_block(lines[at + 1 : end], path, len(blocks) + 1))
        at = end + 1
    return blocks


def hunk_of(search: str, replace: str) -> Hunk:
    """The hunk that turns the lines of `search` into those of `replace`; lines in both are kept lines."""
    old, new = _lines(search), _lines(replace)
    front = _common(old, new)
    back = _common(old[front:][::-1], new[front:][::-1])
    middle = _compared(old[front : len(old) - back], new[front : len(new) - back])
    kept = [Line(KEPT, line) for line in old]
    return Hunk((*kept[:front], *middle, *kept[len(old) - back :]))


def _block(lines: Sequence[str], path: str, number: int) -> Block:
    dividers = [index for index, line in enumerate(lines) if _MIDDLE.match(line)]
    if len(dividers) != 1:
        told = "no ======= line" if not dividers else f"{len(dividers)} ======= lines"
        raise Refusal(f"Block {number} has {told} between SEARCH and REPLACE; it needs exactly one.", code="bad_block")
    if not path:
        raise Refusal(f"Block {number} names no file; put its path on the line before <<<<<<< SEARCH.", code="no_path")
    middle = dividers[0]
    return Block(path, "".join(f"{line}\n" for line in lines[:middle]), "".join(f"{line}\n" for line in lines[middle + 1 :]))


def _named(before: Sequence[str]) -> str:
    """The path on the line before a block, outside or inside its fence; empty when that line is no path."""
    for line in list(before[-4:])[::-1]:
        if _END.match(line):
            return ""
        bare = re.sub(r"^(?:`{3,}|~{3,})\w*", "", line).strip().strip("*`#: \t")
        bare = re.sub(r"^(?:file|path)(?:name)?\s*:\s*", "", bare, flags=re.I).strip("*` ")
        if not bare:
            continue
        return bare if re.match(r"^[^\s\"'()]+$", bare) and re.search(r"[./\\]", bare) and not bare.endswith((".", "…")) else ""
    return ""


def _lines(text: str) -> list[str]:
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    count = 0
    for mine, other in zip(old, new, strict=False):
        if mine != other:
            break
        count += 1
    return count


def _compared(old: Sequence[str], new: Sequence[str]) -> list[Line]:
    if len(old) > _COMPARED or len(new) > _COMPARED:
        return [*(Line(REMOVED, line) for line in old), *(Line(ADDED, line) for line in new)]
    lines: list[Line] = []
    for tag, first, last, start, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            lines += [Line(KEPT, line) for line in old[first:last]]
        else:
            lines += [Line(REMOVED, line) for line in old[first:last]] + [Line(ADDED, line) for line in new[start:end]]
    return lines
