"""Lock files that git leaves behind when it is killed: ours are known by the record of the attempt, and go; others' are named.

While a ref is moved, a record of who moves it lies in `kintsugi/` of the repository's git folder. A lock is provably ours when such a record
names this ref, its process is gone, and the lock is younger than the record and holds nothing, or the value of that attempt.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mcp_servers.kit.errors import Misconfigured, Refusal

FOLDER = "kintsugi"
_GRACE = 1.0
"""Seconds that a git which outlived its parent is given to finish."""


@contextmanager
def attempt(common_dir: Path, ref: str, new: str) -> Generator[None]:
    """Clears what dead attempts at this ref have left, and records this one while it lasts."""
    folder = common_dir / FOLDER
    stem = hashlib.sha256(ref.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    record = folder / f"{stem}-{os.getpid()}"
    with suppress(OSError):  # where nothing can be written, git says so in a moment
        for left in sorted(folder.glob(f"{stem}-*")):
            _clear(common_dir, ref, left)
        folder.mkdir(exist_ok=True)
        record.write_text(json.dumps({"pid": os.getpid(), "began": _began(os.getpid()), "ref": ref, "new": new}), "utf-8")
    try:
        yield
    finally:
        with suppress(OSError):
            record.unlink(missing_ok=True)
            folder.rmdir()


def not_moved(what: str, cause: str) -> Refusal | Misconfigured:
    """Why git did not move a ref, from its own words: a lock, no right to write, or a ref that stands elsewhere."""
    locked = re.search(r"'([^']+\.lock)': File exists", cause)
    if locked:
        return Refusal(
            f"{what}: another git holds {locked[1]}, or one that died left it; when no git runs there, remove that file and repeat.",
            code="ref_locked",
        )
    if re.search(r"Permission denied|Read-only file system", cause):
        return Misconfigured(f"{what}: the repository cannot be written to ({cause}).", code="read_only")
    return Refusal(f"{what}: {cause}.", code="ref_moved")


def _clear(common_dir: Path, ref: str, left: Path) -> None:
    try:
        record: dict[str, Any] = json.loads(left.read_text("utf-8"))
        since = left.stat().st_mtime
    except (OSError, ValueError):
        record, since = {}, time.time()
    if record and _lives(record):
        return
    for name, held in ((f"{ref}.lock", str(record.get("new", ""))), ("packed-refs.lock", ""), ("HEAD.lock", "")):
        _remove(common_dir / name, held, since)
    left.unlink(missing_ok=True)


def _remove(lock: Path, held: str, since: float) -> None:
    end = time.monotonic() + _GRACE
    while _ours(lock, held, since):
        if time.monotonic() > end:
            lock.unlink(missing_ok=True)
            return
        time.sleep(0.05)


def _ours(lock: Path, held: str, since: float) -> bool:
    try:
        return lock.stat().st_mtime >= since - 0.01 and lock.read_text("utf-8", "replace").strip() in {"", held}
    except OSError:
        return False


def _lives(record: dict[str, Any]) -> bool:
    """Whether the process of a record is there; another one that got its number later is not it."""
    pid = int(record.get("pid", 0))
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return record.get("began", "") == _began(pid)


def _began(pid: int) -> str:
    """What tells a process from another with its number, where the system says so."""
    with suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()
        return f"{boot} {stat.rpartition(')')[2].split()[19]}"
    return ""
