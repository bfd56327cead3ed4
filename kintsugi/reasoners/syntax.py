"""ast-grep: does a rule match a piece of Python? Rules are ours; production text never enters one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcp_servers.kit.errors import Misconfigured


def program() -> str:
    """The path of the ast-grep binary; raises `Misconfigured` when it is not installed."""
    beside = Path(sys.executable).parent / "ast-grep"
    found = str(beside) if beside.exists() else shutil.which("ast-grep")
    if not found:
        raise Misconfigured("ast-grep was not found; install it with `pip install ast-grep-cli`.", code="missing_program")
    return found


def matches(rule: Mapping[str, Any], text: str) -> list[dict[str, Any]]:
    """Every place of `text` that the rule matches, as ast-grep reports it."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "target.py")
        target.write_text(text, "utf-8")
        inline = json.dumps({"id": "rule", "language": "python", "rule": dict(rule)})
        command = [program(), "scan", "--inline-rules", inline, "--json=compact", str(target)]
        done = subprocess.run(command, capture_output=True, check=False, timeout=30)
    return json.loads(done.stdout or b"[]")
