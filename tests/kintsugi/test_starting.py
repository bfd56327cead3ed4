"""A command that starts pays for what it does: asking how things stand brings neither the protocol nor an engine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = """
import sys
from kintsugi.cli import cli
cli(sys.argv[1:], standalone_mode=False)
print("loaded", *sys.modules)
"""
HEAVY = {"mcp", "pydantic", "dbos", "anthropic", "docker", "httpx2", "starlette"}
STORE = {"sqlalchemy"}


@pytest.mark.parametrize(
    ("words", "unneeded"),
    [
        (["cases"], HEAVY),
        (["status"], HEAVY),
        (["metrics"], {"mcp"}),
        (["guard", "list"], {"mcp"}),
        (["guard", "check", "kintsugi.toml"], HEAVY | STORE),
        (["logs", "fingerprint", os.devnull], HEAVY | STORE),
    ],
)
def test_a_command_imports_only_what_it_needs(words: list[str], unneeded: set[str], tmp_path: Path) -> None:
    (tmp_path / "kintsugi.toml").write_text('[project]\nname = "shop"\n', "utf-8")
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "KINTSUGI_HOME": str(tmp_path),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *words], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=True
    )
    assert unneeded & set(done.stdout.rpartition("loaded ")[2].split()) == set()
