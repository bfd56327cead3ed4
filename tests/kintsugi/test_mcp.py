from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from mcp import Client, StdioServerParameters

from kintsugi.commands.mcp import mcp
from mcp_servers.kit.errors import Misconfigured
from mcp_servers.launch import patience

PLACES = {
    "claude": ("mcpServers", ".mcp.json"),
    "vscode": ("servers", ".vscode/mcp.json"),
    "cursor": ("mcpServers", ".cursor/mcp.json"),
    "jetbrains": ("mcpServers", "AI Assistant"),
    "codex": ("mcp_servers", ".codex/config.toml"),
    "gemini": ("mcpServers", ".gemini/settings.json"),
    "zed": ("context_servers", ".zed/settings.json"),
}


def printed(client: str, *options: str) -> tuple[dict[str, Any], str]:
    """The server entry as the client itself reads it, and what was said besides."""
    result = CliRunner().invoke(mcp, ["config", "--client", client, *options])
    assert result.exit_code == 0, result.output
    read = tomllib.loads if client == "codex" else json.loads
    return read(result.stdout)[PLACES[client][0]]["kintsugi"], result.stderr


@pytest.mark.parametrize("client", PLACES)
def test_each_client_gets_its_own_entry_on_stdout_and_the_place_on_stderr(client: str) -> None:
    server, told = printed(client)
    assert Path(server["command"]).exists()
    assert server["args"] == ["all"]
    assert PLACES[client][1] in told


@pytest.mark.parametrize("client", PLACES)
def test_each_client_watches_the_project_that_is_open_or_named(client: str, tmp_path: Path) -> None:
    (tmp_path / "kintsugi.toml").write_text("", "utf-8")
    (tmp_path / "src").mkdir()
    server, _ = printed(client, "--project", str(tmp_path / "src"))
    expected = {"claude": None, "vscode": "${workspaceFolder}", "cursor": "${workspaceFolder}"}.get(client, str(tmp_path))
    assert server.get("env", {}).get("KINTSUGI_PROJECT") == expected


def test_a_client_that_gives_up_after_a_minute_is_told_to_wait_so_long() -> None:
    assert printed("codex")[0]["tool_timeout_sec"] == 60
    assert printed("gemini")[0]["timeout"] == 60_000


def test_an_unknown_client_is_a_usage_error_that_names_the_known_ones() -> None:
    result = CliRunner().invoke(mcp, ["config", "--client", "emacs"])
    assert result.exit_code == 2
    assert "vscode" in result.output


def test_names_and_options_reach_the_servers_as_they_are() -> None:
    result = CliRunner().invoke(mcp, ["--transport", "pigeon", "logs"])
    assert "pigeon" in result.output + str(result.exception)


@pytest.mark.anyio
async def test_the_printed_entries_start_one_and_the_same_server_even_where_the_project_cannot_be_read(tmp_path: Path) -> None:
    entries = [printed(client)[0] for client in PLACES]
    assert len({(entry["command"], *entry["args"]) for entry in entries}) == 1
    server = entries[0]
    environ = {"PATH": os.environ["PATH"], "KINTSUGI_HOME": str(tmp_path)}
    (tmp_path / "kintsugi.toml").write_text("[project\n", "utf-8")
    async with Client(StdioServerParameters(command=server["command"], args=server["args"], env=environ, cwd=str(tmp_path))) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        asked = await client.call_tool("list_log_sources", {})
    assert "Mend it, or write a new one" in str(asked.content)
    assert "list_cases" in names
    assert "open_case" not in names, "writes are off until they are allowed"


@pytest.mark.parametrize("given", ["soon", "0", "-1", "nan", "9999"])
def test_a_patience_that_is_none_is_a_sentence(given: str) -> None:
    with pytest.raises(Misconfigured, match=f"KINTSUGI_TOOL_SECONDS is '{given}'; give seconds"):
        patience({"KINTSUGI_TOOL_SECONDS": given})


def test_an_unknown_slice_is_one_sentence_and_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mcp_servers", "lgos"]
    environ = {"PATH": os.environ["PATH"], "KINTSUGI_HOME": str(tmp_path), "KINTSUGI_PROJECT": str(tmp_path)}
    answer = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 2
    assert "did you mean 'logs'" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert answer.stdout == ""
