"""How soon the servers answer as the plugin starts them: built by `Setup` in an environment of their own, first and later, over stdio."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import anyio
from mcp import Client

from benchmarks.figures import Figure, Say, cpu_seconds, met
from mcp_servers.kit.budget import tokens
from mcp_servers.launch import SLICES, assemble, server

ROOT = Path(__file__).parent.parent
CORE = ("logs", "cases", "knowledge", "fixes")
STARTS = 5
_HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "benchmark", "version": "1"}}


@dataclass(frozen=True, slots=True)
class Start:
    """One start: seconds until a tool answered, CPU seconds of the whole process, and MiB resident then."""

    answered: float
    cpu: float
    resident: float


def run(say: Say) -> list[Figure]:
    return [*_starts(say), *_lists(say)]


def _starts(say: Say) -> list[Figure]:
    uv = shutil.which("uv") or str(ROOT / ".tools" / "uv" / "bin" / "uv")
    with tempfile.TemporaryDirectory(prefix="kintsugi-bench-") as folder:
        environ = {
            "PATH": f"{Path(uv).parent}:/usr/bin:/bin", "HOME": os.environ["HOME"], "UV_PROJECT_ENVIRONMENT": f"{folder}/venv",
            "KINTSUGI_HOME": f"{folder}/home", "KINTSUGI_PROJECT": folder, "KINTSUGI_ALLOW_WRITES": "all",
        }  # fmt: skip
        say("building the environment, as Setup does")
        begun = time.perf_counter()
        setup = ["sh", str(ROOT / "hooks" / "run"), "setup"]
        subprocess.run(setup, env=environ | {"CLAUDE_PLUGIN_DATA": folder}, cwd=folder, check=True, capture_output=True, text=True)
        built = time.perf_counter() - begun
        command = [uv, "run", "--project", str(ROOT), "--frozen", "--no-dev", "kintsugi-mcp", "all"]
        say("the first start")
        first = _start(command, environ, folder)
        say("later starts")
        later = [_start(command, environ, folder) for _ in range(STARTS)]
    again, cpu = median(one.answered for one in later), median(one.cpu for one in later)
    setup_note = f"after a setup of {built:.1f} s"
    return [
        Figure("plugin, first tool answer", f"{first.answered:.2f} s ({first.cpu:.2f} s CPU)", anchor=setup_note, reach="< 5 s", beyond="< 2.5 s", met=met(first.cpu, 5, 2.5)),
        Figure("plugin, later starts, median", f"{again:.2f} s ({cpu:.2f} s CPU)", anchor=f"best {min(one.answered for one in later):.2f} s", reach="< 1 s", beyond="< 0.7 s", met=met(cpu, 1, 0.7)),
        Figure("plugin, memory of its one process", f"{median(one.resident for one in later):.0f} MiB"),
    ]  # fmt: skip


def _lists(say: Say) -> list[Figure]:
    say("tokens of the tool list")
    with tempfile.TemporaryDirectory(prefix="kintsugi-bench-") as folder:
        cost = anyio.run(_cost, Path(folder))
    core, everything = sum(cost[name] for name in CORE), sum(cost.values())
    return [
        Figure("tool list, all servers", f"{everything:,} tokens", reach="< 9,000", beyond="< 7,300", met=met(everything, 9_000, 7_300)),
        Figure(f"tool list, {', '.join(CORE)}", f"{core:,} tokens", reach="< 5,000", met="reach" if core < 5_000 else ""),
    ]


async def _cost(folder: Path) -> dict[str, int]:
    """Tokens of what a host puts before a model of each server's tools, writes allowed: 3 bytes a token."""
    deps, cost = assemble(None, home=folder), dict[str, int]()
    for name in SLICES:
        async with Client(server([name], deps, frozenset(SLICES))) as client:
            tools = (await client.list_tools()).tools
        cost[name] = tokens([{"name": tool.name, "description": tool.description, "input_schema": tool.input_schema} for tool in tools])
    return cost


def _start(command: list[str], environ: Mapping[str, str], folder: str) -> Start:
    cpu, (answered, resident) = cpu_seconds(lambda: _answer(command, environ, folder))
    return Start(answered, cpu, resident)


def _answer(command: list[str], environ: Mapping[str, str], folder: str) -> tuple[float, float]:
    begun = time.perf_counter()
    with subprocess.Popen(
        command, env=environ, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as served:
        _ask(served, "initialize", _HELLO, number=1)
        _say(served, {"jsonrpc": "2.0", "method": "notifications/initialized"})
        _ask(served, "tools/call", {"name": "list_approvals", "arguments": {}}, number=2)
        answered, resident = time.perf_counter() - begun, _resident_mib(served.pid)
        assert served.stdin is not None
        served.stdin.close()
    return answered, resident


def _ask(served: subprocess.Popen[bytes], method: str, params: Mapping[str, Any], *, number: int) -> Any:
    _say(served, {"jsonrpc": "2.0", "id": number, "method": method, "params": params})
    assert served.stdout is not None
    for line in served.stdout:
        answer = json.loads(line)
        if answer.get("id") == number:
            return answer["result"]
    raise RuntimeError(f"the server ended without an answer to {method}; start it by hand to see why")


def _say(served: subprocess.Popen[bytes], message: Mapping[str, Any]) -> None:
    assert served.stdin is not None
    served.stdin.write(json.dumps(message).encode() + b"\n")
    served.stdin.flush()


def _resident_mib(pid: int) -> float:
    """The resident set of a process and of its children (uv starts ours)."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,rss="], capture_output=True, text=True, check=True).stdout
    rows = [tuple(map(int, line.split())) for line in listed.splitlines()]
    return sum(kib for one, parent, kib in rows if pid in (one, parent)) / 1024
