"""Two commands and a preparation: what Claude Code makes of the plugin, and what a session has of it."""

from __future__ import annotations

import json

import pytest

from kintsugi import roles
from tests.components import needs
from tests.e2e.claude_code.conftest import Healed, Installed

pytestmark = needs("claude")


def test_every_command_of_the_installation_ends_well(installed: Installed) -> None:
    assert {name: (done.returncode, done.stderr) for name, done in installed.told.items()} == dict.fromkeys(installed.told, (0, ""))
    assert "Successfully installed plugin: kintsugi@kintsugi" in installed.told["install"].stdout


def test_it_is_valid_strictly_with_one_server_every_agent_and_every_skill(installed: Installed) -> None:
    report = json.loads(installed.told["validate"].stdout)
    assert report["success"] is True
    assert report["manifest"]["errors"] == report["manifest"]["warnings"] == []
    assert {server["name"] for server in report["provides"]["mcpServers"]} == {"kintsugi"}
    assert set(report["provides"]["agents"]) == {f"kintsugi:{name}" for name in roles.roles()}
    assert set(report["provides"]["skills"]) == {f"kintsugi:{name}" for name in roles.skills()}


def test_setup_has_built_the_environment_beside_the_plugins_data_and_nothing_in_the_plugin(installed: Installed) -> None:
    told = installed.claude.kintsugi(installed.claude.home, "--help")
    assert told.returncode == 0
    assert "approve" in told.stdout
    assert not (installed.source / ".venv").exists()


@pytest.mark.promise("S1.1", "S2.11", "S2.15")
def test_a_session_has_the_server_connected_with_agents_and_skills(warehouse: Healed) -> None:
    begun = warehouse.session.begun
    assert warehouse.session.servers == {"plugin:kintsugi:kintsugi": "connected"}
    assert {f"kintsugi:{name}" for name in roles.roles()} <= set(begun["agents"])
    assert {f"kintsugi:{name}" for name in roles.skills()} <= set(begun["skills"])
    assert {f"kintsugi:{name}" for name in ("heal", "setup", "status")} <= set(begun["slash_commands"])


@pytest.mark.promise("S1.1")
def test_every_agent_has_its_own_tools_and_skill_and_none_that_edits(warehouse: Healed) -> None:
    begins = {roles.role(name).prompt.splitlines()[0]: name for name in roles.roles()}
    asked = [request for request in warehouse.session.requests if request.is_subagent]
    seen = {next(name for words, name in begins.items() if words in request.system): request for request in asked}
    assert set(seen) == set(roles.roles())
    for name, request in seen.items():
        role = roles.role(name)
        assert {roles.bare(tool) for tool in request.tools if roles.is_ours(tool)} == set(role.tools), name
        assert not {"Bash", "Edit", "Write"} & set(request.tools), name
        assert all(roles.skill(skill).prompt.splitlines()[0] in request.said for skill in role.skills), name
