"""Whatever is wrong around it, the command line says one sentence with the value and what next, and nothing is lost."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from mcp_servers.cases.ledger import Ledger
from mcp_servers.kit.database import Database
from mcp_servers.launch import utc_now
from tests.components import needs
from tests.e2e.strangers import LEDGER, WAREHOUSE, git
from tests.e2e.terminal import PROGRAM, Answer, User

USAGE, ENVIRONMENT, INTERRUPTED = 2, 3, 130


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> User:
    """A user of the mileage service with one case on record."""
    place = tmp_path_factory.mktemp("opened")
    (place / "home").mkdir()
    user = User(LEDGER.build(place / LEDGER.name), place / "home")
    assert user.run("init").code == 0
    assert user.run("watch", "--once").code == 0
    return user


@pytest.fixture
def user(opened: User, tmp_path: Path) -> User:
    """The same, in copies of one's own."""
    return User(shutil.copytree(opened.folder, tmp_path / LEDGER.name), shutil.copytree(opened.home, tmp_path / "home"))


@pytest.fixture(scope="module")
def proposed(tmp_path_factory: pytest.TempPathFactory) -> User:
    """A user of the warehouse to whom a fix has been proposed."""
    place = tmp_path_factory.mktemp("proposed")
    (place / "home").mkdir()
    user = User(WAREHOUSE.build(place / WAREHOUSE.name), place / "home")
    assert user.run("init").code == 0
    assert "proposed" in user.run("watch", "--once").out
    return user


def events(user: User) -> int:
    """How many events are on record; the chain must hold."""
    database = Database.open(f"sqlite:///{user.home / 'state' / 'kintsugi.sqlite'}")
    try:
        return Ledger(database, utc_now).verify_chain()
    finally:
        database.close()


def repository(folder: Path) -> str:
    """All refs, where HEAD is, and what the worktree and its index hold."""
    return "\n".join(git(folder, *words) for words in (("for-each-ref",), ("status", "--porcelain", "--branch"), ("diff", "HEAD")))


def complains(answer: Answer, code: int, *words: str) -> None:
    """One sentence on standard error with these words, nothing else, and this exit code."""
    assert answer.code == code, answer.text
    assert "Traceback" not in answer.text
    assert len([line for line in answer.err.splitlines() if line.startswith("kintsugi")]) == 1, answer.err
    assert len(answer.err.strip().splitlines()) == 1, answer.err
    assert not answer.out, answer.out
    for word in words:
        assert word in answer.err


@dataclass(frozen=True, slots=True)
class Fault:
    """What is typed in which folder, with which environment, and what must be said."""

    words: str
    code: int
    said: tuple[str, ...]
    toml: str | None = None
    where: str = "mileage"
    variables: tuple[tuple[str, str], ...] = ()


_FILES = '[project]\nname = "mileage"\n[sources.files]\ntype = "files"\npaths = ["{}"]\n'
_DOCKER = '[project]\nname = "mileage"\n[sources.web]\ntype = "docker"\ncontainers = ["kintsugi-no-such-container"]\n'
_NO_ENGINE = (("DOCKER_HOST", "unix:///nowhere/docker.sock"),)

FAULTS = {
    "a missing log file": Fault("watch --once", USAGE, ("logs/none.log", "[sources.files]"), toml=_FILES.format("logs/none.log")),
    "a missing log file on the command line": Fault("logs digest nowhere.log", USAGE, ("'nowhere.log'", "name one that is there")),
    "a missing log file for a program": Fault("logs query --json nowhere.log", USAGE, ("'nowhere.log'",)),
    "docker absent": Fault("watch --once", ENVIRONMENT, ("/nowhere/docker.sock", "DOCKER_HOST"), toml=_DOCKER, variables=_NO_ENGINE),
    "docker absent on the command line": Fault("logs digest docker:web", ENVIRONMENT, ("/nowhere/docker.sock",), variables=_NO_ENGINE),
    "no project here": Fault("watch --once", ENVIRONMENT, ("bare", "kintsugi init"), where="bare"),
    "no project where the variable points": Fault(
        "heal", ENVIRONMENT, ("/nowhere/at/all",), variables=(("KINTSUGI_PROJECT", "/nowhere/at/all"),)
    ),
    "no repository": Fault("init", USAGE, ("bare", "git init"), where="bare"),
    "init twice": Fault("init", USAGE, ("kintsugi.toml", "--force")),
    "broken toml": Fault("cases", ENVIRONMENT, ("kintsugi.toml", "']'", "init --force"), toml="[project"),
    "an unknown key": Fault("watch --once", ENVIRONMENT, ("'branche'", "knows branch, name"), toml='[project]\nbranche = "main"\n'),
    "an unknown source": Fault("watch --once", USAGE, ("'syslogd'", "known: "), toml='[sources.a]\ntype = "syslogd"\n'),
    "no sources": Fault("watch --once", ENVIRONMENT, ("[sources.app]",), toml='[project]\nname = "mileage"\n'),
    "a branch that is not there": Fault("watch --once", USAGE, ("'gone'",), toml='[project]\nname = "mileage"\nbranch = "gone"\n'),
    "a repository without commits": Fault(
        "watch --once", USAGE, ("empty", "commit something first"), toml=_FILES.format("*.log"), where="empty"
    ),
    "an unknown case": Fault("heal case_nowhere", USAGE, ("'case_nowhere'", "kintsugi cases")),
    "an unknown case shown": Fault("cases case_nowhere", USAGE, ("'case_nowhere'", "kintsugi cases")),
    "an unknown fix": Fault("rollback fix_nowhere", USAGE, ("'fix_nowhere'", "kintsugi cases")),
    "approve without a terminal": Fault("approve fix_nowhere", USAGE, ("terminal", "a program cannot approve")),
    "reject without a terminal": Fault("reject fix_nowhere --reason no", USAGE, ("terminal", "a program cannot reject")),
    "a database address that is none": Fault(
        "cases", ENVIRONMENT, ("KINTSUGI_DATABASE_URL", "sqlite:///"), variables=(("KINTSUGI_DATABASE_URL", "nonsense"),)
    ),
    "a PostgreSQL that is not there": Fault(
        "cases",
        ENVIRONMENT,
        ("127.0.0.1", "refused", "KINTSUGI_DATABASE_URL"),
        variables=(("KINTSUGI_DATABASE_URL", "postgresql://k@127.0.0.1:1/k"),),
    ),
    "a home that is a file": Fault("cases", ENVIRONMENT, ("/dev/null",), variables=(("KINTSUGI_HOME", "/dev/null"),)),
    "an unknown server": Fault("mcp nowhere", USAGE, ("'nowhere'", "did you mean")),
    "writes for an unknown server": Fault("mcp", USAGE, ("'nowhere'",), variables=(("KINTSUGI_ALLOW_WRITES", "nowhere"),)),
    "git missing": Fault("watch --once", ENVIRONMENT, ("git", "apt-get install git"), variables=(("PATH", "/nowhere"),)),
    "git missing at the start": Fault("init --force", ENVIRONMENT, ("git", "install"), variables=(("PATH", "/nowhere"),)),
}


@pytest.fixture(scope="module")
def met(opened: User, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Answer, bool]]]:
    """What each fault was answered with, and whether the repository is as it was; two at a time, each in a copy of its own."""

    def meet(name: str) -> tuple[Answer, bool]:
        fault, place = FAULTS[name], tmp_path_factory.mktemp("fault")
        folder = place / fault.where
        if fault.where == "mileage":
            shutil.copytree(opened.folder, folder)
        else:
            folder.mkdir()
        if fault.where == "empty":
            git(folder, "init", "-q")
        if fault.toml is not None:
            (folder / "kintsugi.toml").write_text(fault.toml, "utf-8")
        here = User(folder, shutil.copytree(opened.home, place / "home"), fault.variables)
        before = repository(folder) if fault.where == "mileage" else ""
        answer = here.run(*fault.words.split())
        same = not before or (repository(folder) == before and events(here) == recorded)
        return answer, same

    recorded = events(opened)
    with ThreadPoolExecutor(2) as pool:
        yield dict(zip(FAULTS, pool.map(meet, FAULTS), strict=True))


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_one_sentence_and_loses_nothing(met: dict[str, tuple[Answer, bool]], name: str) -> None:
    answer, same = met[name]
    complains(answer, FAULTS[name].code, *FAULTS[name].said)
    assert same


@pytest.mark.parametrize("words", ["nonsense", "watch --nonsense", "mcp --port many", "mcp --transport http --port 99999", "approve"])
def test_what_cannot_be_parsed_is_answered_with_usage_and_the_word(user: User, words: str) -> None:
    answer = user.run(*words.split())
    assert answer.code == USAGE
    assert "Traceback" not in answer.text
    assert "--help" in answer.err


def test_a_folder_of_binaries_is_skipped_by_name(user: User) -> None:
    (user.folder / "logs" / "core").write_bytes(bytes(range(256)) * 40)
    (user.folder / "logs" / "service.log").unlink()
    answer = user.run("logs", "digest", "logs")
    assert answer.code == 0
    assert "core: not a text file; skipped." in answer.err


def test_a_log_that_cannot_be_read_is_named(user: User) -> None:
    log = user.folder / "logs" / "service.log"
    log.unlink()
    log.symlink_to("/proc/self/mem")  # a file that even root cannot read from its beginning
    answer = user.run("logs", "digest", "logs/service.log")
    assert "Traceback" not in answer.text
    assert "service.log" in answer.err


@pytest.mark.parametrize("store", ["kintsugi.sqlite", "workflows.sqlite"])
def test_a_damaged_store_is_named_and_left_as_it_is(user: User, store: str) -> None:
    damaged = user.home / "state" / store
    for rest in damaged.parent.glob(f"{store}-*"):
        rest.unlink()
    damaged.write_bytes(b"not a database, but somebody's file " * 200)
    kept = damaged.read_bytes()
    complains(user.run("heal"), ENVIRONMENT, str(damaged), "move it away")
    assert damaged.read_bytes() == kept


def mounted(place: Path, options: str) -> bool:
    place.mkdir()
    return os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=False).returncode == 0


@pytest.mark.parametrize("state", ["full", "read-only"])
def test_a_disk_that_takes_no_more_is_named_and_the_record_holds(user: User, tmp_path: Path, state: str) -> None:
    disk = tmp_path / "disk"
    if not mounted(disk, "size=2m"):
        pytest.skip("only root can mount a small disk")
    try:
        shutil.copytree(user.home / "state", disk, dirs_exist_ok=True)
        for file in disk.glob("*.sqlite-*"):
            file.unlink()
        if state == "full":
            (disk / "rest").write_bytes(b"0" * (shutil.disk_usage(disk).free - 60_000))
        else:
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        before = repository(user.folder)
        answer = user.having(KINTSUGI_HOME=str(disk)).run("watch", "--once")
        assert answer.code == ENVIRONMENT, answer.text
        assert "Traceback" not in answer.text
        assert str(disk) in answer.err
        assert re.search("Free some disk space|right to write", answer.err), answer.err
        assert repository(user.folder) == before
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_port_in_use_is_named(user: User) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])
        complains(user.run("mcp", "--transport", "http", "--port", port), ENVIRONMENT, port, "--port")


@pytest.mark.parametrize("moment", [0.3, 2.5])
def test_an_interrupted_look_says_so_and_the_next_one_goes_on(user: User, moment: float) -> None:
    answer = user.interrupt("watch", "--interval", "60", after=moment)
    assert answer.code == INTERRUPTED, answer.text
    assert "the same command goes on from there" in answer.err
    assert "Traceback" not in answer.text
    assert events(user) > 0
    assert user.run("heal").code == 0


def test_a_reader_that_leaves_early_is_no_error(user: User) -> None:
    log = user.folder / "logs" / "long.log"
    log.write_text("".join(f"2026-11-20 08:00:01,120 INFO x line {number} of many words\n" for number in range(4000)), "utf-8")
    for command in ("logs query logs/long.log --limit 500", "logs query logs/long.log --limit 500 --json", "--help"):
        leaving = f"set -o pipefail; {PROGRAM} {command} | true"
        done = subprocess.run(["bash", "-c", leaving], cwd=user.folder, env=user.environment, capture_output=True, encoding="utf-8")
        assert (done.returncode, done.stderr) == (0, ""), command


@pytest.mark.parametrize("words", ["cases --json", "doctor --json", "heal --json", "logs digest --json logs", "logs templates --json logs"])
def test_json_is_one_object_and_nothing_else(user: User, words: str) -> None:
    assert isinstance(json.loads(user.run(*words.split()).out), dict)


@pytest.mark.parametrize("words", ["cases", "doctor", "heal", "logs digest logs"])
def test_without_a_terminal_nothing_is_coloured_and_no_line_is_cut(user: User, words: str) -> None:
    answer = user.run(*words.split())
    assert "\x1b" not in answer.text
    if words in {"cases", "heal"}:
        assert "ZeroDivisionError in consumption: float division by zero" in answer.out


def test_a_dirty_worktree_and_a_detached_head_are_left_as_they_are(user: User) -> None:
    (user.folder / "mileage" / "report.py").write_text("half a thought", "utf-8")
    git(user.folder, "checkout", "-q", "--detach")
    before = repository(user.folder)
    assert user.run("watch", "--once").code == 0
    assert repository(user.folder) == before


@needs("bubblewrap")
class TestAProposal:
    """What can go wrong between a proposal and its application."""

    @pytest.fixture
    def owner(self, proposed: User, tmp_path: Path) -> User:
        return User(shutil.copytree(proposed.folder, tmp_path / WAREHOUSE.name), shutil.copytree(proposed.home, tmp_path / "home"))

    @pytest.fixture
    def fix(self, owner: User) -> tuple[str, str]:
        waiting = re.search(r"kintsugi approve (fix_\w+)\s+\(digest (\w{8})\)", owner.run("cases").out)
        assert waiting
        return waiting[1], waiting[2]

    @pytest.mark.parametrize("typed", ["12345678", "\x03"])
    def test_only_the_digest_approves(self, owner: User, fix: tuple[str, str], typed: str) -> None:
        before = events(owner)
        answer = owner.type("approve", fix[0], prompt="anything else to leave it", answer=typed)
        assert answer.code == (INTERRUPTED if typed == "\x03" else USAGE), answer.text
        assert "Traceback" not in answer.text
        assert "nothing was approved" in answer.text or "Interrupted" in answer.text
        assert events(owner) == before
        assert "proposed" in owner.run("heal").out

    def test_a_fix_nobody_knows_cannot_be_approved(self, owner: User) -> None:
        answer = owner.type("approve", "fix_nowhere", prompt="anything else to leave it", answer="x")
        assert answer.code == USAGE
        assert "'fix_nowhere'" in answer.text

    def test_the_terminal_shows_every_character_of_what_is_approved(self, owner: User, fix: tuple[str, str]) -> None:
        answer = owner.type("approve", fix[0], prompt="anything else to leave it", answer="no")
        path = re.search(r"\+\+\+b/tests/test_reproduces_\w{8}\.py", re.sub(r"\s", "", answer.text))
        assert path, "a line longer than the terminal is wrapped, not cut"

    def test_a_file_that_changed_since_the_proposal_is_never_overwritten(self, owner: User, fix: tuple[str, str]) -> None:
        assert owner.type("approve", fix[0], prompt="anything else to leave it", answer=fix[1]).code == 0
        notes = owner.folder / "warehouse" / "notes.py"
        notes.write_text(notes.read_text("utf-8").replace("parcel.remark.strip()", "str(parcel.remark).strip()"), "utf-8")
        git(owner.folder, "commit", "-q", "-am", "Another way")
        before = repository(owner.folder)
        answer = owner.run("heal")
        assert "Traceback" not in answer.text
        assert "applied" not in answer.out
        assert repository(owner.folder) == before
        assert events(owner) > 0

    def test_without_a_sandbox_strangers_code_is_not_run(self, tmp_path: Path) -> None:
        (tmp_path / "home").mkdir()
        (tmp_path / "programs").mkdir()
        (tmp_path / "programs" / "git").symlink_to(shutil.which("git") or "git")
        user = User(WAREHOUSE.build(tmp_path / WAREHOUSE.name), tmp_path / "home")
        assert user.run("init").code == 0
        answer = user.having(PATH=str(tmp_path / "programs")).run("watch", "--once")
        assert answer.code == ENVIRONMENT
        assert "Traceback" not in answer.text
        assert "apt-get install bubblewrap" in answer.err
        assert "diagnosed" in answer.out, "what was found before stays on record"
