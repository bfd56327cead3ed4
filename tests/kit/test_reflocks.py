"""Locks that a killed git left: ours go, others' are named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from mcp_servers.kit.errors import Refusal
from tests.fixes.repositories import Worktree, shop

REF = "refs/heads/kintsugi/mine"
KILLED = dedent(
    """
    import os, signal, sys
    from pathlib import Path
    from mcp_servers.kit.reflocks import attempt
    common, ref, new, lock, content = sys.argv[1:]
    with attempt(Path(common), ref, new):
        path = Path(common) / lock
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        os.kill(os.getpid(), signal.SIGKILL)
    """
)


def die_with(user: Worktree, lock: str, content: str, new: str) -> Path:
    """A process of ours that is killed while git holds a lock for it."""
    words = [str(user.root / ".git"), REF, new, lock, content]
    assert subprocess.run([sys.executable, "-c", KILLED, *words], check=False).returncode == -9
    return user.root / ".git" / lock


@pytest.mark.parametrize(("lock", "value"), [(f"{REF}.lock", True), (f"{REF}.lock", False), ("packed-refs.lock", False)])
def test_a_lock_of_an_attempt_that_died_is_cleared(tmp_path: Path, lock: str, value: bool) -> None:
    user = shop(tmp_path / "shop")
    head = user.repository.head("main")
    left = die_with(user, lock, f"{head}\n" if value else "", head)
    assert left.exists()
    user.repository.update_ref(REF, head, None)
    user.git("pack-refs", "--all")
    user.repository.delete_ref(REF, head)
    assert not left.exists()
    assert not (user.root / ".git" / "kintsugi").exists()


def test_a_lock_that_somebody_else_holds_is_named_and_left(tmp_path: Path) -> None:
    user = shop(tmp_path / "shop")
    head = user.repository.head("main")
    lock = user.root / ".git" / f"{REF}.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    for held in ("", "0123\n"):
        lock.write_text(held, "utf-8")
        with pytest.raises(Refusal, match=r"kintsugi/mine\.lock") as refusal:
            user.repository.update_ref(REF, head, None)
        assert refusal.value.code == "ref_locked"
        assert lock.exists()


def test_a_lock_with_another_value_than_ours_is_left_though_we_died(tmp_path: Path) -> None:
    user = shop(tmp_path / "shop")
    head = user.repository.head("main")
    left = die_with(user, f"{REF}.lock", "f" * 40, head)
    with pytest.raises(Refusal) as refusal:
        user.repository.update_ref(REF, head, None)
    assert refusal.value.code == "ref_locked"
    assert left.exists()
