"""A jail by choice: one hardened container for each run, on an empty image over the system's own folders, so that nothing is pulled.

The engine's memory and process limits hold for the whole tree, which the default jail can only watch.
"""

from __future__ import annotations

import io
import secrets
import shutil
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from mcp_servers.fixes.jail import Limits, Outcome
from mcp_servers.fixes.jail.process import watch
from mcp_servers.kit.errors import Misconfigured

IMAGE = "kintsugi-jail:1"
HINT = "start it, or take `jail` out of the policy, so that bubblewrap is used"
WORK, SOURCE, HOME = "/jail/work", "/jail/source", "/jail/home"
_USER = "1900000001"
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin")
_SETTINGS = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/ssl/certs", "/etc/localtime", "/etc/mime.types")
_COPY = f'cp -RP --preserve=mode,timestamps {SOURCE}/. {WORK}/ && chown -hR {_USER}:{_USER} {WORK} {HOME} && exec "$@"'
_STEP_DOWN = ("setpriv", "--reuid", _USER, "--regid", _USER, "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs")
_COPIER = ("CHOWN", "DAC_OVERRIDE", "SETUID", "SETGID", "SETPCAP")


@dataclass(frozen=True, slots=True)
class Docker:
    """Runs commands in containers of the local engine."""

    program: Path
    name: str = "docker"

    @classmethod
    def open(cls) -> Docker:
        """The jail after a first run in it; raises `Misconfigured` when the engine does not answer."""
        jail = _opened(shutil.which("docker") or "")
        if isinstance(jail, str):
            raise Misconfigured(jail, code="no_jail")
        return jail

    @property
    def sweep(self) -> str:
        return "container"

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
        name = f"kintsugi-{secrets.token_hex(8)}"
        words = [
            str(self.program),
            "run",
            "--rm",
            "--interactive",
            "--name",
            name,
            *_walls(limits),
            *_binds(work, readable),
            *_environment(env),
        ]
        wanted = {"as": limits.memory, "fsize": limits.file_size, "cpu": limits.cpu_seconds, "nofile": limits.files, "core": 0}
        limited = ["prlimit", *(f"--{key}={value}" for key, value in wanted.items()), "--"]
        try:
            return watch([*words, IMAGE, "/bin/sh", "-c", _COPY, "sh", *_STEP_DOWN, *limited, *command], limits=limits, stdin=stdin)
        finally:
            _quiet(self.program, "rm", "--force", name)


def _walls(limits: Limits) -> list[str]:
    tmpfs = [
        word
        for folder in ("/tmp", HOME, WORK)
        for word in ("--tmpfs", f"{folder}:rw,exec,nosuid,nodev,mode=1777,size={limits.disk},nr_inodes={limits.inodes}")
    ]
    return [
        "--network", "none", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", "0:0", *(word for name in _COPIER for word in ("--cap-add", name)),
        "--pids-limit", str(limits.processes), "--memory", str(limits.memory), "--memory-swap", str(limits.memory),
        "--ipc", "private", "--hostname", "jail", "--log-driver", "none", "--stop-timeout", "1", "--workdir", WORK, "--shm-size", str(limits.disk), *tmpfs,
    ]  # fmt: skip


def _binds(work: Path, readable: Sequence[Path]) -> list[str]:
    system = [Path(each) for each in (*_SYSTEM, *_SETTINGS) if Path(each).exists() and not Path(each).is_symlink()]
    more = [path for path in dict.fromkeys(readable) if not any(path.is_relative_to(each) for each in _SYSTEM)]
    places = [*((path, str(path)) for path in (*system, *more)), (work, SOURCE)]
    return [word for path, place in places for word in ("--mount", f"type=bind,src={path},dst={place},readonly")]


def _environment(env: Mapping[str, str]) -> list[str]:
    own = {"PATH": "/usr/bin:/bin", "HOME": HOME, "TMPDIR": "/tmp", "LANG": "C.UTF-8", "USER": "jail", "LOGNAME": "jail"}
    return [word for key, value in {**own, **env}.items() for word in ("--env", f"{key}={value}")]


@cache
def _opened(program: str) -> Docker | str:
    if not program:
        return f"The policy asks for the docker jail, but docker is not installed here; {HINT}."
    if _quiet(Path(program), "version") is None:
        return f"The policy asks for the docker jail, but its engine does not answer; {HINT}."
    if _quiet(Path(program), "image", "inspect", IMAGE) is None and _quiet(Path(program), "import", "-", IMAGE, given=_empty()) is None:
        return f"The docker jail's empty image cannot be made; {HINT}."
    jail = Docker(Path(program))
    with TemporaryDirectory() as empty:
        outcome = jail.run(["/bin/true"], work=Path(empty), readable=(), env={}, limits=Limits(seconds=20))
    return jail if outcome.code == 0 else f"docker is here but no container starts ({outcome.output.strip()[:300]}); {HINT}."


def _empty() -> bytes:
    """An image that holds nothing but the links and folders that the system's own are seen under."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as image:
        for name in ("jail/work", "jail/source", "jail/home", "tmp", "etc"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            image.addfile(entry)
        for path in (Path(each) for each in _SYSTEM):
            if path.is_symlink():
                link = tarfile.TarInfo(str(path).lstrip("/"))
                link.type, link.linkname = tarfile.SYMTYPE, str(path.readlink())
                image.addfile(link)
    return made.getvalue()


def _quiet(program: Path, *words: str, given: bytes = b"") -> bytes | None:
    """What a docker command prints, or None when it fails."""
    try:
        told = subprocess.run([program, *words], input=given, capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return told.stdout if told.returncode == 0 else None
