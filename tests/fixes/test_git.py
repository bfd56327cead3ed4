from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mcp_servers.kit.errors import Misconfigured, Refusal
from mcp_servers.kit.git import EXECUTABLE, LINK, Blob, Repository
from tests.fixes.repositories import BROKEN, Worktree, empty, shop

WHEN = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
HEADS = "refs/heads/kintsugi/x"


@pytest.fixture
def watched(tmp_path: Path) -> Worktree:
    return shop(tmp_path / "shop")


def test_files_and_contents_are_those_of_the_commit_not_of_the_dirty_worktree(watched: Worktree) -> None:
    watched.write({"shop/customers.py": "dirty", "new.py": "untracked"})
    repository = watched.repository
    head = repository.head("main")
    assert repository.read(head, "shop/customers.py").decode() == BROKEN
    assert "new.py" not in repository.files(head)


def test_a_folder_inside_the_repository_and_a_detached_head_and_a_linked_worktree_are_fine(watched: Worktree) -> None:
    head = watched.git("rev-parse", "HEAD")
    watched.git("checkout", "--quiet", "--detach")
    watched.git("worktree", "add", "--quiet", str(watched.root.parent / "linked"), "main")
    for folder in (watched.root / "shop", watched.root.parent / "linked"):
        assert Repository.at(folder).head("main") == head
    assert watched.repository.checked_out("refs/heads/main")
    assert not watched.repository.checked_out("refs/heads/other")


@pytest.mark.parametrize(("kind", "code"), [("missing", "no_repository"), ("plain", "no_repository"), ("empty", "empty_repository")])
def test_what_is_no_repository_with_a_commit_is_refused_in_a_sentence(tmp_path: Path, kind: str, code: str) -> None:
    folder = tmp_path / kind
    if kind == "plain":
        folder.mkdir()
    if kind == "empty":
        empty(folder)
    with pytest.raises(Refusal) as refused:
        Repository.at(folder)
    assert refused.value.code == code


def test_a_machine_without_git_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Misconfigured, match="install it"):
        Repository.at(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a folder to somebody else")
def test_the_repository_of_another_user_is_read_once_its_reader_calls_it_safe(
    watched: Worktree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for folder in (watched.root, watched.root / ".git"):
        os.chown(folder, 12345, 12345)
    with pytest.raises(Misconfigured, match=r"git config --global --add safe\.directory"):
        Repository.at(watched.root)
    (tmp_path / ".gitconfig").write_text(f"[safe]\n\tdirectory = {watched.root}\n", "utf-8")
    assert Repository.at(watched.root).head("main")


def test_a_tree_is_made_without_touching_worktree_index_or_branch(watched: Worktree) -> None:
    watched.write({"shop/customers.py": "dirty"})
    before, repository = watched.state(), watched.repository
    head = repository.head()
    tree = repository.write_tree_from(head, {"a/new.py": Blob(b"1\n"), "settings.toml": None, "run.sh": Blob(b"", EXECUTABLE)})
    assert [(c.path, c.added, c.deleted) for c in repository.changes(head, tree)] == [
        ("a/new.py", True, False),
        ("run.sh", True, False),
        ("settings.toml", False, True),
    ]
    assert "+1" in repository.diff(head, tree)
    assert watched.state() == before


@pytest.mark.parametrize(
    "path", ["../out", ".git/config", ".GIT/config", "a/../b", "/abs", "git~1/x", ".g\u200cit/x", "shop/customers.py/below"]
)
def test_a_path_that_no_tree_may_hold_is_refused(watched: Worktree, path: str) -> None:
    with pytest.raises(Refusal):
        watched.repository.write_tree_from(watched.repository.head(), {path: Blob(b"x")})


def test_the_same_commit_is_made_again_with_the_same_id_and_a_branch_moves_only_by_compare_and_swap(watched: Worktree) -> None:
    repository = watched.repository
    head = repository.head()
    first, again = (repository.commit_tree(repository.tree(head), [head], "same\n", WHEN) for _ in range(2))
    assert first == again
    repository.update_ref(HEADS, first, None)
    with pytest.raises(Refusal) as taken:
        repository.update_ref(HEADS, head, None)
    with pytest.raises(Refusal):
        repository.delete_ref(HEADS, head)
    assert taken.value.code == "ref_moved"
    assert repository.resolve(HEADS) == first
    repository.delete_ref(HEADS, first)
    assert repository.resolve(HEADS) is None


def test_no_hook_filter_or_configured_program_of_the_repository_runs(watched: Worktree, tmp_path: Path) -> None:
    trap = tmp_path / "trapped"
    hooks = watched.root / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("reference-transaction", "post-checkout", "pre-commit", "post-commit", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {trap}\n", "utf-8")
        (hooks / name).chmod(0o755)
    program = f"sh -c 'touch {trap}; cat'"
    for key in ("filter.evil.clean", "filter.evil.smudge", "diff.evil.textconv", "diff.evil.command", "core.fsmonitor", "gpg.program"):
        watched.git("config", key, program)
    watched.git("config", "log.showSignature", "true")
    watched.commit("attributes", {".gitattributes": "*.py filter=evil diff=evil\n"})
    trap.unlink(missing_ok=True)
    repository = watched.repository
    head = repository.head("main")
    tree = repository.write_tree_from(head, {"shop/customers.py": Blob(b"x = 1\n")})
    repository.diff(head, tree)
    repository.blame(head, "shop/customers.py", 1)
    repository.log(head)
    repository.export(head, tmp_path / "out")
    commit = repository.commit_tree(tree, [head], "m\n", WHEN)
    repository.update_ref(HEADS, commit, None)
    assert not trap.exists()


def test_an_export_is_byte_for_byte_and_stays_in_its_folder(watched: Worktree, tmp_path: Path) -> None:
    (watched.root / "inside").symlink_to("settings.toml")
    (watched.root / "outside").symlink_to("../../secret")
    (watched.root / "absolute").symlink_to("/etc/passwd")
    watched.commit("links", {"crlf.txt": b"a\r\nb\r\n", "bytes": bytes(range(256)), ".gitattributes": "* text=auto export-ignore\n"})
    out = tmp_path / "out"
    watched.repository.export("main", out)
    assert (out / "crlf.txt").read_bytes() == watched.repository.read("main", "crlf.txt")
    assert (out / "bytes").read_bytes() == bytes(range(256))
    assert (out / "inside").readlink() == Path("settings.toml")
    assert not (out / "outside").is_symlink()
    assert not (out / "absolute").is_symlink()
    assert watched.repository.entry("main", "outside").mode == LINK  # type: ignore[union-attr]


def test_blame_log_tags_and_ancestry_tell_who_came_when(watched: Worktree) -> None:
    first = watched.git("rev-parse", "HEAD")
    watched.git("tag", "r1")
    second = watched.commit("second", {"shop/customers.py": BROKEN.replace("strip()", "strip(' ')")}, author="Bob")
    watched.git("tag", "--annotate", "r2", "--message", "release")
    repository = watched.repository
    assert repository.blame(second, "shop/customers.py", 1, 2) == {1: first, 2: second}
    assert repository.blame(second, "no/such/file.py", 1) == {}
    assert [(c.id, c.author, c.subject) for c in repository.log(second, "shop/customers.py")] == [
        (second, "Bob", "second"),
        (first, "Ada", "first"),
    ]
    assert repository.tags() == {"r1": first, "r2": second}
    assert repository.contains(second, first)
    assert not repository.contains(first, second)
    assert repository.identity(second) == first


@pytest.mark.parametrize("name", ["", "--all", "nope", "a\0b", "main:settings.toml"])
def test_a_name_that_is_no_commit_is_refused_and_never_an_option(watched: Worktree, name: str) -> None:
    with pytest.raises(Refusal):
        watched.repository.head(name)
