from __future__ import annotations

from pathlib import Path

import pytest

from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.push import Remote, push, standing
from tests.fixes.repositories import Worktree, shop

BRANCH = "refs/heads/kintsugi/fix_20261120_101500"
RULE = """#!/bin/sh
while read old new ref; do
    case $ref in refs/heads/kintsugi/*) echo "error: GH006: Protected branch update failed for $ref." >&2; exit 1 ;; esac
done
"""


@pytest.fixture
def user(tmp_path: Path) -> Worktree:
    return shop(tmp_path / "shop")


@pytest.fixture
def origin(user: Worktree) -> Remote:
    user.git("clone", "--quiet", "--bare", ".", "../origin.git")
    return Remote((user.root.parent / "origin.git").as_uri())


def test_a_branch_is_made_moved_and_taken_away_from_where_it_is_expected(user: Worktree, origin: Remote) -> None:
    first = user.repository.head("main")
    second = user.git("commit-tree", "-p", first, "-m", "second", "main^{tree}")
    push(user.repository, origin, BRANCH, first, None)
    push(user.repository, origin, BRANCH, first, None)
    with pytest.raises(Refusal) as moved:
        push(user.repository, origin, BRANCH, second, None)
    assert moved.value.code == "ref_moved"
    push(user.repository, origin, BRANCH, second, first)
    assert standing(user.repository, origin, BRANCH) == second
    push(user.repository, origin, BRANCH, None, second)
    assert standing(user.repository, origin, BRANCH) is None


def test_a_branch_that_the_other_side_protects_is_refused_in_its_words_and_stays(user: Worktree, origin: Remote) -> None:
    hook = user.root.parent / "origin.git" / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(RULE, "utf-8")
    hook.chmod(0o755)
    with pytest.raises(Refusal, match="GH006: Protected branch update failed for refs/heads/kintsugi/") as refusal:
        push(user.repository, origin, BRANCH, user.repository.head("main"), None)
    assert refusal.value.code == "push_refused"
    assert standing(user.repository, origin, BRANCH) is None
