from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from mcp import Client, StdioServerParameters

from kintsugi.commands.mcp import mcp

ENTRIES = {"claude": ("mcpServers", ".mcp.json"), "vscode": ("servers", ".vscode/mcp.json"), "cursor": ("mcpServers", ".cursor/mcp.json")}


@pytest.mark.parametrize("client", ENTRIES)
def test_each_client_gets_its_own_entry_on_stdout_and_the_place_on_stderr(client: str) -> None:
    result = CliRunner().invoke(mcp, ["config", "--client", client])
    key, place = ENTRIES[client]
    server = json.loads(result.stdout)[key]["kintsugi"]
    assert Path(server["command"]).exists()
    assert server["args"] == ["all"]
    assert place in result.stderr


def test_an_unknown_client_is_a_usage_error_that_names_the_known_ones() -> None:
    result = CliRunner().invoke(mcp, ["config", "--client", "emacs"])
    assert result.exit_code == 2
    assert "vscode" in result.output


def test_names_and_options_reach_the_servers_as_they_are() -> None:
    result = CliRunner().invoke(mcp, ["--transport", "pigeon", "logs"])
    assert "pigeon" in result.output + str(result.exception)


@pytest.mark.anyio
async def test_the_printed_entry_starts_a_server_that_lists_its_tools(tmp_path: Path) -> None:
    server = json.loads(CliRunner().invoke(mcp, ["config", "--client", "claude"]).stdout)["mcpServers"]["kintsugi"]
    environ = {"PATH": os.environ["PATH"], "KINTSUGI_HOME": str(tmp_path)}
    async with Client(StdioServerParameters(command=server["command"], args=["cases"], env=environ, cwd=str(tmp_path))) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
    assert "list_cases" in names
    assert "open_case" not in names, "writes are off until they are allowed"


def test_an_unknown_slice_is_one_sentence_and_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mcp_servers", "lgos"]
    environ = {"PATH": os.environ["PATH"], "KINTSUGI_HOME": str(tmp_path), "KINTSUGI_PROJECT": str(tmp_path)}
    answer = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 2
    assert "did you mean 'logs'" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert answer.stdout == ""
