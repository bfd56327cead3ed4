"""The demo shop: its repository, built from the patches in examples/shop/history, and its processes."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import time
import weakref
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path

from kintsugi.demo.processes import Group
from mcp_servers.kit.errors import Misconfigured, Refusal, Unavailable

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SERVICES = ("api", "web", "worker")
LISTENING = ("upstream", "api", "web")
OPEN_FILES = 92
READY_WITHIN = 10.0
COMMITTER = {"GIT_COMMITTER_NAME": "Shop", "GIT_COMMITTER_EMAIL": "team@shop.example"}


def build(folder: Path, history: Path = EXAMPLES / "shop" / "history") -> Path:
    """Returns the shop's repository in the new `folder`: the same commits and tags every time. Refuses a folder that holds something."""
    if folder.exists() and any(folder.iterdir()):
        raise Refusal(f"{folder} is not empty; name a new folder for the shop's repository.")
    patches = sorted(history.glob("*.patch"))
    if not patches:
        raise Misconfigured(f"{history} holds no patches; the demo needs a checkout of the project.")
    folder.mkdir(parents=True, exist_ok=True)
    _git(folder, "init", "-q", "-b", "main", ".")
    _git(folder, "am", "-q", "--no-gpg-sign", "--committer-date-is-author-date", *map(str, patches))
    commits = {
        subject: commit
        for commit, _, subject in (line.partition(" ") for line in _git(folder, "log", "--format=%H %s").decode().splitlines())
    }
    for line in (history / "tags").read_text("utf-8").splitlines():
        tag, _, subject = line.partition(" ")
        _git(folder, "tag", tag, commits[subject])
    return folder


def export(repository: Path, ref: str, folder: Path) -> Path:
    """Returns `folder` with the files of `ref` in it; the repository's worktree and index are not used."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=BytesIO(_git(repository, "archive", "--format=tar", ref))) as archive:
        archive.extractall(folder, filter="data")
    return folder


class Shop:
    """The shop's processes on free loopback ports. `folder` holds their state, data and logs; a new `Shop` on it finds what runs."""

    def __init__(self, folder: Path, *, seed: int = 7, ports: Mapping[str, int] | None = None) -> None:
        self.folder = folder.absolute()
        self.logs = self.folder / "logs"
        self._seed = seed
        self._wanted = ports or {}
        self._doors: dict[str, socket.socket] = {}
        weakref.finalize(self, _close, self._doors)
        self._group = Group(self.folder / "shop.json")

    @property
    def running(self) -> bool:
        return all(self._group.running(name) for name in ("upstream", *SERVICES))

    @property
    def releases(self) -> dict[str, str]:
        return {name: process.release for name, process in self._group.members.items() if name in SERVICES}

    def url(self, service: str) -> str:
        """Returns the address of a listening service; refuses one that was not started."""
        if service not in self._group.members:
            raise Refusal(f"The shop's {service} is not running; start it with `kintsugi demo`.")
        return f"http://127.0.0.1:{self._group.members[service].port}"

    def start(self, release_folder: Path, release: str) -> None:
        """Starts all four processes and returns once they answer; refuses while they run, raises when a port is taken or one does not come up."""
        if any(self._group.running(name) for name in self._group.members):
            raise Refusal(f"The shop in {self.folder} is already running; end it with `kintsugi demo down`.")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._doors |= _doors(self._wanted)
        ports = {name: door.getsockname()[1] for name, door in self._doors.items()}
        self._doors.pop("upstream").close()
        try:
            upstream = [str(EXAMPLES / "upstream.py"), "--port", str(ports["upstream"]), "--seed", str(self._seed)]
            log = self.folder / "upstream.log"
            self._group.start(
                "upstream", [sys.executable, "-P", *upstream], cwd=self.folder, env=_environment(), log=log, port=ports["upstream"]
            )
            for name in ("api", "web"):
                self._spawn(name, ports[name], release_folder, release, ports)
            self._ready(LISTENING)
            self._spawn("worker", 0, release_folder, release, ports)
        except BaseException:
            self.stop()
            raise

    def restart(self, services: Iterable[str], folder: Path, release: str) -> None:
        """Ends the named services and starts them from another release folder on the same ports; returns once they answer.

        A visitor who comes in between waits at the open door, as behind a load balancer, when this `Shop` is the one that started them.
        """
        names = [name for name in SERVICES if name in set(services)]
        ports = {name: process.port for name, process in self._group.members.items()}
        if missing := [name for name in (*names, "upstream") if name not in ports]:
            raise Refusal(f"The shop's {missing[0]} is not running; start it with `kintsugi demo`.")
        for name in reversed(names):  # who asks is ended before who answers, so that nobody's answer is lost
            self._group.end([name])
        for name in names:
            self._spawn(name, ports[name], folder, release, ports)
        self._ready([name for name in names if name in LISTENING])

    def stop(self) -> None:
        """Ends the processes named in the state file, also those that an earlier command started, and no others."""
        self._group.end()
        _close(self._doors)

    def reset(self) -> None:
        """Ends the processes and removes what they left: data, logs and state."""
        self.stop()
        shutil.rmtree(self.logs, ignore_errors=True)
        for left in (*self.folder.glob("shop.db*"), self.folder / "upstream.log"):
            left.unlink(missing_ok=True)

    def _spawn(self, name: str, port: int, folder: Path, release: str, ports: Mapping[str, int]) -> None:
        door = self._doors.get(name)
        where = ["--fd", str(door.fileno())] if door else ["--port", str(port)] if port else []
        command = [sys.executable, "-P", "-m", "shop", name, *where]
        if name == "api":
            command = ["sh", "-c", f'ulimit -Sn {OPEN_FILES}; exec "$@"', "sh", *command]
        env = _environment() | {
            "PYTHONPATH": str(folder.absolute()),
            "RELEASE": release,
            "API_URL": f"http://127.0.0.1:{ports['api']}",
            "UPSTREAM_URL": f"http://127.0.0.1:{ports['upstream']}",
        }
        keep = [door.fileno()] if door else []
        self._group.start(name, command, cwd=self.folder, env=env, log=self.logs / f"{name}.log", port=port, release=release, keep=keep)

    def _ready(self, names: Iterable[str]) -> None:
        deadline = time.monotonic() + READY_WITHIN
        for name in names:
            while not _healthy(self._group.members[name].port):
                if not self._group.running(name) or time.monotonic() > deadline:
                    raise Unavailable(f"The shop's {name} did not come up; its log is {self._log(name)}.", code="not_ready")
                time.sleep(0.02)

    def _log(self, name: str) -> Path:
        return self.folder / "upstream.log" if name == "upstream" else self.logs / f"{name}.log"


def _close(doors: dict[str, socket.socket]) -> None:
    while doors:
        doors.popitem()[1].close()


def _doors(wanted: Mapping[str, int]) -> dict[str, socket.socket]:
    """Returns a listening socket for each listening process: on the wanted port, else a free one; raises when a wanted one is taken."""
    doors: dict[str, socket.socket] = {}
    for name in LISTENING:
        doors[name] = socket.socket()
        doors[name].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            doors[name].bind(("127.0.0.1", wanted.get(name, 0)))
            doors[name].listen(128)
        except OSError as error:
            _close(doors)
            raise Misconfigured(
                f"Port {wanted.get(name, 0)} for the shop's {name} cannot be used: {error.strerror}. Name another, or none for a free one."
            ) from error
    return doors


def _healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _environment() -> dict[str, str]:
    """Returns a bare environment: no proxies, no keys, nothing of the viewer's."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    return kept | {"PYTHONUNBUFFERED": "1", "PYTHONNOUSERSITE": "1", "PYTHONUTF8": "1"}


def _git(folder: Path, *arguments: str) -> bytes:
    """Runs git with none of the viewer's configuration or hooks and returns what it printed."""
    env = _environment() | COMMITTER | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "-c", f"core.hooksPath={os.devnull}", "-c", "core.autocrlf=false", *arguments]
    try:
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, check=False)
    except FileNotFoundError:
        raise Misconfigured("git is not installed; the demo builds the shop's repository with it.") from None
    if done.returncode:
        raise Unavailable(f"git {arguments[0]} failed in {folder}: {done.stderr.decode('utf-8', 'replace').strip()}")
    return done.stdout
