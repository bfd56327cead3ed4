"""The demo shop is broken as `truth.toml` says and in no other way: the hidden tests fail at head and pass with the reference fixes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from kintsugi.demo.load import Load
from kintsugi.demo.shop import Shop, build, export

HERE = Path(__file__).parent
TRUTH: dict[str, dict[str, Any]] = tomllib.loads((HERE / "truth.toml").read_text("utf-8"))
DECOYS: list[str] = TRUTH.pop("decoys")["errors"]
COMMITS = 8
REQUESTS = 550  # six seconds of load on an idle machine with two cores
PER_SECOND = 200
PATIENCE = 60.0


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("shop") / "repository")


def git(repository: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=repository, capture_output=True, text=True, check=True).stdout.strip()


def patch(folder: Path, name: str) -> None:
    subprocess.run(["git", "apply", str(HERE / "fixes" / f"{name}.patch")], cwd=folder, check=True)


def hide(folder: Path, name: str) -> str:
    shutil.copy(HERE / "hidden" / f"{name}.py", folder / "tests" / f"test_hidden_{name}.py")
    return f"tests/test_hidden_{name}.py"


def pytest_in(folder: Path, *paths: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *paths]
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_the_repository_is_the_same_every_time(repository: Path, tmp_path: Path) -> None:
    again = build(tmp_path / "again")
    assert git(again, "rev-parse", "HEAD") == git(repository, "rev-parse", "HEAD")
    assert git(again, "tag") == git(repository, "tag") == "r1\nr2\nr3\nr4\nr5"
    assert git(again, "status", "--porcelain") == ""


def test_the_shops_own_tests_pass_at_every_commit(repository: Path, tmp_path: Path) -> None:
    commits = git(repository, "rev-list", "--reverse", "main").split()
    folders = [export(repository, commit, tmp_path / commit) for commit in commits]
    with ThreadPoolExecutor(2) as workers:
        runs = list(workers.map(pytest_in, folders))
    assert len(runs) == COMMITS
    assert [run.stdout[-400:] for run in runs if run.returncode] == []


@pytest.mark.parametrize("defect", TRUTH)
def test_the_hidden_test_fails_at_head_and_passes_with_the_fix(repository: Path, tmp_path: Path, defect: str) -> None:
    folder = export(repository, "main", tmp_path / "shop")
    before = pytest_in(folder, hide(folder, defect))
    assert before.returncode == 1, before.stdout
    patch(folder, defect)
    after = pytest_in(folder)
    assert after.returncode == 0, after.stdout


@pytest.mark.parametrize("defect", TRUTH)
def test_the_culprit_is_one_commit_that_changed_the_file(repository: Path, defect: str) -> None:
    culprit = culprit_of(repository, defect)
    assert TRUTH[defect]["file"] in git(repository, "show", "--name-only", "--format=", culprit).splitlines()


def culprit_of(repository: Path, defect: str) -> str:
    found = [line.split()[0] for line in git(repository, "log", "--format=%H %s").splitlines() if line.endswith(TRUTH[defect]["culprit"])]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("defect", ["cents", "pool"])
def test_a_regression_is_not_there_before_its_commit(repository: Path, tmp_path: Path, defect: str) -> None:
    culprit = culprit_of(repository, defect)
    before, since = export(repository, f"{culprit}~1", tmp_path / "before"), export(repository, culprit, tmp_path / "since")
    assert pytest_in(before, hide(before, defect)).returncode == 0
    assert pytest_in(since, hide(since, defect)).returncode == 1


def test_the_regression_can_be_reverted_at_head(repository: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repository), str(clone))
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.test"]
    git(clone, *identity, "revert", "--no-edit", culprit_of(repository, "cents"))
    hide(clone, "cents")
    assert pytest_in(clone).returncode == 0


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop, load = Shop(tmp_path / "run"), Load(tmp_path / "run")
    yield shop
    load.stop()
    shop.stop()


def records(shop: Shop, release: str) -> Counter[str]:
    """Returns how many records of this release hold each text of the truth."""
    texts = [*(str(defect["error"]) for defect in TRUTH.values()), *DECOYS]
    found: Counter[str] = Counter()
    for name in ("api", "web", "worker"):
        for line in (shop.logs / f"{name}.log").read_bytes().rpartition(b"\n")[0].splitlines():
            record = json.loads(line)
            said = f"{record['body']} {record.get('exception.message', '')}"
            found.update(text for text in texts if text in said and record["service.version"] == release)
    return found


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def rare(found: Counter[str], requests: int) -> dict[str, int]:
    """Returns the defects of the first release that show less often than the truth says, with their counts."""
    expected = {name: defect["events_per_second"] * requests / PER_SECOND for name, defect in TRUTH.items() if "needs" not in defect}
    return {name: found[TRUTH[name]["error"]] for name, count in expected.items() if found[TRUTH[name]["error"]] < count}


def test_every_defect_shows_under_load_and_the_leak_once_the_pool_is_mended(repository: Path, tmp_path: Path, shop: Shop) -> None:
    head, mended = export(repository, "main", tmp_path / "head"), export(repository, "main", tmp_path / "mended")
    patch(mended, "pool")
    shop.start(head, "r5")
    load = Load(shop.folder)
    load.start(shop.url("web"), shop.url("api"))
    wait_for(lambda: load.snapshot()["requests"] > REQUESTS)
    assert rare(records(shop, "r5"), REQUESTS) == {}
    assert records(shop, "r5")[TRUTH["client"]["error"]] == 0
    shop.restart(["api"], mended, "r6")
    wait_for(lambda: records(shop, "r6")[TRUTH["client"]["error"]] >= TRUTH["client"]["events_per_second"])
    assert records(shop, "r6")[TRUTH["pool"]["error"]] == 0


def test_with_every_fix_only_the_decoys_are_left(repository: Path, tmp_path: Path, shop: Shop) -> None:
    mended = export(repository, "main", tmp_path / "mended")
    for defect in TRUTH:
        patch(mended, defect)
    shop.start(mended, "r9")
    load = Load(shop.folder)
    load.start(shop.url("web"), shop.url("api"))
    wait_for(lambda: load.snapshot()["requests"] > REQUESTS)
    assert load.snapshot()["errors"] == 0
    wait_for(lambda: set(records(shop, "r9")) >= set(DECOYS))
    assert set(records(shop, "r9")) == set(DECOYS)
