"""Signatures of people: `ssh-keygen -Y` with a namespace of our own, so that a signature made for anything else is none for us."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from mcp_servers.kit.errors import Misconfigured, Refusal, Unavailable

NAMESPACE = "kintsugi-approval"
_TOKEN = b"sk-"
"""Begins the type of a key that lives in a token and asks to be touched."""


def sign(statement: str, key: Path) -> str:
    """The signature of `statement` by a key that asks for its person; raises `Refusal` for a key that any program could use."""
    _guarded(key)
    done = _keygen(["-Y", "sign", "-q", "-n", NAMESPACE, "-f", str(key)], statement, timeout=120.0)
    if done.returncode or "BEGIN SSH SIGNATURE" not in _text(done.stdout):
        raise Refusal(f"{key} signed nothing: {_last(done.stderr)}.", code="not_signed")
    return _text(done.stdout)


def signer(statement: str, signature: str, allowed: Path) -> str:
    """The name under which `allowed` lists the key that signed exactly this statement; raises `Refusal` when there is none."""
    if not allowed.is_file():
        raise Misconfigured(
            f'There is no list of signers at {allowed}; write lines of `name namespaces="{NAMESPACE}" ssh-ed25519 …`, or name another file '
            "under signers in policy.toml.",
            code="no_signers",
        )
    with tempfile.TemporaryDirectory(prefix="kintsugi-signature-") as folder:
        file = Path(folder) / "signature"
        file.write_text(signature, "utf-8")
        given = ["-s", str(file), "-f", str(allowed), "-n", NAMESPACE]
        found = _keygen(["-Y", "find-principals", *given], "")
        name = next(iter(_text(found.stdout).splitlines()), "").strip()
        if found.returncode or not name:
            raise Refusal(f"The signature is by no key that {allowed} lists.", code="unknown_signer")
        if _keygen(["-Y", "verify", *given, "-I", name], statement).returncode:
            raise Refusal("The signature does not cover this request; sign what is shown now.", code="bad_signature")
    return name


def _guarded(key: Path) -> None:
    """A key without a passphrase proves that somebody can read a file, not that a person was there."""
    shown = _keygen(["-y", "-P", "", "-f", str(key)], "")
    if shown.returncode == 0 and not shown.stdout.startswith(_TOKEN):
        raise Refusal(
            f"{key} has no passphrase, so any program of yours could sign with it; use a key with one, or one in a security token.",
            code="unguarded_key",
        )


def _keygen(words: Sequence[str], stdin: str, timeout: float = 10.0) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["ssh-keygen", *words], input=stdin.encode(), capture_output=True, timeout=timeout, env=_environment(os.environ)
        )
    except FileNotFoundError:
        raise Misconfigured("The program ssh-keygen was not found; install it (apt-get install openssh-client).", code="no_ssh") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"ssh-keygen {words[1]} did not end within {timeout:.0f} s.", code="ssh_timeout") from None


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    kept = ("PATH", "HOME", "TERM", "DISPLAY", "WAYLAND_DISPLAY", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE")
    return {name: environ[name] for name in kept if name in environ} | {"LC_ALL": "C"}


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _last(stderr: bytes) -> str:
    lines = [line for line in _text(stderr).splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "no reason given"
