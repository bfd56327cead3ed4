"""How soon each server answers over stdio, and what it then holds in memory: `python benchmarks/servers.py [--runs 5]`."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from mcp_servers.launch import SLICES

INITIALIZE = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "benchmark", "version": "1"},
}


@dataclass(frozen=True, slots=True)
class Start:
    """One start of a server: seconds to its answer to initialize, seconds to its tool list, resident MiB then, and how many tools."""

    ready: float
    listed: float
    resident: float
    tools: int


def start(name: str, environ: Mapping[str, str]) -> Start:
    begun = time.perf_counter()
    command = [sys.executable, "-m", "mcp_servers", name]
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        ask(server, "initialize", INITIALIZE, number=1)
        ready = time.perf_counter() - begun
        say(server, {"jsonrpc": "2.0", "method": "notifications/initialized"})
        tools = ask(server, "tools/list", {}, number=2)["tools"]
        listed = time.perf_counter() - begun
        resident = resident_mib(server.pid)
        server.terminate()
    return Start(ready, listed, resident, len(tools))


def ask(server: subprocess.Popen[bytes], method: str, params: Mapping[str, Any], *, number: int) -> Any:
    say(server, {"jsonrpc": "2.0", "id": number, "method": method, "params": params})
    assert server.stdout is not None
    for line in server.stdout:
        answer = json.loads(line)
        if answer.get("id") == number:
            return answer["result"]
    raise SystemExit(f"The server ended without an answer to {method}; start it by hand to see why.")


def say(server: subprocess.Popen[bytes], message: Mapping[str, Any]) -> None:
    assert server.stdin is not None
    server.stdin.write(json.dumps(message).encode() + b"\n")
    server.stdin.flush()


def resident_mib(pid: int) -> float:
    """The resident set of a process, from /proc, or from ps where there is none."""
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        kib = next(line.split()[1] for line in status.read_text("utf-8").splitlines() if line.startswith("VmRSS:"))
    else:
        kib = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True).stdout
    return int(kib) / 1024


def row(name: str, starts: list[Start]) -> list[str]:
    ready, listed, resident = (median(getattr(one, key) for one in starts) for key in ("ready", "listed", "resident"))
    slowest = max(one.ready for one in starts)
    return [name, str(starts[0].tools), f"{ready:.2f}", f"{slowest:.2f}", f"{listed:.2f}", f"{resident:.0f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="starts of each server; the median is shown")
    runs: int = parser.parse_args().runs
    table = Table(title=f"Servers over stdio, median of {runs} starts, writes allowed")
    for heading in ("server", "tools", "initialize s", "slowest s", "tools/list s", "resident MiB"):
        table.add_column(heading, justify="left" if heading == "server" else "right")
    for name in (*SLICES, "all"):
        with tempfile.TemporaryDirectory() as home:
            environ = os.environ | {"KINTSUGI_HOME": home, "KINTSUGI_ALLOW_WRITES": "all"}
            start(name, environ)  # the first start makes the store and fills the file cache
            table.add_row(*row(name, [start(name, environ) for _ in range(runs)]))
    Console().print(table)


if __name__ == "__main__":
    main()
