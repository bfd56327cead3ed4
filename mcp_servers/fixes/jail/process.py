"""One child process under watch: deadline, output cap, memory sum, and an end that leaves nobody behind."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread
from typing import IO, cast

from mcp_servers.fixes.jail import Limits, Outcome, cgroups
from mcp_servers.kit.work import wanted

_TICK = 0.1
_GRACE = 1.0
_PAGE = os.sysconf("SC_PAGE_SIZE")


def watch(command: Sequence[str], *, limits: Limits, stdin: bytes = b"", cwd: Path | None = None, counted: Sequence[str] = ()) -> Outcome:
    """Runs `command` with an empty environment, its own session and no descriptor of ours; returns how it ended.
    Nobody stays behind where the work is wanted no more either, which raises `Stopped`.

    In the folders `counted`, as the processes inside see them, there may be `limits.inodes` files together.
    """
    started = time.monotonic()
    with (
        cgroups.group() as group,
        subprocess.Popen(
            [*(group.door if group else ()), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={},
            cwd=cwd,
            close_fds=True,
            start_new_session=True,
        ) as child,
    ):
        # PIPE was asked for, so both are there
        Thread(target=_feed, args=(cast("IO[bytes]", child.stdin), stdin), daemon=True).start()
        try:
            output, timed_out = _follow(child, cast("IO[bytes]", child.stdout), started, limits, counted)
        finally:
            _end(child, group)
    return Outcome(child.returncode, output.decode("utf-8", "replace"), timed_out, time.monotonic() - started)


def _feed(pipe: IO[bytes], data: bytes) -> None:
    with contextlib.suppress(OSError, ValueError):
        pipe.write(data)
        pipe.close()


def _follow(child: subprocess.Popen[bytes], pipe: IO[bytes], started: float, limits: Limits, counted: Sequence[str]) -> tuple[bytes, bool]:
    """Reads until the pipe closes, the program is gone, or a limit is reached."""
    kept = bytearray()
    gone_at: float | None = None
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        checked = started
        while True:
            wanted()
            ready = selector.select(_TICK)
            chunk = os.read(pipe.fileno(), 65536) if ready else b""
            if ready and not chunk:
                return bytes(kept), not _waited(child, started + limits.seconds)
            kept += chunk[: max(0, limits.output - len(kept))]
            now = time.monotonic()
            if now - started > limits.seconds:
                return bytes(kept), True
            if gone_at is not None and (not ready or now - gone_at > _GRACE):
                return bytes(kept), False
            if gone_at is None and child.poll() is not None:
                gone_at = now  # what it wrote last may have come since we looked: look once more
            if now - checked > _TICK:
                checked = now
                if _resident(child.pid) > limits.memory or _files(child.pid, counted) > limits.inodes:
                    return bytes(kept), False


def _waited(child: subprocess.Popen[bytes], deadline: float) -> bool:
    while child.poll() is None:
        wanted()
        if time.monotonic() > deadline:
            return False
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_TICK)
    return True


def _end(child: subprocess.Popen[bytes], group: cgroups.Group | None) -> None:
    """Kills the group and every descendant; in a jail with its own process namespace the first kill ends them all, in a control group the last."""
    descendants = list(_descendants(child.pid)) if child.poll() is None else []
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    for pid in descendants:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    if group:
        group.kill()
    child.wait()


def _resident(pid: int) -> int:
    return sum(_pages(each) for each in (pid, *_descendants(pid))) * _PAGE


def _files(pid: int, counted: Sequence[str]) -> int:
    """The files in these folders of the jail: a file system in memory bounds their size, not their number."""
    inside = list(_descendants(pid))[-1:] if counted else []
    found = 0
    for folder in counted if inside else ():
        with contextlib.suppress(OSError):
            stat = os.statvfs(f"/proc/{inside[0]}/root{folder}")
            found += stat.f_files - stat.f_ffree
    return found


def _pages(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def _descendants(pid: int) -> Iterator[int]:
    """All processes below `pid`, where the kernel lists them (Linux); nothing elsewhere."""
    try:
        children = [int(word) for task in Path(f"/proc/{pid}/task").iterdir() for word in (task / "children").read_text("ascii").split()]
    except (OSError, ValueError):
        return
    for child in children:
        yield child
        yield from _descendants(child)
