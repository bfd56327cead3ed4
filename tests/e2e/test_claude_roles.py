"""Agents and skills in Claude Code itself: it finds each by name, with exactly the tools that its file lists."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kintsugi import roles
from tests.components import CLAUDE, ROOT, needs
from tests.e2e.messages_api import Answer, MessagesApi, Request, Turn, Use
from tests.e2e.test_claude_hooks import isolated


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """The plugin with its agents, skills and servers, which are started from this environment."""
    folder = tmp_path / "plugin"
    (folder / ".claude-plugin").mkdir(parents=True)
    server = {
        "command": sys.executable,
        "args": ["-P", "-m", "mcp_servers", "all"],
        "env": {"KINTSUGI_HOME": str(tmp_path / "state"), "KINTSUGI_ALLOW_WRITES": "all", "PYTHONPATH": str(ROOT)},
    }
    manifest = {"name": "kintsugi", "version": "0.1.0", "mcpServers": {"kintsugi": server}}
    (folder / ".claude-plugin" / "plugin.json").write_text(json.dumps(manifest), "utf-8")
    for name in ("agents", "skills"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def dispatched(request: Request) -> str:
    """Which agent a request comes from, by the first words of its prompt; empty for the session itself."""
    return next((name for name in roles.roles() if roles.role(name).prompt.splitlines()[0] in request.system), "")


@needs("claude")
@pytest.mark.promise("S1.1", "S2.11", "S2.15")
def test_heal_takes_its_argument_and_every_agent_has_its_own_tools_and_skill(plugin: Path, tmp_path: Path) -> None:
    send = [
        Use("Agent", {"description": name, "prompt": "Look at case_7.", "subagent_type": f"kintsugi:{name}", "run_in_background": False})
        for name in roles.roles()
    ]

    turns = [Turn([Use(f"{roles.PLUGIN}list_cases", {})]), Turn(send)]  # the host waits for the server at the first call of a tool

    def script(request: Request) -> Answer:
        steps = [] if request.is_subagent or not request.tools else turns[request.turns :]
        return steps[0] if steps else "refused: tell me a case"

    with MessagesApi(script) as api:
        command = [str(CLAUDE), "-p", "/kintsugi:heal case_7", "--plugin-dir", str(plugin), "--dangerously-skip-permissions"]
        environ = isolated(tmp_path, ANTHROPIC_BASE_URL=api.url)
        done = subprocess.run(command, env=environ, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert any("Asked for: case_7" in request.said for request in api.requests)
    seen = {dispatched(request): request for request in api.requests if request.is_subagent}
    assert set(seen) == set(roles.roles())
    for name, request in seen.items():
        role = roles.role(name)
        assert {roles.bare(tool) for tool in request.tools if roles.is_ours(tool)} == set(role.tools), name
        assert not {"Bash", "Edit", "Write"} & set(request.tools), name
        assert all(roles.skill(skill).prompt.splitlines()[0] in request.said for skill in role.skills), name
