"""Repositories in every state that people leave them in: an apply makes our branch or says why not, and nothing of theirs is touched."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from mcp_servers.fixes.model import State
from mcp_servers.kit.errors import KintsugiError
from mcp_servers.kit.git import Repository
from mcp_servers.kit.project import Project
from mcp_servers.launch import assemble
from tests.components import needs
from tests.conftest import Clock
from tests.fixes.repositories import BROKEN, SHOP, Worktree, shop
from tests.fixes.test_apply import FILE, Bench

ROOT = Path(__file__).parents[2]
OTHER = {FILE: BROKEN.replace("def ", "def  ", 1)}


def conflict(user: Worktree, *words: str) -> None:
    """Leaves a merge, a rebase, … in the middle, with a conflict."""
    user.git("checkout", "--quiet", "-b", "side", "HEAD")
    user.commit("side", {"both.py": "x = 1\n"})
    user.git("checkout", "--quiet", "-b", "mine", "main")
    user.commit("mine", {"both.py": "x = 2\n"})
    with pytest.raises(Exception, match="returned non-zero"):
        user.git(*words, "side")


def staged(user: Worktree) -> None:
    user.write({FILE: "staged"})
    user.git("add", "--all")


def bisecting(user: Worktree) -> None:
    user.git("bisect", "start")


def linked(user: Worktree) -> None:
    user.git("worktree", "add", "--quiet", "-b", "linked", "../linked")


def submodule(user: Worktree) -> None:
    shop(user.root.parent / "module")
    user.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../module", "module")


def sparse(user: Worktree) -> None:
    user.git("sparse-checkout", "set", "tests")


def hooks(user: Worktree) -> None:
    for name in ("pre-commit", "post-checkout", "reference-transaction", "post-commit", "update"):
        hook = user.root / ".git" / "hooks" / name
        hook.write_text("#!/bin/sh\ntouch ../hooked hooked\nexit 1\n", "utf-8")
        hook.chmod(0o755)


def settings(user: Worktree) -> None:
    for key, value in {
        "core.autocrlf": "true",
        "commit.gpgSign": "true",
        "gpg.program": "false",
        "core.fsmonitor": "false",
        "core.bare": "false",
    }.items():
        user.git("config", key, value)
    (user.root / ".git" / "info").mkdir(exist_ok=True)
    (user.root / ".git" / "info" / "attributes").write_text("* filter=evil merge=evil\n", "utf-8")
    user.git("config", "filter.evil.clean", "touch evil; cat")
    user.git("config", "merge.evil.driver", "touch evil; true")


def remote(url: str) -> Callable[[Worktree], object]:
    return lambda user: user.git("remote", "add", "origin", url)


def diverged(user: Worktree) -> None:
    user.git("clone", "--quiet", "--bare", ".", "../origin.git")
    user.git("remote", "add", "origin", "../origin.git")
    user.git("update-ref", "refs/remotes/origin/main", user.git("commit-tree", "-m", "theirs", "main^{tree}"))


def lock(name: str) -> Callable[[Worktree], None]:
    def held(user: Worktree) -> None:
        path = user.root / ".git" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    return held


def moved(user: Worktree) -> None:
    user.commit("meanwhile", {"other.py": "x = 1\n"})


def renamed(user: Worktree) -> None:
    user.git("branch", "--quiet", "--move", "main", "trunk")


def in_the_way(user: Worktree) -> None:
    user.git("branch", "kintsugi")


STATES: Mapping[str, tuple[Callable[[Worktree], object], str]] = {
    "clean": (lambda user: None, ""),
    "dirty worktree": (lambda user: user.write({FILE: "dirty"}), ""),
    "untracked files": (lambda user: user.write({"tests/test_reproduces_ab12cd.py": "mine"}), ""),
    "staged changes": (staged, ""),
    "detached head": (lambda user: user.git("checkout", "--quiet", "--detach"), ""),
    "another branch": (lambda user: user.git("checkout", "--quiet", "-b", "mine"), ""),
    "merge in progress": (lambda user: conflict(user, "merge"), ""),
    "rebase in progress": (lambda user: conflict(user, "rebase"), ""),
    "cherry-pick in progress": (lambda user: conflict(user, "cherry-pick"), ""),
    "bisect in progress": (bisecting, ""),
    "linked worktree": (linked, ""),
    "submodule": (submodule, ""),
    "sparse checkout": (sparse, ""),
    "hooks that refuse": (hooks, ""),
    "hostile settings": (settings, ""),
    "packed refs": (lambda user: user.git("pack-refs", "--all"), ""),
    "remote unreachable": (remote("https://127.0.0.1:9/none.git"), ""),
    "remote diverged": (diverged, ""),
    "index locked": (lock("index.lock"), ""),
    "stash": (lambda user: (user.write({FILE: "stashed"}), user.git("stash", "--quiet")), ""),
    "base moved": (moved, "base_moved"),
    "target renamed": (renamed, "no_target"),
    "a branch named kintsugi": (in_the_way, "branch_taken"),
}


def picture(user: Worktree) -> dict[str, bytes]:
    """Every file of the user's, git's own included, but objects, logs of refs and branches of ours."""
    seen: dict[str, bytes] = {}
    for parent, folders, files in os.walk(user.root):
        here = Path(parent).relative_to(user.root).as_posix()
        folders[:] = [
            name
            for name in folders
            if f"{here}/{name}" not in {".git/objects", ".git/refs/heads/kintsugi", ".git/logs/refs/heads/kintsugi"}
        ]
        seen |= {f"{here}/{name}": (Path(parent) / name).read_bytes() for name in files}
    return seen


@pytest.fixture(scope="module")
def approved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Bench]:
    """A fix that a person approved, in a fresh copy of one repository."""

    def made() -> Bench:
        folder = tmp_path_factory.mktemp("state")
        watched, clock = shop(folder / "shop"), Clock()
        made = Bench(watched, assemble(Project(watched.root, "shop"), home=folder / "home", clock=clock), clock)
        made.approved()
        return made

    return made


@pytest.mark.promise("S3.8")
@pytest.mark.parametrize("state", STATES)
def test_whatever_state_a_repository_is_in_the_users_part_of_it_stays_as_it_was(approved: Callable[[], Bench], state: str) -> None:
    bench = approved()
    enter, code = STATES[state]
    enter(bench.watched)
    fix = bench.store.proposals()[0]
    before = picture(bench.watched)
    if code:
        with pytest.raises(KintsugiError) as refusal:
            bench.applier.apply(fix.id, bench.write())
        assert refusal.value.code == code
        assert bench.store.intent(fix.id, "apply") is None, "the approval is not spent"
    else:
        applied = bench.applier.apply(fix.id, bench.write())
        assert applied.state is State.APPLIED
        assert bench.watched.repository.tree(applied.commit) == fix.tree
        assert bench.applier.rollback(fix.id, bench.write("rollback_fix")).how == "deleted"
    assert picture(bench.watched) == before


READ_ONLY = """
import sys
from pathlib import Path
from mcp_servers.kit.errors import Misconfigured
from mcp_servers.kit.project import Project
from mcp_servers.launch import assemble
from tests.conftest import Clock
from tests.fixes.repositories import Worktree
from tests.fixes.test_apply import Bench

folder, clock = Path(sys.argv[1]), Clock()
watched = Worktree(folder / "shop")
bench = Bench(watched, assemble(Project(watched.root, "shop"), home=folder / "home", clock=clock), clock)
fix = bench.store.proposals()[0]
try:
    bench.applier.apply(fix.id, bench.write())
except Misconfigured as error:
    print(error.code, bench.store.intent(fix.id, "apply"))
"""


@needs("bubblewrap")
def test_where_git_may_not_write_the_approval_is_kept_until_it_may(approved: Callable[[], Bench]) -> None:
    bench = approved()
    folder, fix = bench.watched.root.parent, bench.store.proposals()[0]
    closed = str(bench.watched.root / ".git")
    words = ["bwrap", "--dev-bind", "/", "/", "--ro-bind", closed, closed, "--chdir", str(ROOT), sys.executable, "-c", READ_ONLY]
    tried = subprocess.run([*words, str(folder)], capture_output=True, text=True, check=True)
    assert tried.stdout.split() == ["repository_read_only", "None"]
    assert bench.applier.apply(fix.id, bench.write()).state is State.APPLIED


@pytest.mark.parametrize("kind", ["bare", "shallow", "linked"])
def test_a_repository_of_another_shape_gets_the_branch_all_the_same(tmp_path: Path, clock: Clock, kind: str) -> None:
    user = shop(tmp_path / "shop")
    user.commit("second", {"second.py": "x = 1\n"})
    words = {
        "bare": ("clone", "--quiet", "--bare", f"file://{user.root}", str(tmp_path / "other")),
        "shallow": ("clone", "--quiet", "--depth=1", f"file://{user.root}", str(tmp_path / "other")),
        "linked": ("worktree", "add", "--quiet", "-b", "linked", str(tmp_path / "other")),
    }
    user.git(*words[kind])
    other = Worktree(tmp_path / "other")
    bench = Bench(other, assemble(Project(other.root, "shop"), home=tmp_path / "home", clock=clock), clock)
    fix = bench.approved()
    applied = bench.applier.apply(fix.id, bench.write())
    assert Repository.at(other.root).tree(applied.commit) == fix.tree
    assert set(SHOP) < set(Repository.at(other.root).files(applied.commit))


@pytest.mark.parametrize("held", ["packed-refs.lock", "refs/heads/main.lock"])
def test_what_other_gits_hold_does_not_stop_a_branch_of_ours(approved: Callable[[], Bench], held: str) -> None:
    bench = approved()
    lock(held)(bench.watched)
    fix = bench.store.proposals()[0]
    assert bench.applier.apply(fix.id, bench.write()).state is State.APPLIED
    assert (bench.watched.root / ".git" / held).exists()
