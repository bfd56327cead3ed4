"""The demo, run as a viewer runs it: a real shop, a real load, real repairs. One run serves all tests of this file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

KINTSUGI = Path(sys.executable).parent / "kintsugi"
CASE = {
    "id",
    "title",
    "service",
    "state",
    "ticket",
    "fix",
    "digest",
    "suspect_commit",
    "certificate",
    "verdict",
    "lesson",
    "guard",
    "seconds",
}
REPORT = {"seconds", "healed", "cases", "left_alone", "refused", "traffic", "model_calls"}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("home")
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "KINTSUGI_HOME": str(home / "state")}
    done = subprocess.run(
        [KINTSUGI, "demo", "--json", "--seconds", "110"], env=env, cwd=home, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def healed(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [case for case in found["cases"] if case["state"] == "verified"]


@pytest.mark.promise("S2.29", "S0.37", "S3.9")
def test_at_least_five_real_defects_are_healed_without_a_model(found: dict[str, Any]) -> None:
    assert found.keys() >= REPORT
    assert all(case.keys() >= CASE for case in found["cases"])
    assert found["healed"] == len(healed(found)) >= 5
    assert found["model_calls"] == 0


@pytest.mark.promise("S0.26", "S0.19")
def test_every_healed_case_is_certified_and_verified_by_numbers(found: dict[str, Any]) -> None:
    for case in healed(found):
        assert case["certificate"]["red_on_base"], case["title"]
        assert case["certificate"]["green_on_patch"], case["title"]
        assert case["certificate"]["runs"] == 3
        assert case["verdict"]["word"] == "verified"
        assert case["verdict"]["before"]["events"] > case["verdict"]["after"]["events"]
        assert case["verdict"]["after"]["requests"] > 0
        assert case["verdict"]["p"] < 0.01
        assert case["ticket"]
        assert case["lesson"]
        assert case["digest"].startswith("sha256:")


def test_each_step_of_a_healed_case_has_its_time_in_order(found: dict[str, Any]) -> None:
    for case in healed(found):
        times = [case["seconds"][step] for step in ("detected", "diagnosed", "proposed", "approved", "applied", "verified")]
        assert times == sorted(times)


def test_the_load_driver_sees_the_difference(found: dict[str, Any]) -> None:
    before, after = found["traffic"]["before"], found["traffic"]["after"]
    assert after["errors"] / after["requests"] < before["errors"] / before["requests"]


def test_decoys_are_left_alone_and_the_demo_says_so(found: dict[str, Any]) -> None:
    quiet = {entry["title"]: entry["reason"] for entry in found["left_alone"]}
    assert any("deprecat" in title.lower() for title in quiet)
    assert any("retry" in reason for reason in quiet.values())
    assert any("4xx" in reason for reason in quiet.values())
    titles = " ".join(case["title"].lower() for case in found["cases"])
    assert "deprecat" not in titles
    assert "mail server" not in titles


def test_every_branch_carries_a_test_that_fails_before_and_passes_after(found: dict[str, Any], tmp_path: Path) -> None:
    repository = found["repository"]
    assert git(repository, "status", "--porcelain") == ""
    for case in healed(found):
        branch = f"kintsugi/{case['fix']}"
        base = git(repository, "rev-parse", f"{branch}^")
        [test] = git(repository, "diff", "--name-only", "--diff-filter=A", base, branch).splitlines()
        folder = tmp_path / case["fix"]
        git(repository, "worktree", "add", "-q", "--detach", str(folder), branch)
        assert passes(folder, test), case["title"]
        git(str(folder), "checkout", "-q", base, "--", ".")
        assert not passes(folder, test), case["title"]


def git(folder: str, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def passes(folder: Path, test: str) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0
