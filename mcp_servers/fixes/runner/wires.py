"""How the processes of the runner talk: whole reads and writes on descriptors, and memory that others may not read."""

from __future__ import annotations

import contextlib
import ctypes
import os
from typing import Any, Callable, Dict  # noqa: UP035 - the project's interpreter may be 3.8

Event = Dict[str, Any]  # noqa: UP006 - evaluated, unlike annotations
Send = Callable[[Event], None]


def protect(on: bool) -> None:
    """With protection on, other processes of this user can read neither this one's memory nor its descriptors (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(4, 0 if on else 1, 0, 0, 0)  # PR_SET_DUMPABLE


def read_exactly(count: int) -> bytes:
    data = b""
    while len(data) < count:
        chunk = os.read(0, count - len(data))
        if not chunk:
            raise SystemExit("the job on standard input is cut short")
        data += chunk
    return data


def write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
