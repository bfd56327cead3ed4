"""The plugin's hooks in Claude Code itself: a model that may do everything else still decides nothing for a person."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.components import ROOT, needs
from tests.e2e.claude_code.host import BYPASS, Claude
from tests.e2e.messages_api import Answer, Request, Turn, Use


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """The plugin with its hooks and without its servers."""
    folder = tmp_path / "plugin"
    (folder / ".claude-plugin").mkdir(parents=True)
    (folder / ".claude-plugin/plugin.json").write_text(json.dumps({"name": "kintsugi", "version": "0.1.0"}), "utf-8")
    for name in ("hooks", "kintsugi"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@needs("claude")
def test_a_model_with_every_permission_cannot_approve_push_or_rewrite_the_policy(plugin: Path, tmp_path: Path) -> None:
    policy = tmp_path / ".config/kintsugi/policy.toml"
    tries = [
        Use("Bash", {"command": "kintsugi approve fix_1"}),
        Use("Bash", {"command": "git push origin HEAD:kintsugi/fix_1"}),
        Use("Write", {"file_path": str(policy), "content": "[approvals]"}),
        Use("Bash", {"command": "echo let alone"}),
    ]

    def script(request: Request) -> Answer:
        return Turn(tries) if request.tools and not request.results else "done"

    (tmp_path / "home").mkdir()
    claude = Claude(tmp_path / "home")
    session = claude.ask(
        script, "go", folder=tmp_path, options=("--plugin-dir", str(plugin), BYPASS), PATH="/usr/bin:/bin", HOME=str(tmp_path)
    )
    results = [result for request in session.requests for result in request.results]
    greeted = json.dumps(session.requests[0].body)
    assert "Kintsugi needs uv" in greeted, "without uv there is no server, and the session begins with the reason"
    approve, push, write, echo = results[:4]
    assert approve.is_error
    assert "does not let a model do this" in approve.text
    assert push.is_error
    assert "open_pull_request" in push.text
    assert write.is_error
    assert not policy.exists()
    assert "let alone" in echo.text


def run(name: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    command = ["/bin/sh", str(ROOT / "hooks/run"), name]
    return subprocess.run(command, cwd=folder, env={"PATH": "/usr/bin:/bin", **environ}, capture_output=True, text=True, timeout=30)


def program(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    (folder / name).chmod(0o755)
    return folder


def test_a_session_is_greeted_by_the_plugin_s_own_environment_and_not_before_it_is_there(tmp_path: Path) -> None:
    data = tmp_path / "data"
    uv = program(tmp_path / "bin", "uv", "")
    before = run("session-start", tmp_path, CLAUDE_PLUGIN_DATA=str(data), PATH=f"{uv}:/usr/bin")
    assert (before.returncode, before.stderr) == (0, "")
    assert "builds its environment now" in json.loads(before.stdout)["systemMessage"]
    program(data / "venv/bin", "python", 'echo "$@"')
    after = run("session-start", tmp_path, CLAUDE_PLUGIN_DATA=str(data))
    assert after.stdout.split() == ["-E", "-P", "-m", "kintsugi.hooks", "session-start"]


def test_setup_says_what_is_missing(tmp_path: Path) -> None:
    folder = program(tmp_path / "bin", "unneeded", "")
    (folder / "dirname").symlink_to("/usr/bin/dirname")
    done = run("setup", tmp_path, PATH=str(folder), CLAUDE_PLUGIN_DATA=str(tmp_path / "data"))
    assert done.returncode == 2
    assert "needs uv" in done.stderr


def test_setup_builds_the_environment_from_the_lock_beside_the_plugin_s_data(tmp_path: Path) -> None:
    folder = program(tmp_path / "bin", "uv", 'echo "$UV_PROJECT_ENVIRONMENT" "$@"')
    done = run("setup", tmp_path, PATH=f"{folder}:/usr/bin", CLAUDE_PLUGIN_DATA=str(tmp_path / "data"))
    assert done.returncode == 0
    assert done.stdout.split() == [str(tmp_path / "data/venv"), "sync", "--quiet", "--frozen", "--no-dev", "--project", str(ROOT)]
