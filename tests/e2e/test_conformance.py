"""The servers before programs of others: the conformance suite of the protocol, and the Inspector as a strict client that cannot ask anybody."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.components import MCP_TOOLS, needs

pytestmark = needs("mcp")

GENERIC = {
    "server-initialize", "ping", "tools-list", "resources-list", "prompts-list", "server-sse-multiple-streams", "dns-rebinding-protection",
}  # fmt: skip
"""What any server has to pass; every other scenario of 0.1.16 wants tools, resources or prompts with names of its own."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """All servers behind HTTP on loopback, writes allowed, over an empty folder."""
    home = tmp_path_factory.mktemp("home")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = {
        "PATH": os.environ["PATH"], "HOME": str(home), "KINTSUGI_HOME": str(home), "KINTSUGI_PROJECT": str(home), "KINTSUGI_ALLOW_WRITES": "all",
    }  # fmt: skip
    command = [sys.executable, "-m", "mcp_servers", "all", "--transport", "http", "--port", str(port)]
    with subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as served:
        try:
            assert _answers(served, port), f"no server came up: {served.stderr and served.stderr.read()}"
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            served.kill()


def _answers(served: subprocess.Popen[str], port: int) -> bool:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        with suppress(subprocess.TimeoutExpired):
            served.wait(0.1)
            return False
    return False


def run(home: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One of the programs, with the Node that came with it and nothing of this user's."""
    environ = {"PATH": f"{MCP_TOOLS}:/usr/bin:/bin", "HOME": str(home)}
    command = [str(MCP_TOOLS / program), *arguments]
    return subprocess.run(command, env=environ, cwd=home, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)


def test_every_generic_scenario_of_the_conformance_suite_passes(address: str, tmp_path: Path) -> None:
    told = run(tmp_path, "conformance", "server", "--url", address, "--suite", "all").stdout
    results = {name: (mark, int(failed)) for mark, name, failed in re.findall(r"^(✓|✗) ([\w-]+): \d+ passed, (\d+) failed", told, re.M)}
    assert {name: results.get(name) for name in GENERIC} == dict.fromkeys(GENERIC, ("✓", 0)), told[-3000:]


def inspected(home: Path, address: str, era: str, *arguments: str) -> tuple[int, Any]:
    told = run(home, "mcp-inspector", "--cli", address, "--transport", "http", "--protocol-era", era, "--format", "json", "-q", *arguments)
    assert told.stdout, told.stderr
    return told.returncode, json.loads(told.stdout)["result"]


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_the_inspector_finds_every_tool_portable_and_can_call_one(address: str, tmp_path: Path, era: str) -> None:
    code, listed = inspected(tmp_path, address, era, "--method", "tools/list", "--strict")
    assert code == 0
    assert {"find_anomalies", "open_case", "certify_fix", "record_lesson", "create_ticket"} <= {tool["name"] for tool in listed["tools"]}
    code, answer = inspected(tmp_path, address, era, "--method", "tools/call", "--tool-name", "list_cases", "--tool-args-json", "{}")
    assert code == 0
    assert answer["structuredContent"]["total"] == 0
