from __future__ import annotations

from pathlib import Path

import pytest

from mcp_servers.fixes.forges.local import LocalForge
from mcp_servers.fixes.model import Request
from mcp_servers.fixes.store import Store
from mcp_servers.kit.database import Database
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import Blob
from tests.conftest import Clock
from tests.fixes.repositories import Worktree, shop

BRANCH = "kintsugi/fix_20261120_101500"


class Scene:
    """A branch of ours, one commit before main, and the forge."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.watched: Worktree = shop(folder / "shop")
        repository = self.watched.repository
        base = repository.head("main")
        tree = repository.write_tree_from(base, {"x.py": Blob(b"x = 1\n")})
        head = repository.commit_tree(tree, [base], "fix\n", clock())
        repository.update_ref(f"refs/heads/{BRANCH}", head, None)
        self.request = Request("fix_20261120_101500", "r" * 40, BRANCH, "refs/heads/main", base, head, "A title", "The body")
        self.forge = LocalForge(repository, Store(Database.open(f"sqlite:///{folder / 'k.db'}")), folder / "scratch", clock)

    def state(self) -> str:
        return self.forge.state(self.request.repository, BRANCH).state

    def merge(self) -> str:
        return self.forge.merge(self.request.repository, BRANCH, self.request.head).state


@pytest.fixture
def scene(tmp_path: Path, clock: Clock) -> Scene:
    return Scene(tmp_path, clock)


def test_a_branch_has_one_pull_request_however_often_it_is_opened_and_people_can_read_it(scene: Scene, tmp_path: Path) -> None:
    assert isinstance(scene.forge, LocalForge)
    assert scene.forge.open(scene.request) == scene.forge.open(scene.request)
    assert "The body" in (tmp_path / "scratch" / "pull-requests" / "fix_20261120_101500.md").read_text("utf-8")
    assert scene.state() == "open"


def test_a_merge_is_a_fast_forward_of_a_branch_that_nobody_stands_on(scene: Scene) -> None:
    scene.forge.open(scene.request)
    scene.watched.git("checkout", "--quiet", "--detach")
    assert (scene.merge(), scene.merge(), scene.state()) == ("merged", "merged", "merged")
    assert scene.watched.repository.head("main") == scene.request.head


def test_a_branch_that_is_checked_out_is_the_users_to_move(scene: Scene) -> None:
    scene.forge.open(scene.request)
    with pytest.raises(Refusal, match="git merge --ff-only") as refused:
        scene.merge()
    assert refused.value.code == "checked_out"
    scene.watched.git("merge", "--quiet", "--ff-only", BRANCH)
    assert scene.state() == "merged"


def test_a_target_that_moved_is_not_merged_into(scene: Scene) -> None:
    scene.forge.open(scene.request)
    scene.watched.commit("meanwhile", {"y.py": "y = 1\n"})
    scene.watched.git("checkout", "--quiet", "--detach")
    with pytest.raises(Refusal) as refused:
        scene.merge()
    assert refused.value.code == "base_moved"
    assert scene.state() == "open"


def test_a_closed_pull_request_stays_closed_and_one_that_never_was_is_none(scene: Scene) -> None:
    assert scene.forge.state(scene.request.repository, BRANCH) is None
    scene.forge.close(scene.request.repository, BRANCH)
    scene.forge.open(scene.request)
    scene.forge.close(scene.request.repository, BRANCH)
    assert scene.state() == "closed"
    with pytest.raises(Refusal):
        scene.merge()


def test_what_is_said_stays_below_the_pull_request_and_is_said_once(scene: Scene, tmp_path: Path) -> None:
    scene.forge.open(scene.request)
    for _ in range(2):
        scene.forge.comment(scene.request.repository, BRANCH, "verified, says @ada")
    scene.forge.close(scene.request.repository, BRANCH)
    written = (tmp_path / "scratch" / "pull-requests" / "fix_20261120_101500.md").read_text("utf-8")
    assert written.count("> verified, says (at)ada") == 1
    assert "closed" in written
