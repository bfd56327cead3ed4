"""The plugin as its host sees it: Claude Code itself, cut off from the user's configuration and from every network but loopback."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from kintsugi import roles
from mcp_servers.launch import with_options
from tests.components import CLAUDE, ROOT, needs


def claude(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "CLAUDE_CONFIG_DIR": str(home / "config"),
        "ANTHROPIC_API_KEY": "not-a-key",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
    command = [str(CLAUDE), *arguments]
    return subprocess.run(command, env=environ, cwd=home, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)


def manifest(name: str) -> dict[str, Any]:
    return json.loads((ROOT / name).read_text("utf-8"))


@needs("claude")
def test_claude_code_accepts_the_plugin_and_its_marketplace_strictly(tmp_path: Path) -> None:
    answer = claude(tmp_path, "plugin", "validate", "--strict", str(ROOT))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "Validation passed" in answer.stdout


@needs("claude")
def test_claude_code_finds_one_server_every_agent_and_every_skill(tmp_path: Path) -> None:
    answer = claude(tmp_path, "plugin", "validate", "--strict", "--json", str(ROOT))
    report = json.loads(answer.stdout)
    assert report["success"] is True
    assert report["manifest"]["errors"] == report["manifest"]["warnings"] == []
    assert {server["name"] for server in report["provides"]["mcpServers"]} == {"kintsugi"}
    assert set(report["provides"]["agents"]) == {f"kintsugi:{name}" for name in roles.roles()}
    assert set(report["provides"]["skills"]) == {f"kintsugi:{name}" for name in roles.skills()}


@needs("claude")
def test_the_folder_installs_itself_as_a_plugin(tmp_path: Path) -> None:
    added = claude(tmp_path, "plugin", "marketplace", "add", str(ROOT))
    assert added.returncode == 0, added.stdout + added.stderr
    installed = claude(tmp_path, "plugin", "install", "kintsugi@kintsugi")
    assert installed.returncode == 0, installed.stdout + installed.stderr
    listed = json.loads(claude(tmp_path, "plugin", "list", "--json").stdout)
    assert "kintsugi@kintsugi" in json.dumps(listed)


def test_package_plugin_marketplace_and_changelog_name_one_version() -> None:
    package = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert manifest(".claude-plugin/plugin.json")["version"] == package
    assert [plugin["version"] for plugin in manifest(".claude-plugin/marketplace.json")["plugins"]] == [package]
    newest = re.search(r"^## \[(\d[^\]]*)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    assert newest
    assert newest[1] == package


@pytest.mark.parametrize("name", [".mcp.json", ".claude-plugin/plugin.json"])
def test_the_server_is_started_from_the_lock_file_under_one_name(name: str) -> None:
    servers = manifest(name)["mcpServers"]
    assert list(servers) == ["kintsugi"], "same name in both: the plugin's entry wins, and the agents' tool names hold"
    assert servers["kintsugi"]["command"] == "uv"
    assert servers["kintsugi"]["args"][-4:] == ["--frozen", "--no-dev", "kintsugi-mcp", "all"]


def test_the_two_entries_differ_so_that_the_host_never_drops_the_plugins_own() -> None:
    assert manifest(".mcp.json")["mcpServers"] != manifest(".claude-plugin/plugin.json")["mcpServers"]
    assert "CLAUDE_PLUGIN_ROOT" not in (ROOT / ".mcp.json").read_text("utf-8"), "it is a project's file too, where that name means nothing"


@pytest.mark.promise("4.10")
def test_a_fresh_install_only_reads() -> None:
    option = manifest(".claude-plugin/plugin.json")["userConfig"]["allow_writes"]
    assert option["default"] == ""


def test_what_the_form_asks_reaches_the_server_and_the_token_is_kept_secret() -> None:
    plugin = manifest(".claude-plugin/plugin.json")
    passed = " ".join(plugin["mcpServers"]["kintsugi"]["env"].values())
    assert all(f"${{user_config.{key}}}" in passed for key in plugin["userConfig"])
    assert plugin["userConfig"]["github_token"]["sensitive"] is True


def test_an_option_left_empty_leaves_the_variable_of_the_machine() -> None:
    machine = {"GITHUB_TOKEN": "mine", "KINTSUGI_OPTION_GITHUB_TOKEN": "", "KINTSUGI_OPTION_KINTSUGI_PROJECT": "/srv/shop"}
    assert with_options(machine)["GITHUB_TOKEN"] == "mine"
    assert with_options(machine)["KINTSUGI_PROJECT"] == "/srv/shop"
    assert with_options({"KINTSUGI_OPTION_GITHUB_TOKEN": "given", "GITHUB_TOKEN": "mine"})["GITHUB_TOKEN"] == "given"
