"""Places outside that a patch speaks of for the first time: URLs, host names, addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence

from mcp_servers.fixes.model import Finding
from mcp_servers.fixes.policy.difference import Difference, is_test

_URL = re.compile(r"(?i)\b(?:[a-z][a-z0-9+.-]{1,20}:)?//(?:[^\s/\"'<>@]*@)?(\[[0-9a-f:]+\]|[\w-]+(?:\.[\w-]+)*)")
_MAIL = re.compile(r"[\w.+-]+@((?:[\w-]+\.)+[a-z]{2,})\b", re.I)
_ADDRESS = re.compile(r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})(?![\w.])")
_NAME = re.compile(
    r"(?i)[\"'`\s=(]((?:[a-z0-9-]+\.)+(?:com|net|org|io|dev|app|cloud|info|biz|xyz|top|site|online|ru|cn|me|co|ai|tech|onion|test|example|local|internal))"
    r"(?=[\"'`\s/:,)]|$)"
)
_OWN = re.compile(r"(?i)^(?:localhost|127\.\d+\.\d+\.\d+|\[?::1\]?|0\.0\.0\.0)$")
_MADE_UP = re.compile(r"(?i)(?:^|\.)(?:example(?:\.(?:com|net|org))?|test|invalid)$")
_SCHEMES = re.compile(r"(?i)\b(?:ldap|jndi|gopher|dict|file|ftp|tftp|smb|data):(?://|\w+/\w+[;,])")


def findings(difference: Difference, known_hosts: Sequence[str]) -> Iterator[Finding]:
    """A host that the old file does not name; loopback is nobody's, and a test may make names up."""
    known = {host.casefold() for host in (*_hosts(difference.before), *known_hosts)}
    made_up = is_test(difference.path) or difference.prose
    for line in difference.added:
        for host in _hosts(line.text):
            if host.casefold() not in known and not _OWN.match(host) and not (made_up and _is_made_up(host)):
                yield difference.elevate("new_host", f"The change speaks to {host!r}, which this file did not name before.", line.number)
                return
        if _SCHEMES.search(line.text) and not _SCHEMES.search(difference.before) and not difference.prose:
            yield difference.elevate(
                "new_host", "The change opens an address by a scheme that reaches files or other services.", line.number
            )
            return


def _hosts(text: str) -> Iterator[str]:
    for pattern in (_URL, _MAIL, _NAME):
        yield from (found[1] for found in pattern.finditer(text))
    yield from (found[1] for found in _ADDRESS.finditer(text) if _is_address(found[1]))


def _is_made_up(host: str) -> bool:
    return bool(_MADE_UP.search(host)) or (_is_address(host) and not ipaddress.IPv4Address(host).is_global)


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
