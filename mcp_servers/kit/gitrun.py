"""The one runner of the program git: settings that nobody's configuration can loosen, a time limit, errors as sentences."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from mcp_servers.kit.errors import Misconfigured, Refusal, Unavailable

_SETTINGS: Mapping[str, str] = {
    "core.hooksPath": os.devnull,
    "core.attributesFile": os.devnull,
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "core.fsmonitor": "false",
    "core.splitIndex": "false",  # a shared index would be written into the user's git folder
    "core.sparseCheckout": "false",
    "core.autocrlf": "false",
    "core.quotePath": "false",
    "core.fsync": "committed",
    "i18n.commitEncoding": "utf-8",
    "i18n.logOutputEncoding": "utf-8",
    "log.showSignature": "false",  # would start the program that .git/config names
    "blame.ignoreRevsFile": "",
    "protocol.allow": "never",
    "protocol.ext.allow": "never",
    "gc.auto": "0",
    "maintenance.auto": "false",
}
DISTRUST = "dubious ownership"
"""How git says that the owner of a repository is somebody else."""
_ENVIRONMENT: Mapping[str, str] = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_PAGER": "cat",
    "LC_ALL": "C",
}


def hardened(
    words: Sequence[str], *, cwd: Path, stdin: bytes = b"", env: Mapping[str, str] | None = None, timeout: float = 60.0
) -> subprocess.CompletedProcess[bytes]:
    """git, once, with nothing of the user's configuration, hooks, filters or credentials; the caller looks at the exit code.

    Raises `Misconfigured` when git is missing, `Unavailable` after `timeout` seconds, `Refusal` for a word that cannot be an argument.
    """
    settings = [part for key, value in _SETTINGS.items() for part in ("-c", f"{key}={value}")]
    surroundings = {"PATH": os.environ.get("PATH", os.defpath), **_ENVIRONMENT, **(env or {})}
    try:
        return subprocess.run(["git", *settings, *words], cwd=cwd, input=stdin, env=surroundings, capture_output=True, timeout=timeout)
    except FileNotFoundError:
        raise _missing() from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"git {words[0]} in {cwd} took longer than {timeout:.0f} s and was stopped.", code="git_timeout") from None
    except ValueError as error:  # a NUL in an argument
        raise Refusal(f"git cannot be asked about this name: {error}.", code="bad_name") from error


def as_user(folder: Path, *words: str) -> str:
    """What git says when its user runs it, configuration and all, stripped; empty when it refuses. For what only that configuration knows.

    Raises `Misconfigured` when git is missing, and for a folder of another user that this user has not called safe.
    """
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=20
        )
    except FileNotFoundError:
        raise _missing() from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"git {words[0]} in {folder} took longer than 20 s and was stopped.", code="git_timeout") from None
    if DISTRUST in done.stderr:
        raise Misconfigured(
            f"{folder.resolve()} belongs to another user, so git does not read it; run Kintsugi as its owner, or trust it with"
            f" `git config --global --add safe.directory {folder.resolve()}`.",
            code="foreign_repository",
        )
    return done.stdout.strip() if done.returncode == 0 else ""


def _missing() -> Misconfigured:
    return Misconfigured("The program git was not found; install it (Debian: apt-get install git) and start again.", code="no_git")
