"""A log as blocks of whole lines in UTF-8: what reading in bulk works on."""

from __future__ import annotations

import io
from collections.abc import Iterator

from mcp_servers.logs.sources.files import MAX_LINE, lines

BLOCK = 2 * 1024 * 1024
_LINES = 10_000


def blocks(stream: io.BufferedReader, encoding: str, cut: list[int], length: int = -1) -> Iterator[bytes]:
    """The text in blocks that end before a newline; lines are at most MAX_LINE bytes long, `cut[0]` counts the longer ones.

    `length` says how many bytes of the stream are read at most, all when negative.
    """
    return _plain(stream, cut, length) if encoding == "utf-8" else _recoded(stream, encoding, cut)


def _plain(stream: io.BufferedReader, cut: list[int], left: int) -> Iterator[bytes]:
    held, dropping = b"", False
    while chunk := stream.read(BLOCK if left < 0 else min(BLOCK, left)):
        left -= len(chunk) if left > 0 else 0
        if dropping:
            _, newline, chunk = chunk.partition(b"\n")
            if not newline:
                continue
            yield held
            held, dropping = b"", False
        whole, newline, rest = chunk.rpartition(b"\n")
        if newline:
            yield _bounded(held + whole, cut)
            held = rest
        else:
            held += rest
        if len(held) >= MAX_LINE:
            held, dropping = held[:MAX_LINE], True
            cut[0] += 1
        if not left:
            break
    if held or dropping:
        yield held


def _bounded(block: bytes, cut: list[int]) -> bytes:
    """The block with its long lines cut. A line of that length covers one of these windows."""
    window = MAX_LINE // 2
    if all(block.find(b"\n", at, at + window) >= 0 for at in range(0, len(block) - window + 1, window)):
        return block
    split = block.split(b"\n")
    cut[0] += sum(len(line) >= MAX_LINE for line in split)
    return b"\n".join([line[:MAX_LINE] for line in split])


def _recoded(stream: io.BufferedReader, encoding: str, cut: list[int]) -> Iterator[bytes]:
    held: list[str] = []
    for line in lines(stream, encoding, cut):
        held.append(line.replace("\n", " "))
        if len(held) == _LINES:
            yield "\n".join(held).encode("utf-8", "replace")
            held.clear()
    if held:
        yield "\n".join(held).encode("utf-8", "replace")
