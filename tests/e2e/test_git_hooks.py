"""Git hooks as a person meets them: installed beside what is there, run by git itself, quiet, and out again without a trace."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kintsugi.commands.hooks import hooks
from kintsugi.hooks import spool
from kintsugi.hooks.installing import HOOKS, SENSORS
from mcp_servers.knowledge.guards import index

GUARD: Mapping[str, Any] = {
    "id": "guard_0123456789ab",
    "kind": "config-bound",
    "level": "blocking",
    "message": "A pool under 10 ran dry (case_1).",
    "endings": [],
    "names": ["pool.toml"],
    "paths": [],
    "anchors": ["pool_size"],
    "file": "pool.toml",
    "key": "pool_size",
    "at_least": 10,
    "story": {},
}


class Repository:
    """A repository of its own, with a home and a configuration of its own."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.folder, self.environ = folder, environ

    def git(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        command = ["git", *words]
        return subprocess.run(command, cwd=self.folder, env={**self.environ, **environ}, capture_output=True, text=True, check=False)

    def commit(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return self.git("commit", "-qm", "change", "--allow-empty", *words, **environ)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text, "utf-8")
        self.git("add", "-f", name)

    def hook(self, name: str, text: str) -> Path:
        path = self.folder / ".git/hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode())
        path.chmod(0o750)
        return path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def repository(tmp_path: Path, state: Path) -> Repository:
    config = tmp_path / "gitconfig"
    config.write_text("[user]\nname = Ada\nemail = ada@example.org\n[init]\ndefaultBranch = main\n", "utf-8")
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG_GLOBAL": str(config), "GIT_CONFIG_NOSYSTEM": "1"}
    found = Repository(tmp_path / "shop", environ | {"KINTSUGI_HOME": str(state)})
    found.folder.mkdir()
    found.git("init", "-q")
    return found


def ask(repository: Repository, *words: str) -> Result:
    return CliRunner(env=dict(repository.environ)).invoke(hooks, [*words, "--repo", str(repository.folder)])


def states(repository: Repository) -> dict[str, str]:
    answer = json.loads(ask(repository, "list", "--json").stdout)
    return {hook["name"]: hook["state"] for hook in answer["hooks"]}


def notes(state: Path) -> list[spool.Note]:
    found: list[spool.Note] = []
    spool.drain(str(state), found.append)
    return found


def test_a_commit_passes_in_silence_and_leaves_a_note(repository: Repository, state: Path) -> None:
    assert ask(repository, "install").exit_code == 0
    assert states(repository) == dict.fromkeys(HOOKS, "installed")
    done = repository.commit()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    head = repository.git("rev-parse", "HEAD").stdout.strip()
    assert [(note.hook, note.branch, note.commit, note.repository) for note in notes(state)] == [
        ("post-commit", "main", head, str(repository.folder))
    ]
    assert notes(state) == [], "a note is taken once"


def test_merges_and_checkouts_of_another_commit_are_noted_and_files_are_not(repository: Repository, state: Path) -> None:
    repository.commit()
    repository.git("checkout", "-q", "-b", "side")
    repository.write("a.txt", "a")
    repository.commit()
    side = repository.git("rev-parse", "side").stdout.strip()
    ask(repository, "install")
    repository.git("checkout", "-q", "main")
    repository.git("checkout", "-q", "-b", "same")
    repository.git("checkout", "-q", "side", "--", "a.txt")
    repository.git("reset", "-q", "--hard")
    repository.git("checkout", "-q", "main")
    repository.git("merge", "-q", "side")
    assert [(note.hook, note.branch) for note in notes(state)] == [("post-checkout", "main"), ("post-merge", "main")]
    assert repository.git("rev-parse", "HEAD").stdout.strip() == side


def test_hooks_that_are_there_run_first_and_come_back_byte_for_byte(repository: Repository, tmp_path: Path) -> None:
    text = (
        "#!/bin/sh\r\n".replace("\r", "") + f"echo \"$0 $*\" >> '{tmp_path}/ran'; cat >> '{tmp_path}/heard'\n# \u00e4 no newline at the end"
    )
    theirs = {name: repository.hook(name, text) for name in ("pre-push", "post-checkout")}
    before = {name: (path.read_bytes(), path.stat().st_mode) for name, path in theirs.items()}
    remote = tmp_path / "remote.git"
    repository.git("init", "-q", "--bare", str(remote))
    repository.commit()
    ask(repository, "install")
    ask(repository, "install")
    pushed = repository.git("push", "-q", str(remote), "main")
    assert pushed.returncode == 0, pushed.stderr
    assert f"{remote} {remote}" in (tmp_path / "ran").read_text("utf-8")
    assert (tmp_path / "heard").read_text("utf-8").startswith("refs/heads/main ")
    assert ask(repository, "uninstall").exit_code == 0
    assert {name: (path.read_bytes(), path.stat().st_mode) for name, path in theirs.items()} == before
    assert not list((repository.folder / ".git/hooks").glob("*kintsugi*"))
    assert states(repository) == dict.fromkeys(HOOKS, "absent") | dict.fromkeys(theirs, "other")


def test_a_hook_that_says_no_still_says_no(repository: Repository) -> None:
    repository.hook("pre-commit", "#!/bin/sh\necho no >&2\nexit 3\n")
    ask(repository, "install")
    done = repository.commit()
    assert (done.returncode != 0, done.stderr) == (True, "no\n")


def test_what_a_blocking_guard_objects_to_is_not_committed_and_not_pushed(repository: Repository, state: Path, tmp_path: Path) -> None:
    remote = tmp_path / "remote.git"
    repository.git("init", "-q", "--bare", str(remote))
    repository.commit()
    ask(repository, "install")
    index.save(state, [GUARD])
    repository.write("pool.toml", "pool_size = 2\n")
    done = repository.commit()
    assert done.returncode == 1
    assert GUARD["message"] in done.stdout + done.stderr
    assert "--no-verify" in done.stderr
    assert repository.commit("--no-verify").returncode == 0
    pushed = repository.git("push", "-q", str(remote), "main")
    assert pushed.returncode == 1
    assert "pool.toml" in pushed.stdout + pushed.stderr
    repository.write("pool.toml", "pool_size = 20\n")
    mended = repository.commit()
    assert (mended.returncode, mended.stdout, mended.stderr) == (0, "", "")
    assert repository.git("push", "-q", str(remote), "main").returncode == 0


def test_the_first_commit_of_a_branch_is_asked_too(repository: Repository, state: Path) -> None:
    ask(repository, "install")
    index.save(state, [GUARD])
    repository.write("pool.toml", "pool_size = 2\n")
    first = repository.commit()
    assert (first.returncode, GUARD["message"] in first.stdout + first.stderr) == (1, True)
    assert repository.commit("--no-verify").returncode == 0
    repository.git("checkout", "-q", "--orphan", "other")
    assert repository.commit().returncode == 1


def test_the_guards_see_what_is_staged_and_not_what_lies_in_the_folder(repository: Repository, state: Path) -> None:
    ask(repository, "install")
    index.save(state, [GUARD])
    repository.write("pool.toml", "pool_size = 20\n")
    (repository.folder / "pool.toml").write_text("pool_size = 2\n", "utf-8")
    assert repository.commit().returncode == 0
    refused = repository.commit("-a")
    assert refused.returncode == 1
    assert GUARD["message"] in refused.stdout + refused.stderr


def test_hooks_can_be_skipped_and_say_so(repository: Repository, state: Path) -> None:
    ask(repository, "install")
    index.save(state, [GUARD])
    repository.write("pool.toml", "pool_size = 2\n")
    done = repository.commit(KINTSUGI_SKIP_HOOKS="1")
    assert done.returncode == 0
    assert "pre-commit hook is skipped" in done.stderr
    assert notes(state) == []


@pytest.mark.parametrize("broken", ["python", "index", "state"])
def test_a_broken_installation_never_stops_a_commit(broken: str, repository: Repository, state: Path) -> None:
    ask(repository, "install")
    if broken == "python":
        path = repository.folder / ".git/hooks/pre-commit"
        path.write_text(path.read_text("utf-8").replace("\npython=", "\npython=/nowhere"), "utf-8")
    elif broken == "index":
        state.mkdir()
        (state / "guards.json").write_text("{", "utf-8")
    else:
        state.write_text("a file where the folder should be", "utf-8")
    done = repository.commit()
    assert done.returncode == 0
    assert "git goes on" in done.stderr
    assert "Traceback" not in done.stderr


def test_worktrees_share_the_hooks_and_a_hooks_path_is_honoured(repository: Repository, state: Path, tmp_path: Path) -> None:
    repository.commit()
    ask(repository, "install")
    repository.git("worktree", "add", "-q", str(tmp_path / "tree"))
    tree = Repository(tmp_path / "tree", repository.environ)
    assert states(tree) == dict.fromkeys(HOOKS, "installed")
    notes(state)
    assert tree.commit().returncode == 0
    assert [note.repository for note in notes(state)] == [str(tree.folder)]
    ask(repository, "uninstall")
    repository.git("config", "core.hooksPath", "tools/hooks")
    ask(repository, "install")
    assert sorted(path.name for path in (repository.folder / "tools/hooks").iterdir()) == sorted(HOOKS)
    assert repository.commit().returncode == 0
    assert [note.hook for note in notes(state)] == ["post-commit"]


@pytest.mark.parametrize(
    ("manager", "advice"), [("husky", ".husky/pre-commit"), ("pre-commit", ".pre-commit-config.yaml"), ("lefthook", "lefthook.yml")]
)
def test_where_another_program_manages_the_hooks_it_says_what_to_add_there(manager: str, advice: str, repository: Repository) -> None:
    if manager == "husky":
        repository.git("config", "core.hooksPath", ".husky/_")
    else:
        said = {"pre-commit": "# File generated by pre-commit: https://pre-commit.com", "lefthook": "call_lefthook run pre-commit"}[manager]
        repository.hook("pre-commit", f"#!/bin/sh\n{said}\n")
    answer = ask(repository, "install")
    assert answer.exit_code != 0
    assert advice in str(answer.exception)
    assert "installed" not in states(repository).values()


def test_hooks_of_all_repositories_are_left_alone(repository: Repository, tmp_path: Path) -> None:
    repository.git("config", "--global", "core.hooksPath", str(tmp_path / "all"))
    answer = ask(repository, "install")
    assert "all your repositories" in str(answer.exception)
    assert not (tmp_path / "all").exists()


def test_outside_a_repository_it_says_so(tmp_path: Path) -> None:
    answer = CliRunner().invoke(hooks, ["install", "--repo", str(tmp_path)])
    assert "not in a git repository" in str(answer.exception)


def test_a_manager_of_hooks_can_run_one(repository: Repository, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.commit()
    monkeypatch.chdir(repository.folder)
    answer = CliRunner(env=dict(repository.environ)).invoke(hooks, ["run", SENSORS[0]])
    assert answer.exit_code == 0
    assert [note.hook for note in notes(state)] == ["post-commit"]
