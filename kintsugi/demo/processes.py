"""Plain processes of ours, written to a state file so that a later command can end them, and only them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

GRACE = 0.5
_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}  # only the process that started one can collect its end, whichever group asks


@dataclass(frozen=True, slots=True)
class Process:
    """A started process: `born` tells it from a later one with the same number."""

    pid: int
    born: str
    port: int
    release: str


class Group:
    """The processes named in one state file; each has its own process group and survives a Ctrl-C in our terminal."""

    def __init__(self, state: Path) -> None:
        self._state = state

    @property
    def members(self) -> dict[str, Process]:
        """What the state file says now: another group on the same file may have started or ended some."""
        return _read(self._state)

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        log: Path,
        port: int = 0,
        release: str = "",
        keep: Sequence[int] = (),
    ) -> None:
        """Starts `command` with its output appended to `log` and the descriptors in `keep` open, and notes it in the state file."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            child = subprocess.Popen(
                command,
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=keep,
            )
        _CHILDREN[child.pid] = child
        self._write(self.members | {name: Process(child.pid, _born(child.pid), port, release)})

    def running(self, name: str) -> bool:
        process = self.members.get(name)
        return process is not None and self._is_ours(process)

    def end(self, names: Iterable[str] | None = None) -> None:
        """Ends the named members, or all: asks, waits a moment, then insists; a number that is no longer ours is left alone."""
        members = self.members
        ending = {name: members[name] for name in (list(members) if names is None else names) if name in members}
        for process in ending.values():
            self._signal(process, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline and any(self._is_ours(process) for process in ending.values()):
            time.sleep(0.01)
        for process in ending.values():
            self._signal(process, signal.SIGKILL)
            if child := _CHILDREN.pop(process.pid, None):
                child.wait()
        self._write({name: process for name, process in members.items() if name not in ending})

    def _signal(self, process: Process, number: signal.Signals) -> None:
        if self._is_ours(process):
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                return

    def _is_ours(self, process: Process) -> bool:
        child = _CHILDREN.get(process.pid)
        if child is not None:
            return child.poll() is None
        return bool(process.born) and _born(process.pid) == process.born

    def _write(self, members: Mapping[str, Process]) -> None:
        self._state.parent.mkdir(parents=True, exist_ok=True)
        if not members:
            self._state.unlink(missing_ok=True)
            return
        draft = self._state.with_suffix(".new")
        draft.write_text(json.dumps({name: asdict(process) for name, process in members.items()}, indent=1), "utf-8")
        draft.replace(self._state)


def _read(state: Path) -> dict[str, Process]:
    try:
        return {name: Process(**fields) for name, fields in json.loads(state.read_text("utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _born(pid: int) -> str:
    """Returns when the process started, in the system's own words; empty when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return "" if fields[0] == "Z" else fields[19]
    except OSError:
        if Path("/proc/self/stat").exists():
            return ""
    answer = subprocess.run(["ps", "-o", "lstart=,stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout.rsplit(
        maxsplit=1
    )
    return "" if len(answer) < 2 or answer[1].startswith("Z") else answer[0].strip()
