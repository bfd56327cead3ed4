"""The guard in front of a model's shell and file tools: reads a PreToolUse event, exits with 2 and a sentence where a decision is a person's.

Standard library only, and of any Python since 3.9.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, TextIO

from kintsugi.hooks.decisions import refusal
from kintsugi.hooks.places import Place

REFUSED = 2


def main(stdin: TextIO, stderr: TextIO) -> int:
    """0 where the tool may run. A text that is no event raises `ValueError`: the host then holds the tool back."""
    why = verdict(json.load(stdin), dict(os.environ))
    if why:
        stderr.write(f"Kintsugi does not let a model do this: {why}. Tell the person what you would like decided, and why.\n")
    return REFUSED if why else 0


def verdict(event: Any, environ: dict[str, str]) -> str:
    """Why the tool may not run as asked, or an empty string."""
    given: dict[str, Any] = event.get("tool_input") or {}
    place = Place(str(event.get("cwd") or environ.get("PWD", "/")), environ)
    command, path = given.get("command"), given.get("file_path") or given.get("notebook_path")
    if isinstance(command, str):
        windows = event.get("tool_name") == "PowerShell"  # a backtick quotes there, and a backslash does not
        return refusal(command.replace("`", "").replace("\\", "/") if windows else command, place)
    what = place.protected(path) if isinstance(path, str) else ""
    return f"{path} is {what} of Kintsugi, which the servers alone write" if what else ""


if __name__ == "__main__":
    sys.exit(main(sys.stdin, sys.stderr))
