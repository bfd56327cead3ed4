"""Credentials in added lines: a literal that stands for one, not code that names one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mcp_servers.fixes.model import Finding
from mcp_servers.fixes.policy.difference import Difference
from mcp_servers.kit.redaction import redact

_NAME = r"(?i:passw(?:or)?d|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)s?"
_ASSIGNED = re.compile(rf"{_NAME}[\"']?\]?\s*(?:=|:)\s*[rbuf]?([\"'])(?![${{<%])[^\"'\s]{{4,}}\1")
_BARE = re.compile(rf"{_NAME}\s*[=:]\s*(?![\"'${{<%]|null|true|false)\S{{4,}}")
_VENDOR = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE|://[^\s:/@{]+:[^\s@/{}$]{4,}@|\b(?:AKIA|ASIA)[A-Z0-9]{16}"
    r"|\b(?:gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|sk-|[rs]k_live_|AIza|eyJ|npm_|hf_)[\w-]{16,}"
)
_SETTINGS = (".env", ".ini", ".cfg", ".conf", ".yaml", ".yml", ".properties")


def findings(difference: Difference) -> Iterator[Finding]:
    for line in difference.added:
        if _is_secret(line.text, difference.path):
            text = "An added line holds what looks like a credential; keep it in the environment."
            yield difference.reject("secret", text, line.number)
            return


def _is_secret(line: str, path: str) -> bool:
    """A literal that stands for a credential; `token = request.headers["Authorization"]` names one and holds none."""
    return redact(line) != line and bool(
        _VENDOR.search(line) or _ASSIGNED.search(line) or (path.endswith(_SETTINGS) and _BARE.search(line))
    )
