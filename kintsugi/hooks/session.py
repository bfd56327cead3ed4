"""What a session of Claude Code is greeted with: one line on what is open and what waits for a person, or nothing at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

_PLACES = ("KINTSUGI_PROJECT", "CLAUDE_PLUGIN_OPTION_PROJECT", "CLAUDE_PROJECT_DIR")
"""Who says which project is watched: the machine, the form of the plugin, the session's own folder."""
_LONGEST = 400


def greeting(environ: Mapping[str, str]) -> str:
    """The line as the answer of a hook, so that the person sees it and the model knows it; empty where there is nothing to say."""
    told = _line(environ)
    answer = {"systemMessage": told, "hookSpecificOutput": {"hookEventName": "SessionStart", "additionalContext": told}}
    return json.dumps(answer, ensure_ascii=False) if told else ""


def _line(environ: Mapping[str, str]) -> str:
    """The line for the project around, or what has to be mended first; empty where there is none, or nothing to say."""
    folder = next((environ[name] for name in _PLACES if environ.get(name)), "") or os.getcwd()
    if not _described(folder):
        return ""
    from pathlib import Path

    from mcp_servers.kit.home import state_folder

    if not environ.get("KINTSUGI_DATABASE_URL") and not (state_folder(environ) / "kintsugi.sqlite").exists():
        return ""
    from kintsugi import standing
    from mcp_servers.kit.errors import KintsugiError
    from mcp_servers.kit.inert import plain

    try:
        return plain(standing.line(standing.here(Path(folder), environ)), _LONGEST)
    except KintsugiError as error:
        return plain(f"Kintsugi cannot say how things stand: {error}", _LONGEST)


def _described(folder: str) -> bool:
    """Whether a kintsugi.toml is there or above; asked before anything is imported."""
    while True:
        if os.path.isfile(os.path.join(folder, "kintsugi.toml")):
            return True
        above = os.path.dirname(folder)
        if above == folder:
            return False
        folder = above
