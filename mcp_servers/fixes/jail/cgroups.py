"""A control group for each run, where Linux lets us make one (version 2): one write ends all that is in it, however it hid or froze itself."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mcp_servers.kit.errors import Unavailable

WORD = "cgroup"
_PREFIX = "kintsugi-"
_ENTER = 'echo $$ >"$0" && exec "$@"'
_PATIENCE = 2.0
_TICK = 0.002
_OLD = 3600.0


@dataclass(frozen=True, slots=True)
class Group:
    """A control group of ours, which a process enters by starting behind `door`."""

    path: Path

    @property
    def door(self) -> Sequence[str]:
        return ("/bin/sh", "-c", _ENTER, str(self.path / "cgroup.procs"))

    def kill(self) -> None:
        (self.path / "cgroup.kill").write_text("1", "ascii")

    def remove(self) -> None:
        """Returns when the last process is gone, or when it does not go."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            with contextlib.suppress(OSError):
                return self.path.rmdir()
            time.sleep(_TICK)


def swept_by(otherwise: str) -> str:
    """The word for how a run is ended here: by its control group, else as told."""
    return WORD if _above() else otherwise


@contextlib.contextmanager
def group() -> Generator[Group | None]:
    """A new control group, None where there are none; whatever is still in it dies at the end.
    Raises `Unavailable` when there is no room for another one."""
    above = _above()
    if above is None:
        yield None
        return
    made = _made(above)
    try:
        yield made
    finally:
        made.kill()
        made.remove()


def _made(above: Path) -> Group:
    path = above / f"{_PREFIX}{secrets.token_hex(8)}"
    try:
        path.mkdir()
    except OSError as error:
        raise Unavailable(
            f"The sandbox cannot make its control group {path} ({error.strerror}); remove old ones there, or start Kintsugi anew.",
            code="no_cgroup",
        ) from error
    return Group(path)


@cache
def _above() -> Path | None:
    """Where this process may make groups, shown by one that a program entered and that was ended; None where that does not work."""
    above = _own()
    if above is None:
        return None
    try:
        with contextlib.suppress(FileNotFoundError):
            _forget_old(above)
        made = Group(above / f"{_PREFIX}{secrets.token_hex(8)}")
        made.path.mkdir()
    except OSError:
        return None
    try:
        entered = subprocess.run([*made.door, "/bin/cat", "/proc/self/cgroup"], env={}, capture_output=True, text=True, timeout=10)
        made.kill()
    except (OSError, subprocess.TimeoutExpired):
        return None
    finally:
        made.remove()
    return above if made.path.name in entered.stdout else None


def _own() -> Path | None:
    """The folder of the group that this process is in, from `/proc/self` as proc(5) and cgroups(7) describe it."""
    try:
        groups = Path("/proc/self/cgroup").read_text("utf-8").splitlines()
        mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text("utf-8").splitlines()]
    except OSError:
        return None
    mine = next((line.removeprefix("0::") for line in groups if line.startswith("0::/")), "")
    root, point = next(((words[3], words[4]) for words in mounts if words[words.index("-") + 1] == "cgroup2"), ("", ""))
    if not mine or not point or ".." in mine or not Path(mine).is_relative_to(root):
        return None
    return Path(point) / Path(mine).relative_to(root)


def _forget_old(above: Path) -> None:
    """Removes groups whose maker was killed: empty ones, old enough that nobody is about to enter them."""
    for path in above.glob(f"{_PREFIX}*"):
        if time.time() - path.stat().st_mtime > _OLD:
            with contextlib.suppress(OSError):
                path.rmdir()
