"""What the plugin's files promise to its host; claude_code/ shows what the host makes of them."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import pytest

from mcp_servers.launch import with_options
from tests.components import ROOT


def manifest(name: str) -> dict[str, Any]:
    return json.loads((ROOT / name).read_text("utf-8"))


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
