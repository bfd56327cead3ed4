"""Where a stranger's code runs: the port, the limits, and the table of jails."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mcp_servers.kit.errors import Misconfigured
from mcp_servers.kit.lazy import LazyTable

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use. `memory` bounds the address space of each process and the resident sum of all of them."""

    seconds: float = 30.0
    memory: int = 2048 * MIB
    processes: int = 128
    files: int = 512
    file_size: int = 64 * MIB
    disk: int = 256 * MIB
    inodes: int = 100_000
    output: int = MIB

    @property
    def cpu_seconds(self) -> int:
        return max(1, int(self.seconds * 2))


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. `code` is negative when a signal ended it; `output` is both streams, cut at the limit."""

    code: int
    output: str
    timed_out: bool
    seconds: float


class Jail(Protocol):
    """Runs one command in a private, writable copy of `work`, which is its current folder; `readable` paths are there too, unwritable."""

    @property
    def name(self) -> str: ...

    @property
    def sweep(self) -> str:
        """What ends whatever a run leaves behind."""
        ...

    def run(
        self,
        command: Sequence[str],
        *,
        work: Path,
        readable: Sequence[Path],
        env: Mapping[str, str],
        limits: Limits,
        stdin: bytes = b"",
    ) -> Outcome:
        """Returns how it ended, at the latest when `limits.seconds` have passed; raises `Misconfigured` when the jail cannot start."""
        ...


JAILS = LazyTable(
    "jail",
    {
        "bubblewrap": "mcp_servers.fixes.jail.bubblewrap:Bubblewrap",
        "sandbox-exec": "mcp_servers.fixes.jail.seatbelt:Seatbelt",
        "docker": "mcp_servers.fixes.jail.docker:Docker",
        "bare": "mcp_servers.fixes.jail.bare:Bare",
    },
)


def default(allow_bare: bool = False, chosen: str = "") -> Jail:
    """The chosen jail, else the strongest that works here; `bare` only where the caller vouches for the code. Raises `Misconfigured` when there is none."""
    try:
        return JAILS[chosen or ("sandbox-exec" if sys.platform == "darwin" else "bubblewrap")].open()
    except Misconfigured:
        if not allow_bare or chosen:
            raise
    return JAILS["bare"].open()
