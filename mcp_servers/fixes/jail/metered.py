"""A jail that keeps count of how long its runs took, for whoever pays."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mcp_servers.fixes.jail import Jail, Limits, Outcome


@dataclass(frozen=True, slots=True)
class Metered:
    """Runs in `jail`; `seconds` holds one number for each run, also for those that nobody waited for to the end."""

    jail: Jail
    seconds: list[float] = field(default_factory=list[float])

    @property
    def name(self) -> str:
        return self.jail.name

    @property
    def sweep(self) -> str:
        return self.jail.sweep

    @property
    def milliseconds(self) -> int:
        return round(sum(self.seconds) * 1000)

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
        started = time.monotonic()
        try:
            return self.jail.run(command, work=work, readable=readable, env=env, limits=limits, stdin=stdin)
        finally:
            self.seconds.append(time.monotonic() - started)
