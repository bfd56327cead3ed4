"""A project's own copy of agents, skills, hooks and server, beside what people already keep there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kintsugi import roles
from kintsugi.commands.init import init
from mcp_servers.kit.errors import Misconfigured, Refusal

AGENT = Path(".claude/agents/fixer.md")
SERVERS, SETTINGS = Path(".mcp.json"), Path(".claude/settings.local.json")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "bakery"
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    return folder


def run(root: Path, *options: str) -> Result:
    return CliRunner().invoke(init, ["--claude", *options, str(root)])


def data(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def everything(root: Path) -> dict[str, str]:
    files = (path for path in sorted(root.rglob("*")) if path.is_file() and ".git" not in path.relative_to(root).parts)
    return {path.relative_to(root).as_posix(): path.read_text("utf-8") for path in files}


def test_agents_skills_hooks_and_the_server_are_put_there_under_the_projects_names(root: Path) -> None:
    told = run(root)
    assert told.exit_code == 0, told.output
    here = everything(root)
    assert {Path(name).stem for name in here if name.startswith(".claude/agents/")} == set(roles.roles())
    assert {Path(name).parts[2] for name in here if name.startswith(".claude/skills/")} == set(roles.skills())
    assert data(root / SERVERS)["mcpServers"]["kintsugi"]["args"] == ["all"]
    assert (root / "kintsugi.toml").exists()
    assert all(name in told.output for name in here if name.startswith(".claude/agents/"))
    prose = "".join(text for name, text in here.items() if name.endswith(".md"))
    assert "mcp__kintsugi__get_case" in prose
    assert not re.search(r"mcp__plugin_kintsugi|\$\{CLAUDE_PLUGIN", prose)


def test_the_server_is_named_so_that_a_client_with_another_path_finds_it(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = Path(sys.executable).with_name("kintsugi-mcp")
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    told = run(root)
    assert data(root / SERVERS)["mcpServers"]["kintsugi"]["command"] == str(program), "on PATH in this environment alone"
    assert "a path of this machine" in told.output
    assert f"`{program.with_name('kintsugi')}`" in (root / ".claude/skills/setup/SKILL.md").read_text("utf-8"), (
        "its shell may not find it either"
    )
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/kintsugi-mcp").symlink_to(program)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    told = run(root)
    assert data(root / SERVERS)["mcpServers"]["kintsugi"]["command"] == "kintsugi-mcp"
    assert "a path of this machine" not in told.output


def test_the_hooks_start_with_our_own_python_and_the_guard_guards(root: Path) -> None:
    run(root)
    hook = data(root / SETTINGS)["hooks"]["PreToolUse"][0]["hooks"][0]
    assert hook["onFailure"] == "block"
    event = {"tool_name": "Bash", "tool_input": {"command": "kintsugi approve fix_20260301_100000"}, "cwd": str(root)}
    command = [hook["command"], *hook["args"]]
    refused = subprocess.run(command, input=json.dumps(event), capture_output=True, text=True, cwd=root, timeout=30)
    assert refused.returncode == 2
    assert "decision of a person" in refused.stderr


def test_what_people_keep_there_stays(root: Path) -> None:
    (root / ".claude").mkdir()
    mine = {"matcher": "Bash", "hooks": [{"type": "command", "command": "./lint"}]}
    (root / SETTINGS).write_text(json.dumps({"permissions": {"allow": ["Read"]}, "hooks": {"PreToolUse": [mine]}}), "utf-8")
    (root / SERVERS).write_text(json.dumps({"mcpServers": {"oven": {"command": "oven"}}}), "utf-8")
    run(root)
    settings = data(root / SETTINGS)
    assert settings["permissions"] == {"allow": ["Read"]}
    assert settings["hooks"]["PreToolUse"][0] == mine
    assert len(settings["hooks"]["PreToolUse"]) == 2
    assert list(data(root / SERVERS)["mcpServers"]) == ["oven", "kintsugi"]


def test_again_changes_nothing(root: Path) -> None:
    run(root)
    before = everything(root)
    told = run(root)
    assert everything(root) == before
    assert "Wrote" not in told.output


def test_what_somebody_edited_is_kept_and_what_is_outdated_is_written_again(root: Path) -> None:
    run(root)
    server = {"command": "kintsugi-mcp", "args": ["all"], "env": {"KINTSUGI_ALLOW_WRITES": "cases"}}
    (root / SERVERS).write_text(json.dumps({"mcpServers": {"kintsugi": server}}), "utf-8")
    (root / AGENT).write_text("mine now\n", "utf-8")
    (root / ".claude/agents/triager.md").unlink()
    told = run(root)
    assert told.exit_code == 0
    assert (root / AGENT).read_text("utf-8") == "mine now\n"
    assert data(root / SERVERS)["mcpServers"]["kintsugi"] == server
    assert (root / ".claude/agents/triager.md").exists()
    assert f"Kept  {AGENT}" in told.output
    assert "Wrote .claude/agents/triager.md" in told.output


@pytest.mark.parametrize(("path", "text"), [(AGENT, "my own fixer\n"), (SERVERS, '{"mcpServers": {"kintsugi": {"command": "other"}}}')])
def test_a_name_that_is_taken_is_refused_before_anything_is_written(root: Path, path: Path, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, "utf-8")
    before = everything(root)
    refused = run(root)
    assert isinstance(refused.exception, Refusal)
    assert str(path) in str(refused.exception)
    assert everything(root) == before


@pytest.mark.parametrize("text", ["{", "[]", '{"mcpServers": []}'])
def test_a_file_that_cannot_be_merged_is_a_sentence_and_nothing_changes(root: Path, text: str) -> None:
    (root / SERVERS).write_text(text, "utf-8")
    refused = run(root)
    assert isinstance(refused.exception, Misconfigured)
    assert ".mcp.json" in str(refused.exception)
    assert everything(root) == {".mcp.json": text}


def test_the_description_of_the_project_that_is_there_stays(root: Path) -> None:
    (root / "kintsugi.toml").write_text('[project]\nname = "mine"\n', "utf-8")
    assert run(root).exit_code == 0
    assert (root / "kintsugi.toml").read_text("utf-8") == '[project]\nname = "mine"\n'
