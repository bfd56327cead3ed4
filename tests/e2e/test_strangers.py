"""Repositories that we have never seen: what init, watch, approve, heal and rollback make of them, at the real command line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.components import needs
from tests.e2e.strangers import LEDGER, QUIET, WAREHOUSE, Stranger, git
from tests.e2e.terminal import User


def settle(stranger: Stranger, place: Path) -> User:
    """A user who stands in a fresh clone of the stranger's service and has run `kintsugi init`."""
    user = User(stranger.build(place / stranger.name), place / "home")
    user.home.mkdir()
    assert user.run("init").code == 0
    return user


def exits_with(folder: Path, branch: str, place: Path, *selected: str) -> int:
    """How the project's tests end on a branch, with git and pytest alone."""
    clone = place / branch.replace("/", "-")
    git(folder, "clone", "-q", "-b", branch, str(folder), str(clone))
    return subprocess.run([sys.executable, "-m", "pytest", "-q", *selected], cwd=clone, capture_output=True, check=False).returncode


@pytest.mark.promise("S2.24")
@needs("bubblewrap")
def test_a_missing_remark_is_healed_by_a_person_and_a_proof_and_taken_back(tmp_path: Path) -> None:
    user = settle(WAREHOUSE, tmp_path)
    repository = user.folder
    main = git(repository, "rev-parse", "main")
    guilty = git(repository, "log", "--format=%h", "--grep", "Print delivery notes", "--abbrev=12")

    seen = user.run("watch", "--once")
    assert seen.code == 0
    assert "warehouse/notes.py:16 in remark_line" in seen.out
    assert f"suspect commit {guilty}" in seen.out
    fix = re.search(r"kintsugi approve (fix_\w+)\s+\(digest (\w{8})\)", seen.out)
    assert fix, seen.text
    assert git(repository, "branch", "--format=%(refname:short)") == "main", "nothing is applied before a person approves"

    approved = user.type("approve", fix[1], prompt="anything else to leave it", answer=fix[2])
    assert approved.code == 0, approved.text
    assert "+    if parcel.remark is None:" in approved.text

    assert "applied" in user.run("heal").out
    branch = f"kintsugi/{fix[1]}"
    test = next(name for name in git(repository, "diff", "--name-only", f"main..{branch}").splitlines() if name.startswith("tests/"))
    (tmp_path / "proof").mkdir()
    assert exits_with(repository, branch, tmp_path / "proof") == 0
    clone = tmp_path / "proof" / "on-main"
    git(repository, "clone", "-q", "-b", "main", str(repository), str(clone))
    (clone / test).write_text(git(repository, "show", f"{branch}:{test}") + "\n", "utf-8")
    on_main = subprocess.run([sys.executable, "-m", "pytest", "-q", test], cwd=clone, capture_output=True, text=True, check=False)
    assert on_main.returncode == 1
    assert "AttributeError" in on_main.stdout
    assert git(repository, "rev-parse", "main") == main

    undone = user.run("rollback", fix[1])
    assert undone.code == 0
    assert branch in undone.out
    assert git(repository, "branch", "--format=%(refname:short)") == "main"
    assert git(repository, "status", "--porcelain") == "?? kintsugi.toml"


def test_an_error_whose_meaning_nobody_knows_ends_inconclusive_with_its_place_and_its_commit(tmp_path: Path) -> None:
    user = settle(LEDGER, tmp_path)
    seen = user.run("watch", "--once")
    assert seen.code == 0
    assert "inconclusive" in seen.out
    assert "mileage/report.py:2 in consumption" in seen.out
    assert f"suspect commit {git(user.folder, 'rev-parse', '--short=12', 'main')}" in seen.out
    assert re.search(r"not healed: \S+.*no recipe fits", seen.out), "it says why"
    assert git(user.folder, "branch", "--format=%(refname:short)") == "main"


@pytest.mark.parametrize("form", ["words", "json"])
def test_a_quiet_log_opens_nothing_and_says_what_was_left_alone(tmp_path: Path, form: str) -> None:
    user = settle(QUIET, tmp_path)
    seen = user.run("watch", "--once", *(["--json"] if form == "json" else []))
    assert seen.code == 0
    if form == "json":
        found = json.loads(seen.out)
        assert not found["cases"]
        assert {"favicon" in quiet["title"] for quiet in found["left_alone"]} == {True, False}
        return
    assert "Nothing is wrong in what the logs show." in seen.out
    assert "left alone: GET /favicon.ico answered 404" in seen.out
    assert "DeprecationWarning" in seen.out
