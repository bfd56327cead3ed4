"""What a hook does before git goes on: it looks at what changed, leaves a note, and imports nothing while there is nothing to say."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from kintsugi.hooks import changes, check, spool
from kintsugi.hooks.changes import Range
from mcp_servers.knowledge.guards import index
from mcp_servers.knowledge.guards.index import Index
from tests.components import ROOT

PYTHON_FILES: Mapping[str, Any] = {"id": "g1", "kind": "ast-grep", "level": "warning", "endings": [".py"], "anchors": ["requests.get("]}
LOCKSTEP: Mapping[str, Any] = {"id": "g2", "kind": "required-test", "level": "warning", "paths": ["tests/test_pay.py"], "anchors": []}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("KINTSUGI_HOME", str(tmp_path / "state"))
    git("init", "-q", "-b", "main")
    return folder


def git(*words: str) -> str:
    settings = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    return subprocess.run(["git", *settings, *words], check=True, capture_output=True, text=True).stdout.strip()


def write(name: str, text: str) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text, "utf-8")
    git("add", name)


def commit() -> str:
    git("commit", "-qm", "change", "--allow-empty")
    return git("rev-parse", "HEAD")


def test_only_files_that_a_guard_reads_and_words_that_it_needs_start_a_check(repository: Path) -> None:
    known = Index([PYTHON_FILES])
    write("notes.md", "requests.get( is a call")
    write("ä b.py", "def f(): ...\n")
    assert not check.could_find(known, None)
    write("src/pay.py", "import requests\nrequests.get(url)\n")
    assert check.could_find(known, None)
    first = commit()
    assert not check.could_find(known, None), "it is recorded, not staged any more"
    assert check.could_find(known, Range(git("hash-object", "-t", "tree", "/dev/null"), first))
    git("rm", "-q", "src/pay.py")
    assert not check.could_find(known, None), "what is gone holds nothing"


def test_a_test_that_a_guard_requires_may_not_go_unseen(repository: Path) -> None:
    write("tests/test_pay.py", "def test_pay(): ...\n")
    commit()
    git("rm", "-q", "tests/test_pay.py")
    assert check.could_find(Index([LOCKSTEP]), None)


def test_what_is_staged_counts_and_binary_files_and_submodules_do_no_harm(repository: Path) -> None:
    write("pay.py", "requests.get(url)")
    Path("pay.py").write_text("clean", "utf-8")
    Path("image.py").write_bytes(bytes(range(256)))
    git("add", "image.py")
    git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor.py")
    assert check.could_find(Index([PYTHON_FILES]), None)
    assert {change.path: bool(change.blob) for change in changes.staged()} == {"pay.py": True, "image.py": True, "vendor.py": False}


def test_a_push_is_checked_from_what_the_remote_has(repository: Path) -> None:
    first, second = commit(), commit()
    nothing = "0" * 40
    git("update-ref", "refs/remotes/origin/main", first)

    def ranges(line: str) -> list[Range]:
        return list(check.asked("pre-push", ["origin", "url"], io.StringIO(line + "\n"), {}))  # pyright: ignore

    assert ranges(f"refs/heads/main {second} refs/heads/main {first}") == [Range(first, second)]
    assert ranges(f"refs/heads/new {second} refs/heads/new {nothing}") == [Range(first, second)]
    assert ranges(f"refs/heads/new {first} refs/heads/new {nothing}") == [], "the remote has it all"
    assert ranges(f"(delete) {nothing} refs/heads/old {first}") == []
    assert ranges(f"refs/heads/main {second} refs/heads/main {'a' * 40}") == [Range(first, second)], "a commit we never fetched"
    git("update-ref", "-d", "refs/remotes/origin/main")
    assert ranges(f"refs/heads/main {second} refs/heads/main {nothing}") == [Range(git("hash-object", "-t", "tree", "/dev/null"), second)]


def test_the_pre_commit_framework_names_its_range_in_variables(repository: Path) -> None:
    environ = {"PRE_COMMIT_FROM_REF": "v1", "PRE_COMMIT_TO_REF": "HEAD"}
    assert list(check.asked("pre-commit", [], io.StringIO(""), environ)) == [Range("v1", "HEAD")]
    assert list(check.asked("pre-commit", [], io.StringIO(""), {})) == [None]


@pytest.mark.parametrize("name", ["pre-commit", "post-commit", "session-start"])
def test_nothing_heavy_is_imported_while_there_is_nothing_to_say(name: str, repository: Path, tmp_path: Path) -> None:
    index.save(tmp_path / "state", [PYTHON_FILES])
    write("notes.md", "hello")
    commit()
    program = f"from kintsugi.hooks.__main__ import main\nimport sys\ncode = main([{name!r}])\nprint(code, *sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    code, *modules = done.stdout.split()
    assert code == "0"
    assert not {"click", "rich", "sqlalchemy", "mcp", "yaml", "pydantic", "dbos", "platformdirs"} & set(modules)


@pytest.mark.parametrize("hook", yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8")), ids=lambda hook: hook["id"])
def test_the_pre_commit_framework_starts_the_same_program(hook: Mapping[str, Any], repository: Path) -> None:
    commit()
    program, *words = hook["entry"].split()
    assert program == "python"
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list((repository.parent / "state/spool").glob("*.json"))) == (hook["id"] == "kintsugi-notes")


def note(number: int) -> spool.Note:
    return spool.Note("post-commit", float(number), "/src/shop", "main", f"{number:040x}")


def test_notes_are_taken_in_order_once_and_the_oldest_go_when_there_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "MOST", 5)
    for number in range(8):
        spool.leave(str(tmp_path), note(number))
    found: list[spool.Note] = []
    assert spool.drain(str(tmp_path), found.append) == 5
    assert found == [note(number) for number in range(3, 8)]
    assert spool.drain(str(tmp_path), found.append) == 0


def test_a_note_that_could_not_be_handled_stays(tmp_path: Path) -> None:
    spool.leave(str(tmp_path), note(1))

    def refuses(_: spool.Note) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        spool.drain(str(tmp_path), refuses)
    found: list[spool.Note] = []
    spool.drain(str(tmp_path), found.append)
    assert [one.key for one in found] == [note(1).key]


def test_what_is_no_note_is_swept_away(tmp_path: Path) -> None:
    folder = tmp_path / spool.FOLDER
    folder.mkdir()
    for number, text in enumerate(["{", "[]", json.dumps({"hook": "x"}), '{"at": 1e999999}']):
        (folder / f"{number}.json").write_text(text, "utf-8")
    assert spool.drain(str(tmp_path), lambda _: None) == 0
    assert list(folder.iterdir()) == []
