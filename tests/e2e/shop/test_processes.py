"""The shop's processes and its load: found again by their state file, ended without touching others."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kintsugi.demo.load import Load, Sample, summarise
from kintsugi.demo.processes import Group
from kintsugi.demo.shop import Shop, build, export
from mcp_servers.kit.errors import Misconfigured, Refusal, Unavailable


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    return export(build(folder / "repository"), "r5", folder / "r5")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path / "run")
    yield shop
    Shop(tmp_path / "run").stop()


def test_another_command_finds_and_ends_the_shop(shop: Shop, release: Path) -> None:
    shop.start(release, "r5")
    later = Shop(shop.folder)
    assert later.running
    assert later.url("web") == shop.url("web")
    with pytest.raises(Refusal, match="already running"):
        later.start(release, "r5")
    later.reset()
    assert not later.running
    assert not shop.running
    assert list(shop.folder.iterdir()) == []


def test_a_restart_brings_the_new_release_on_the_same_port(shop: Shop, release: Path) -> None:
    shop.start(release, "r5")
    before = shop.url("api")
    shop.restart(["api"], release, "r6")
    assert shop.url("api") == before
    assert shop.releases == {"api": "r6", "web": "r5", "worker": "r5"}


def test_a_taken_port_is_a_sentence(tmp_path: Path, release: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Misconfigured, match=f"Port {port} for the shop's api cannot be used"):
            Shop(tmp_path, ports={"api": port}).start(release, "r5")
    assert not (tmp_path / "shop.json").exists()


def test_a_release_that_does_not_start_is_told_with_its_log(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(Unavailable, match=re.escape("api did not come up; its log is ")):
        shop.start(tmp_path / "empty", "r0")
    assert not shop.running


def test_a_full_folder_is_not_built_over(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", "utf-8")
    with pytest.raises(Refusal, match="is not empty"):
        build(tmp_path)


def test_a_process_with_a_number_used_again_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        state = {"api": {"pid": stranger.pid, "born": "before", "port": 1, "release": "r1"}}
        (tmp_path / "shop.json").write_text(json.dumps(state), "utf-8")
        group = Group(tmp_path / "shop.json")
        assert not group.running("api")
        group.end()
        assert stranger.poll() is None
        stranger.kill()
    assert not (tmp_path / "shop.json").exists()


def test_the_load_goes_on_until_it_is_told_and_counts_what_nobody_answered(tmp_path: Path) -> None:
    load, later = Load(tmp_path), Load(tmp_path)
    load.start("http://127.0.0.1:9", "http://127.0.0.1:9", users=3)
    deadline = time.monotonic() + 10
    while not load.samples() and time.monotonic() < deadline:
        os.sched_yield()
    assert later.running
    figures = later.snapshot()
    assert figures["requests"] == figures["errors"] > 0
    later.stop()
    assert not load.running


def test_figures_are_those_of_the_window_and_of_each_endpoint() -> None:
    samples = [Sample(at, at, "home" if at % 2 else "order", 500 if at == 4 else 200, at * 10.0) for at in range(1, 6)]
    figures = summarise(samples)
    assert (figures["requests"], figures["errors"], figures["p50"], figures["p95"]) == (5, 1, 30.0, 50.0)
    assert figures["endpoints"]["order"] == {"requests": 2, "errors": 1, "p50": 40.0, "p95": 40.0}
    assert summarise([])["p95"] == 0.0
