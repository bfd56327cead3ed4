"""What a session is greeted with: one line on what is open and what waits for a person, or nothing at all."""

from __future__ import annotations

import os
from collections.abc import Mapping


def line(environ: Mapping[str, str]) -> str:
    """The line with its end, for the project around; empty where there is none, or nothing to say."""
    folder = environ.get("KINTSUGI_PROJECT") or environ.get("CLAUDE_PROJECT_DIR") or os.getcwd()
    if not _described(folder):
        return ""
    from pathlib import Path

    from mcp_servers.kit.home import state_folder

    if not environ.get("KINTSUGI_DATABASE_URL") and not (state_folder(environ) / "kintsugi.sqlite").exists():
        return ""
    from kintsugi import standing

    told = standing.line(standing.here(Path(folder), environ))
    return f"{told}\n" if told else ""


def _described(folder: str) -> bool:
    """Whether a kintsugi.toml is there or above; asked before anything is imported."""
    while True:
        if os.path.isfile(os.path.join(folder, "kintsugi.toml")):
            return True
        above = os.path.dirname(folder)
        if above == folder:
            return False
        folder = above
