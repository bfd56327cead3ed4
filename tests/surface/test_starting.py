"""A server that starts pays for its tools' names, not for what stands behind them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

BUILD = """
import sys
from pathlib import Path
from mcp_servers.launch import SLICES, assemble, server
server(list(SLICES), assemble(None, home=Path(sys.argv[1])), frozenset(SLICES))
print(*sys.modules)
"""
ENGINES = {
    "mcp_servers.logs.anomalies.finding", "mcp_servers.logs.bulk", "mcp_servers.fixes.desk", "mcp_servers.fixes.certificate",
    "dbos", "docker", "anthropic", "scipy", "psycopg", "kintsugi.cli",
}  # fmt: skip


def test_nothing_is_imported_that_only_a_call_needs(tmp_path: Path) -> None:
    command = [sys.executable, "-c", BUILD, str(tmp_path)]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}
    told = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True)
    assert ENGINES & set(told.stdout.split()) == set()
