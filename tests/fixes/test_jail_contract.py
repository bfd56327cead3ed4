"""What every jail for a stranger's code has to hold, whichever it is: one suite, each jail."""

from __future__ import annotations

import os
import secrets
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mcp_servers.fixes.jail import JAILS, MIB, Jail, Limits, Outcome, default
from mcp_servers.fixes.jail.seatbelt import profile
from mcp_servers.kit.errors import Misconfigured
from mcp_servers.kit.policy import parse
from tests.components import needs


@pytest.fixture(params=[pytest.param("bubblewrap", marks=needs("bubblewrap")), pytest.param("docker", marks=needs("docker"))])
def jail(request: pytest.FixtureRequest) -> Jail:
    return default(chosen=request.param)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "a.txt").write_text("hello", "utf-8")
    return tmp_path / "work"


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        yield path


def shell(jail: Jail, script: str, work: Path, **limits: float) -> Outcome:
    kept = Limits(**{"seconds": 20.0, **limits})  # pyright: ignore[reportArgumentType]
    return jail.run(["/bin/sh", "-c", script], work=work, readable=(), env={"GIVEN": "yes"}, limits=kept)


def left_by(jail: Jail, work: Path) -> list[int]:
    """The processes that are still there after a run that ended well and left some behind: detached, deaf and stopped ones."""
    mark = f"sleep {900_000 + secrets.randbelow(90_000)}"
    hidden = f"trap '' TERM HUP; {mark} & kill -STOP $!; touch ready; {mark}"
    assert shell(jail, f'(setsid sh -c "{hidden}" >/dev/null 2>&1 &); until [ -e ready ]; do :; done', work).code == 0
    return [int(folder.name) for folder in Path("/proc").glob("[0-9]*") if mark in _command(folder)]


def _command(process: Path) -> str:
    with suppress(OSError):
        return (process / "cmdline").read_bytes().decode("utf-8", "replace").replace("\0", " ")
    return ""


def test_it_reads_and_writes_a_copy_and_sees_nothing_of_the_host(
    jail: Jail, work: Path, listening: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KINTSUGI_TEST_TOKEN", "hunter2-from-outside")
    script = (
        "cat a.txt; echo changed > a.txt; cat a.txt; env; cat /proc/*/environ | tr '\\0' '\\n'; tail -n +3 /proc/net/dev | cut -d: -f1; "
        f"cat /etc/shadow /root/.bashrc {Path(__file__)} {listening}; ls /var/run/docker.sock /run; "
        "for each in / /usr /etc /jail; do touch $each/x && echo wrote $each; done; mknod /tmp/disk b 8 0 && echo node; mount -t tmpfs x /tmp && echo mounted; "
        "grep -E 'CapEff|NoNewPrivs' /proc/self/status; id -u"
    )
    seen = shell(jail, f"({script}) 2>&1", work).output
    assert "hello" in seen
    assert "changed" in seen
    assert "GIVEN=yes" in seen
    for never in ("hunter2", "root:", "docker.sock\n/", "wrote", "node\n", "mounted", "eth0"):
        assert never not in seen.replace("cannot access '/var/run/docker.sock", ""), never
    assert "CapEff:\t0000000000000000" in seen
    assert "NoNewPrivs:\t1" in seen
    assert seen.splitlines()[-1] != "0"
    assert (work / "a.txt").read_text("utf-8") == "hello"


def test_nothing_outlives_its_deadline_however_it_holds_on(jail: Jail, work: Path) -> None:
    script = "trap '' TERM INT HUP; (setsid sh -c 'trap \"\" TERM; sleep 300' &) ; (sleep 300 & kill -STOP $!) ; kill -STOP 1; kill -STOP $$; sleep 300"
    outcome = shell(jail, script, work, seconds=2.5)
    assert outcome.timed_out
    assert outcome.seconds < 15


def test_what_a_run_leaves_behind_is_gone_when_it_is_told_whoever_its_parent_is_by_then(jail: Jail, work: Path) -> None:
    assert jail.sweep in {"cgroup", "process namespace", "container"}
    assert not left_by(jail, work)


def test_bare_too_leaves_nothing_where_it_says_that_a_cgroup_is_swept(work: Path) -> None:
    jail = JAILS["bare"].open()
    left = left_by(jail, work)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert jail.sweep == ("process group" if left else "cgroup")


def test_memory_processes_and_disk_are_bounded_and_output_is_cut(jail: Jail, work: Path) -> None:
    memory = 'for each in 1 2 3 4; do perl -e \'$x = "a" x (60 << 20); sleep 20; print "held"\' & done; wait'
    assert "held" not in shell(jail, memory, work, memory=150 * MIB, seconds=3).output
    script = (
        "dd if=/dev/zero of=big bs=1M count=40 2>&1 | grep -o 'No space'; bomb() { bomb | bomb & }; bomb; sleep 2; yes | head -c 3000000"
    )
    outcome = shell(jail, script, work, disk=20 * MIB, processes=40, output=MIB, seconds=6)
    assert "No space" in outcome.output
    assert "annot fork" in outcome.output
    assert len(outcome.output) <= MIB


def test_the_number_of_files_is_bounded(jail: Jail, work: Path) -> None:
    script = 'perl -e \'for (1..3000000) { open(F, ">", "f$_") or die "full: $!"; close F }\'; echo done'
    outcome = shell(jail, script, work, inodes=2000)
    assert "full: No space" in outcome.output or outcome.code == -signal.SIGKILL
    assert not outcome.timed_out


class TestChoice:
    def test_the_policy_names_the_jail_and_only_a_known_one(self) -> None:
        assert parse({"sandbox": {"jail": "docker"}}).jail == "docker"
        for bad in ({"jail": "bare"}, {"jail": 1}, {"jails": "docker"}):
            with pytest.raises(Misconfigured, match=r"bad 'jails?'"):
                parse({"sandbox": bad})

    def test_a_chosen_jail_that_is_not_there_is_never_replaced_by_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "/nowhere")
        for name, told in (("docker", "docker is not installed"), ("sandbox-exec", "part of macOS")):
            with pytest.raises(Misconfigured, match=told):
                default(allow_bare=True, chosen=name)
        assert "bare" in JAILS


def test_the_profile_of_macos_denies_first_and_then_names_what_may_be_done() -> None:
    text = profile(Path("/private/tmp/kintsugi-1"), [Path("/opt/python")])
    assert text.splitlines()[:2] == ["(version 1)", "(deny default)"]
    assert '(allow file-write* (subpath "/private/tmp/kintsugi-1") (literal "/dev/null"))' in text
    assert '(subpath "/opt/python")' in text
    assert "(deny network*)" in text
    assert "(allow network" not in text
    assert text.count("(") == text.count(")")
    with pytest.raises(Misconfigured, match="cannot stand in a profile"):
        profile(Path('/tmp/a" (allow default) "'), [])
