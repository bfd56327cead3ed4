from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from kintsugi.commands.doctor import VARIABLES, Finding, doctor, examine


def finding(name: str, folder: Path, environ: dict[str, str]) -> Finding:
    return next(found for found in examine(folder, environ) if found.name == name)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KINTSUGI_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def test_every_variable_is_named_with_what_it_would_add(home: Path) -> None:
    output = CliRunner().invoke(doctor).output
    for name, adds in VARIABLES.items():
        assert name in output
        assert adds in output or name == "KINTSUGI_HOME"


def test_a_database_is_named_as_its_path_is_written(home: Path) -> None:
    url = f"sqlite:///{home}/Büro 7/100% neu.sqlite"
    assert finding("database", home.parent, {"KINTSUGI_DATABASE_URL": url}).text == url


def test_looking_changes_nothing(home: Path) -> None:
    CliRunner().invoke(doctor)
    assert not home.exists()


def test_the_json_says_whether_all_that_is_needed_is_here_and_so_does_the_exit_code(home: Path) -> None:
    result = CliRunner().invoke(doctor, ["--json"])
    report = json.loads(result.stdout)
    statuses = {found["status"] for found in report["findings"]}
    assert report["healthy"] == ("missing" not in statuses)
    assert result.exit_code == (0 if report["healthy"] else 3)


def test_a_project_is_shown_with_its_sources(home: Path, tmp_path: Path) -> None:
    (tmp_path / "kintsugi.toml").write_text('[project]\nname = "bakery"\n[sources.oven]\npaths = ["oven.log"]\n', "utf-8")
    assert finding("project", tmp_path, {"KINTSUGI_HOME": str(home)}).text == "bakery on main; logs: oven (files)"


def test_a_broken_description_stops_the_loop_and_says_why(home: Path, tmp_path: Path) -> None:
    (tmp_path / "kintsugi.toml").write_text("[porject]\n", "utf-8")
    found = finding("project", tmp_path, {"KINTSUGI_HOME": str(home)})
    assert found.status == "missing"
    assert "porject" in found.advice


def test_docker_is_needed_only_where_the_project_reads_containers(home: Path, tmp_path: Path) -> None:
    environ = {"KINTSUGI_HOME": str(home), "DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    assert finding("docker", tmp_path, environ).status == "absent"
    (tmp_path / "kintsugi.toml").write_text('[sources.c]\ntype = "docker"\n', "utf-8")
    assert finding("docker", tmp_path, environ).status == "missing"


def test_a_damaged_database_is_named_in_a_sentence(home: Path, tmp_path: Path) -> None:
    home.mkdir()
    (home / "kintsugi.sqlite").write_bytes(b"this is no database, however long one looks at it" * 200)
    found = finding("database", tmp_path, {"KINTSUGI_HOME": str(home)})
    assert found.status == "missing"
    assert "kintsugi.sqlite" in found.advice


def test_a_password_in_a_database_address_is_not_shown(home: Path, tmp_path: Path) -> None:
    url = "postgresql://me:hunter2@127.0.0.1:1/none"
    report = examine(tmp_path, {"KINTSUGI_HOME": str(home), "KINTSUGI_DATABASE_URL": url})
    assert not any("hunter2" in found.text + found.advice for found in report)


def test_without_git_or_jail_nothing_can_be_healed_and_the_remedy_is_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = CliRunner().invoke(doctor)
    assert result.exit_code == 3
    assert "apt-get install git" in result.output
    assert "apt-get install bubblewrap" in result.output


@pytest.mark.promise("S1.21")
def test_a_route_is_shown_and_one_that_leads_nowhere_stops_the_loop(home: Path, tmp_path: Path) -> None:
    for routing, status, told in (
        ('security = ["fixer"]', "found", "security: fixer"),
        ('security = ["nobody"]', "missing", "names 'nobody'"),
    ):
        (tmp_path / "kintsugi.toml").write_text(f"[routing]\n{routing}\n", "utf-8")
        found = finding("routing", tmp_path, {"KINTSUGI_HOME": str(home)})
        assert found.status == status
        assert told in found.text + found.advice
