from __future__ import annotations

import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kintsugi.commands.init import init
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.project import Project

Write = Callable[[str, str], None]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "bakery"
    folder.mkdir()
    subprocess.run(["git", "init", "-q", "-b", "trunk", str(folder)], check=True)
    return folder


@pytest.fixture
def write(root: Path) -> Write:
    def put(path: str, text: str = "") -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, "utf-8")

    return put


def run(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(init, [*arguments, str(root)], catch_exceptions=True)


def written(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "kintsugi.toml").read_text("utf-8"))


def test_a_small_service_is_described_from_what_it_holds(root: Path, write: Write) -> None:
    write("logs/api.log", "2026-03-01 10:00:00 ERROR boom\n")
    write("worker/worker.log.1", "old\n")
    write("tests/test_oven.py", "def test_hot(): ...\n")
    write(".venv/bin/python", "")
    result = run(root)
    assert result.exit_code == 0
    assert written(root) == {
        "project": {"name": "bakery", "branch": "trunk"},
        "sources": {"files": {"type": "files", "paths": ["logs/*", "worker/*.log", "worker/*.log.*"]}},
        "tests": {"runner": "pytest", "python": ".venv/bin/python", "paths": ["tests"]},
    }
    assert "trunk" in result.output
    assert "logs/*, worker/*.log, worker/*.log.*" in result.output


def test_what_it_writes_is_what_the_servers_read(root: Path, write: Write) -> None:
    write("app.log", "")
    run(root)
    project = Project.load(root)
    assert [source.settings["paths"] for source in project.sources] == [["*.log", "*.log.*"]]


def test_a_compose_file_becomes_a_docker_source(root: Path, write: Write) -> None:
    write("compose.yaml", "services:\n  web: {image: web}\n  jobs: {image: jobs}\n")
    run(root)
    assert written(root)["sources"]["containers"] == {"type": "docker", "services": ["web", "jobs"]}


def test_a_broken_compose_file_is_passed_over(root: Path, write: Write) -> None:
    write("compose.yaml", "services: [unclosed\n")
    assert run(root).exit_code == 0
    assert "sources" not in written(root)


def test_logs_of_dependencies_and_test_data_are_not_production(root: Path, write: Write) -> None:
    write("node_modules/left-pad/debug.log", "")
    write(".cache/x.log", "")
    write("tests/data/sample.log", "")
    result = run(root)
    assert "sources" not in written(root)
    assert "none found; name them in the file" in result.output
    assert '# paths = ["logs/*.log"]' in (root / "kintsugi.toml").read_text("utf-8")


def test_tests_written_for_unittest_are_run_by_it(root: Path, write: Write) -> None:
    write("test/test_oven.py", "import unittest\n\nclass Oven(unittest.TestCase):\n    def test_hot(self): ...\n")
    run(root)
    assert written(root)["tests"] == {"runner": "unittest", "paths": ["test"]}


def test_the_branch_that_the_remote_calls_its_own_is_production(root: Path) -> None:
    subprocess.run(["git", "-C", str(root), "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/live"], check=True)
    run(root)
    assert written(root)["project"]["branch"] == "live"


def test_a_file_that_is_there_is_never_replaced_unasked(root: Path, write: Write) -> None:
    write("kintsugi.toml", "# mine\n")
    refused = run(root)
    assert isinstance(refused.exception, Refusal)
    assert "--force" in str(refused.exception)
    assert (root / "kintsugi.toml").read_text("utf-8") == "# mine\n"
    assert run(root, "--force").exit_code == 0
    assert written(root)["project"]["name"] == "bakery"


def test_inside_a_subfolder_the_repository_is_described(root: Path, write: Write) -> None:
    write("src/app.py", "")
    assert run(root / "src").exit_code == 0
    assert (root / "kintsugi.toml").exists()


def test_outside_a_repository_it_says_so(tmp_path: Path) -> None:
    refused = run(tmp_path)
    assert isinstance(refused.exception, Refusal)
    assert "not in a git repository" in str(refused.exception)
