"""Each driver has an id of its own: the same after a restart, another beside a live one or in another place."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kintsugi.loop.executor import Executor, claimed
from mcp_servers.kit.errors import Misconfigured
from tests.components import ROOT

HOLDS = (
    "import sys; from pathlib import Path; from kintsugi.loop.executor import claimed\n"
    "with claimed(Path(sys.argv[1])) as executor: print(executor.id, flush=True); sys.stdin.read()"
)


def once(state: Path) -> Executor:
    with claimed(state) as executor:
        return executor


def test_a_driver_keeps_its_id_over_restarts_and_one_beside_it_has_another(tmp_path: Path) -> None:
    with claimed(tmp_path) as first, claimed(tmp_path) as second, claimed(tmp_path) as third:
        assert len({first.id, second.id, third.id}) == len({first.workflows, second.workflows, third.workflows}) == 3
        assert not first.gone(second.id)
    assert first.gone(second.id)
    assert once(tmp_path) == first


def test_two_folders_are_two_places_and_know_nothing_of_each_other(tmp_path: Path) -> None:
    here, there = once(tmp_path / "here"), once(tmp_path / "there")
    assert here.id != there.id
    assert not here.gone(there.id)


def test_a_folder_that_was_moved_is_the_same_place(tmp_path: Path) -> None:
    before = once(tmp_path / "before")
    shutil.move(tmp_path / "before", tmp_path / "after")
    assert once(tmp_path / "after").id == before.id


def test_a_killed_driver_is_known_to_be_gone_at_once_and_a_stopped_one_is_not(tmp_path: Path) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(tmp_path)], cwd=ROOT, stdin=pipe, stdout=pipe, encoding="utf-8") as other:
        assert other.stdout is not None
        theirs = other.stdout.readline().strip()
        with claimed(tmp_path) as ours:
            assert not ours.gone(theirs)
            other.send_signal(signal.SIGSTOP)
            assert not ours.gone(theirs)
            other.kill()
            other.wait()
            assert ours.gone(theirs)
        assert once(tmp_path).id == theirs


def test_a_state_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match=r"file.*right to write"), claimed(tmp_path / "file"):
        pass
