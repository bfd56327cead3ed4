"""Programs that a test needs and a newcomer may not have: skipped with the install hint there, a failure in CI."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def _docker() -> bool:
    if not shutil.which("docker"):
        return False
    return subprocess.run(["docker", "version", "--format", "{{.Server.Version}}"], capture_output=True, timeout=20).returncode == 0


def _postgresql() -> bool:
    return bool(shutil.which("initdb")) or any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


CLAUDE = ROOT / ".tools" / "claude" / "node_modules" / ".bin" / "claude"
EMULATE = ROOT / ".tools" / "emulate" / "node_modules" / "emulate" / "dist" / "index.js"
MCP_TOOLS = ROOT / ".tools" / "mcp" / "node_modules" / ".bin"
MCP_PACKAGES = "node@22 @modelcontextprotocol/conformance@0.1.16 @modelcontextprotocol/inspector@2.12.0"

_COMPONENTS: dict[str, tuple[Callable[[], bool], str]] = {
    "bubblewrap": (lambda: bool(shutil.which("bwrap")), "apt-get install bubblewrap"),
    "docker": (_docker, "apt-get install docker.io, then start the engine (scripts/start-docker)"),
    "postgresql": (_postgresql, "apt-get install postgresql"),
    "node": (lambda: bool(shutil.which("node")), "apt-get install nodejs"),
    "go": (lambda: bool(shutil.which("go")), "apt-get install golang-go"),
    "phpunit": (lambda: bool(shutil.which("phpunit")), "apt-get install php-cli phpunit"),
    "claude": (CLAUDE.exists, "npm install --prefix .tools/claude @anthropic-ai/claude-code"),
    "mcp": ((MCP_TOOLS / "conformance").exists, f"npm install --prefix .tools/mcp {MCP_PACKAGES}"),
    "emulate": (EMULATE.exists, "npm install --prefix .tools/emulate emulate@0.11.2"),
}


@cache
def available(name: str) -> bool:
    return _COMPONENTS[name][0]()


def needs(name: str) -> pytest.MarkDecorator:
    """Skips where the component is missing, with the install hint; in CI the test runs, and so fails, all the same."""
    hint = _COMPONENTS[name][1]
    return pytest.mark.skipif(not available(name) and os.environ.get("CI") != "true", reason=f"needs {name}: {hint}")
