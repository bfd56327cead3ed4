"""The default jail: own namespaces for everything, a read-only system, no network, an unprivileged user, a private copy of the work.

Started by root it has two walls: the outer one (root, four capabilities) copies the work and gives itself up for a user that
exists nowhere else; the inner one is what every other user gets, so that neither can make a namespace or count as root.
"""

from __future__ import annotations

import os
import secrets
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
from mcp_servers.kit.errors import Misconfigured

HINT = "install it with `apt-get install bubblewrap` (or your system's package of that name)"
_ALLOW = "allow it user namespaces (sysctl kernel.unprivileged_userns_clone=1, or its AppArmor profile)"
WORK, SOURCE, HOME = "/jail/work", "/jail/source", "/jail/home"
_WRITABLE = ("/dev/shm", "/tmp", HOME, WORK)
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin")
_SETTINGS = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "mime.types", "nsswitch.conf", "ssl/certs")
_FIRST_USER = 1_900_000_000  # above every range that systems and containers hand out
_ROOT_NEEDS = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_CHOWN", "CAP_DAC_OVERRIDE")


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """Runs commands under `program`. `as_root` tells which profile is built; it is what we are, not what we would like to be."""

    program: Path
    as_root: bool
    name: str = "bubblewrap"

    @classmethod
    def open(cls) -> Bubblewrap:
        """A jail that was seen to work here; raises `Misconfigured` with what to install or to switch on."""
        jail = _opened(shutil.which("bwrap") or "")
        if isinstance(jail, str):
            raise Misconfigured(jail, code="no_jail")
        return jail

    @property
    def sweep(self) -> str:
        return swept_by("process namespace")

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
        wall = [*self._namespaces(), *_tree(work, readable, limits), *_environment(env), "--chdir", WORK]
        script = ["/bin/sh", "-c", _COPY_AS_ROOT if self.as_root else _COPY, "sh"]
        return watch([*wall, *script, *self._step_down(), *_limited(limits), *command], limits=limits, stdin=stdin, counted=_WRITABLE)

    def _namespaces(self) -> list[str]:
        common = [str(self.program), "--die-with-parent", "--new-session", "--hostname", "jail", "--cap-drop", "ALL"]
        if self.as_root:
            spaces = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
            return [*common, *spaces, *(word for name in _ROOT_NEEDS for word in ("--cap-add", name))]
        return [*common, "--unshare-all", "--unshare-user", *_no_more_users(self.program)]

    def _step_down(self) -> list[str]:
        """From root to a user of no other process, behind a second wall that has no way to root at all."""
        if not self.as_root:
            return []
        user = str(_FIRST_USER + secrets.randbelow(100_000_000))
        drop = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]
        wall = [str(self.program), "--unshare-user", *_no_more_users(self.program), "--cap-drop", "ALL", "--dev-bind", "/", "/"]
        return [user, *drop, *wall, "--chdir", WORK, "--"]


_COPY = f'cp -RP --preserve=mode,timestamps {SOURCE}/. {WORK}/ && exec "$@"'
_COPY_AS_ROOT = f'cp -RP --preserve=mode,timestamps {SOURCE}/. {WORK}/ && chown -hR "$1:$1" {WORK} {HOME} && shift && exec "$@"'


def _tree(work: Path, readable: Sequence[Path], limits: Limits) -> list[str]:
    """The file system inside. Mounts are made in order: later ones lie on top, and at the end only the work, home and /tmp are writable."""
    words = [word for path in _SYSTEM for word in _system(Path(path))]
    words += ["--dir", "/etc", "--dir", "/etc/ssl"]
    words += [word for name in _SETTINGS for word in ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")]
    words += ["--proc", "/proc", "--dev", "/dev"]
    for folder in _WRITABLE:
        words += ["--size", str(limits.disk), "--perms", "1777", "--tmpfs", folder]
    for path in dict.fromkeys(readable):
        if not any(path.is_relative_to(system) for system in _SYSTEM):
            words += [*_parents(path), "--ro-bind", str(path), str(path)]
    return [*words, "--ro-bind", str(work), SOURCE, "--remount-ro", "/dev", "--remount-ro", "/"]


def _system(path: Path) -> list[str]:
    if path.is_symlink():
        return ["--symlink", str(path.readlink()), str(path)]
    return ["--ro-bind-try", str(path), str(path)]


def _parents(path: Path) -> list[str]:
    """Folders on the way to a mount, which would otherwise be closed to everyone but root."""
    return [word for parent in list(reversed(path.parents))[1:] for word in ("--dir", str(parent))]


def _environment(env: Mapping[str, str]) -> list[str]:
    own = {"PATH": "/usr/bin:/bin", "HOME": HOME, "TMPDIR": "/tmp", "LANG": "C.UTF-8", "USER": "jail", "LOGNAME": "jail"}
    return [word for key, value in {**own, **env}.items() for word in ("--setenv", key, value)]


def _limited(limits: Limits) -> list[str]:
    """Set behind the last wall, where the kernel counts only the jail's own processes."""
    return [
        "prlimit",
        f"--as={limits.memory}",
        f"--fsize={limits.file_size}",
        f"--cpu={limits.cpu_seconds}",
        f"--nproc={limits.processes}",
        f"--nofile={limits.files}",
        "--core=0",
        "--",
    ]


@cache
def _no_more_users(program: Path) -> tuple[str, ...]:
    """Forbids further user namespaces, where this version of the program can (0.8.0 and later)."""
    text = subprocess.run([program, "--help"], capture_output=True, text=True, env={}, timeout=10).stdout
    return ("--disable-userns",) if "--disable-userns" in text else ()


@cache
def _opened(program: str) -> Bubblewrap | str:
    """The jail after a first run in it, or the sentence that says why there is none."""
    if not program:
        return f"No sandbox is installed here, and a stranger's code never runs without one: bubblewrap (bwrap) is missing; {HINT}."
    as_root = os.geteuid() == 0
    missing = [tool for tool in ("prlimit", "setpriv") if not shutil.which(tool)]
    if missing:
        return f"The sandbox needs {' and '.join(missing)}; install them with `apt-get install util-linux`."
    jail = Bubblewrap(Path(program), as_root)
    with TemporaryDirectory() as empty:
        outcome = jail.run(["/bin/true"], work=Path(empty), readable=(), env={}, limits=Limits(seconds=10))
    if outcome.code == 0:
        return jail
    return f"bubblewrap is here but cannot start ({outcome.output.strip()[:300] or f'exit {outcome.code}'}); {_ALLOW}."
