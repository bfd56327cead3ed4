"""A ref of another repository, moved by compare-and-swap: never forced, and with a secret that only git and its host see."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess
from urllib.parse import urlsplit

from mcp_servers.kit.errors import Misconfigured, Refusal, Unavailable
from mcp_servers.kit.git import Repository
from mcp_servers.kit.redaction import redact

_SETTINGS = """\
[core]
	repositoryFormatVersion = 1
	bare = true
	askPass =
[credential]
	helper =
[http]
	followRedirects = false
	lowSpeedLimit = 1000
	lowSpeedTime = 30
"""
_ROUTES = ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "GIT_SSL_CAINFO")
_TIMEOUT = 180.0
_MOVED = ("stale info", "already exists", "fetch first", "non-fast-forward", "failed to lock", "failed to update ref")
_UNKNOWN = ("Authentication failed", "could not read Username", "error: 401", "error: 403", "Invalid username")


@dataclass(frozen=True, slots=True)
class Remote:
    """Another repository. `header` is an HTTP header that is sent to the host of `url` alone; it stands in a private file while git runs,
    never among git's arguments, in its environment or in a configuration that stays."""

    url: str
    header: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """The address without credentials."""
        return redact(self.url)


def standing(repository: Repository, remote: Remote, ref: str) -> str | None:
    """The commit at which `ref` stands there, or None; raises as `push`."""
    done = _run(repository, remote, "ls-remote", "--refs", "--", remote.url, ref)
    if done.returncode:
        raise _failed(remote, ref, _said(done))
    return next((line.split("\t")[0] for line in done.stdout.decode().splitlines() if line.endswith(f"\t{ref}")), None)


def push(repository: Repository, remote: Remote, ref: str, new: str | None, old: str | None) -> None:
    """Moves `ref` there from `old` (None: it must not exist) to `new` (None: away); where it is there already, nothing happens.

    Raises `Refusal` `ref_moved` or `push_refused` in the words of the other side, `Misconfigured` `unauthorized`, or `Unavailable`.
    """
    lease = f"--force-with-lease={ref}:{old or ''}"
    done = _run(repository, remote, "push", "--porcelain", "--no-verify", "--no-signed", lease, "--", remote.url, f"{new or ''}:{ref}")
    if done.returncode and standing(repository, remote, ref) != new:
        raise _failed(remote, ref, _said(done))


def _run(repository: Repository, remote: Remote, *words: str) -> CompletedProcess[bytes]:
    routes = {key: os.environ[key] for key in _ROUTES if key in os.environ}
    with tempfile.TemporaryDirectory(prefix="kintsugi-push-") as folder:
        surroundings = _outpost(repository, remote, Path(folder))
        return repository.run(*words, env={"GIT_ALLOW_PROTOCOL": "https:http:file", **routes, **surroundings}, timeout=_TIMEOUT)


def _outpost(repository: Repository, remote: Remote, folder: Path) -> dict[str, str]:
    """The environment of an empty git folder beside the objects of the repository, with settings that only we can read: the user's
    rewrites, helpers, proxies and headers take no part."""
    parts = urlsplit(remote.url)
    place = f"{parts.scheme}://{parts.netloc}/"
    if any(sign in place + remote.header for sign in '"\\\n\r\0'):
        raise Misconfigured("The token or the address of the forge has a quote, a backslash or a line break in it.", code="bad_token")
    format = repository.run("rev-parse", "--show-object-format").stdout.decode().strip() or "sha1"
    header = f'[http "{place}"]\n\textraHeader = "{remote.header}"\n' if remote.header else ""
    for name in ("objects", "refs"):
        (folder / name).mkdir()
    (folder / "HEAD").write_text("ref: refs/heads/none\n", encoding="utf-8")
    (folder / "config").touch(mode=0o600)
    (folder / "config").write_text(_SETTINGS + f"[extensions]\n\tobjectFormat = {format}\n" + header, encoding="utf-8")
    shallow = repository.common_dir / "shallow"
    told = {"GIT_DIR": str(folder), "GIT_OBJECT_DIRECTORY": str(repository.common_dir / "objects")}
    return {**told, **({"GIT_SHALLOW_FILE": str(shallow)} if shallow.exists() else {})}


def _said(done: CompletedProcess[bytes]) -> str:
    return redact((done.stdout + b"\n" + done.stderr).decode("utf-8", "replace"))


def _failed(remote: Remote, ref: str, said: str) -> Refusal | Misconfigured | Unavailable:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    rejected = next((line.split("\t")[-1] for line in lines if line.startswith("!")), "")
    if any(word in rejected for word in _MOVED):
        return Refusal(f"{ref} at {remote.name} stands elsewhere than expected; nothing was pushed ({rejected}).", code="ref_moved")
    if rejected:
        told = next((line for line in lines if line.startswith(("remote: error", "remote: fatal"))), rejected)
        return Refusal(f"{remote.name} refuses {ref}: {told.rstrip('.')}.", code="push_refused")
    reason = next((line for line in lines if line.startswith(("fatal:", "error:"))), "no reason given").rstrip(".")
    if any(word in said for word in _UNKNOWN):
        return Misconfigured(f"{remote.name} does not let us push with this token: {reason}.", code="unauthorized")
    return Unavailable(f"{ref} could not be pushed to {remote.name}: {reason}. Try again later.", code="push_failed")
