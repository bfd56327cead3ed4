"""The jail of macOS: `sandbox-exec` with a profile that denies everything and then lets reading of the system, and writing in one folder, through."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mcp_servers.fixes.jail import Limits, Outcome
from mcp_servers.fixes.jail.process import watch
from mcp_servers.kit.errors import Misconfigured

_SYSTEM = ("/usr/lib", "/usr/bin", "/usr/share", "/bin", "/System/Library", "/Library/Apple", "/Library/Developer/CommandLineTools", "/private/var/db/dyld", "/dev/null",
           "/dev/zero", "/dev/random", "/dev/urandom", "/private/etc/ssl")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seatbelt:
    """Runs commands under a profile. It has no memory limit of its own: the watcher sums it up and ends the run."""

    program: Path
    name: str = "sandbox-exec"

    @classmethod
    def open(cls) -> Seatbelt:
        program = shutil.which("sandbox-exec")
        if sys.platform != "darwin" or not program:
            raise Misconfigured("sandbox-exec is a part of macOS, and this is another system; use bubblewrap or docker.", code="no_jail")
        return cls(Path(program))

    @property
    def sweep(self) -> str:
        return "process group"

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
        with TemporaryDirectory(prefix="kintsugi-", ignore_cleanup_errors=True) as name:
            scratch = Path(name).resolve()
            copy = Path(shutil.copytree(work, scratch / "work", symlinks=True))
            (scratch / "home").mkdir()
            own = {"PATH": "/usr/bin:/bin", "HOME": str(scratch / "home"), "TMPDIR": str(scratch / "home"), "LANG": "C.UTF-8"}
            words = [str(self.program), "-p", profile(scratch, readable), "/bin/sh", "-c", _limited(limits), "sh", "/usr/bin/env", "-i"]
            return watch(
                [*words, *(f"{key}={value}" for key, value in {**own, **env}.items()), *command], limits=limits, stdin=stdin, cwd=copy
            )


def profile(scratch: Path, readable: Sequence[Path]) -> str:
    """The profile's text: nothing is allowed but what it says, and the network and other processes are not in it."""
    read = "\n  ".join(f"(subpath {_quoted(path)})" for path in (*map(Path, _SYSTEM), *readable, scratch))
    folders = sorted({parent for path in (*readable, scratch) for parent in path.parents})
    return "\n".join([
        "(version 1)",
        "(deny default)",
        "(allow process-fork)",
        "(allow signal (target same-sandbox))",
        "(allow sysctl-read)",
        f"(allow process-exec file-read*\n  {read})",
        f"(allow file-read-metadata {' '.join(f'(literal {_quoted(path)})' for path in folders)})",
        f'(allow file-write* (subpath {_quoted(scratch)}) (literal "/dev/null"))',
        "(deny file-write-setugid)",
        "(deny network*)",
        "(deny mach-lookup)",
    ])  # fmt: skip


def _quoted(path: Path) -> str:
    text = str(path)
    if '"' in text or "\\" in text or "\n" in text:
        raise Misconfigured(f"The path {text!r} cannot stand in a profile of sandbox-exec; give one without quotes.", code="bad_path")
    return f'"{text}"'


def _limited(limits: Limits) -> str:
    wanted = {"t": limits.cpu_seconds, "f": limits.file_size // 512, "n": limits.files, "u": limits.processes, "c": 0}
    return "".join(f"ulimit -{flag} {value} 2>/dev/null; " for flag, value in wanted.items()) + 'exec "$@"'
