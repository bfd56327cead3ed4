"""Where GitHub is, which repository is meant, and the token: read once, refused in a sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from mcp_servers.fixes.forges import Place
from mcp_servers.kit.errors import Misconfigured

API = "https://api.github.com"
KEYS = ("type", "repository", "remote")
_ADDRESS = re.compile(r"(?:[\w.+-]+://)?(?:[^@/]+@)?(?P<host>[\w.-]+)(?::\d+)?[:/](?P<name>[\w.-]+/[\w.-]+?)(?:\.git)?/?$")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the repository is, `owner/name`, and with what token. `remote` is the address that branches are pushed to; empty: the forge's own."""

    repository: str
    token: str = field(repr=False)
    api: str = API
    remote: str = ""

    @classmethod
    def of(cls, place: Place) -> Settings:
        """From `[forge]`, the remote's address, and GITHUB_TOKEN (or GH_TOKEN), GITHUB_API_URL, GITHUB_REPOSITORY; raises `Misconfigured`."""
        table, environ = place.settings, place.environ
        unknown = sorted(set(table) - set(KEYS))
        if unknown:
            raise Misconfigured(f"[forge] has the unknown key {unknown[0]!r}; it knows {', '.join(KEYS)}.", code="unknown_key")
        token = (environ.get("GITHUB_TOKEN") or environ.get("GH_TOKEN") or "").strip()
        if not token:
            raise Misconfigured(
                'GITHUB_TOKEN is not set, and [forge] says type = "github"; set it to a token that may read and write contents and pull requests.',
                code="no_token",
            )
        api = checked(environ.get("GITHUB_API_URL") or API)
        address = place.repository.remote(str(table.get("remote", "origin")))
        name = str(table.get("repository", "")) or environ.get("GITHUB_REPOSITORY", "") or name_of(address, api)
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
            raise Misconfigured(
                f'No repository of {web(api)} is known here ({name or address or "no remote"!r}); write repository = "owner/name" under [forge].',
                code="no_repository",
            )
        return cls(name, token, api, address if is_path(address) else "")


def checked(api: str) -> str:
    """The address of the API; raises `Misconfigured` for one to which a token must not go."""
    parts = urlsplit(api)
    loopback = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if not parts.hostname or parts.username or parts.query or not (parts.scheme == "https" or (parts.scheme == "http" and loopback)):
        raise Misconfigured(
            "GITHUB_API_URL must be an https address without a user, such as https://github.example.com/api/v3; plain http on loopback only.",
            code="bad_address",
        )
    return api.rstrip("/")


def web(api: str) -> str:
    """Where people and git go, from where programs go: api.github.com and host/api/v3 alike."""
    parts = urlsplit(api)
    return f"{parts.scheme}://{parts.netloc.removeprefix('api.')}"


def name_of(address: str, api: str) -> str:
    """owner/name of a remote's address, when it lies at this forge."""
    match = None if is_path(address) else _ADDRESS.fullmatch(address)
    return match["name"] if match and match["host"] in {urlsplit(web(api)).hostname, "ssh.github.com"} else ""


def is_path(address: str) -> bool:
    return address.startswith(("/", "file://"))
