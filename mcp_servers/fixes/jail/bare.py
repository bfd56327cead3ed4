"""No jail: limits, a copy of the work and a deadline. For code that is ours, such as the demo's; certificates say that it was used."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from mcp_servers.fixes.jail import Limits, Outcome
from mcp_servers.fixes.jail.cgroups import swept_by
from mcp_servers.fixes.jail.process import watch


@dataclass(frozen=True, slots=True)
class Bare:
    """Runs commands as ourselves. It can read what we can read."""

    name: str = "bare"

    @classmethod
    def open(cls) -> Bare:
        return cls()

    @property
    def sweep(self) -> str:
        return swept_by("process group")

    def run(
        self,
        command: Sequence[str],
        *,
        work: Path,
        readable: Sequence[Path],  # everything is readable here
        env: Mapping[str, str],
        limits: Limits,
        stdin: bytes = b"",
    ) -> Outcome:
        with TemporaryDirectory(prefix="kintsugi-", ignore_cleanup_errors=True) as scratch:
            copy = Path(shutil.copytree(work, Path(scratch) / "work", symlinks=True))
            home = Path(scratch) / "home"
            home.mkdir()
            own = {"PATH": "/usr/bin:/bin", "HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8"}
            assignments = [f"{key}={value}" for key, value in {**own, **env}.items()]
            wall = [*_without_network(), "/bin/sh", "-c", _limits(limits), "sh", "/usr/bin/env", *assignments]
            return watch([*wall, *command], limits=limits, stdin=stdin, cwd=copy)


def _limits(limits: Limits) -> str:
    """Each limit is set where this system knows it."""
    wanted = {"t": limits.cpu_seconds, "f": limits.file_size // 512, "n": limits.files, "v": limits.memory // 1024, "c": 0}
    return "".join(f"ulimit -{flag} {value} 2>/dev/null; " for flag, value in wanted.items()) + 'ip link set lo up 2>/dev/null; exec "$@"'


@cache
def _without_network() -> tuple[str, ...]:
    wall = ("unshare", "--map-root-user", "--net", "--")
    program = shutil.which("unshare")
    works = program and subprocess.run([*wall, "true"], capture_output=True, timeout=10).returncode == 0
    return wall if works else ()
