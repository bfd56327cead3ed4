from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from mcp_servers.fixes.jail import MIB, Jail, Limits, Outcome, default
from mcp_servers.fixes.jail.bare import Bare
from mcp_servers.fixes.jail.bubblewrap import Bubblewrap
from mcp_servers.kit.errors import Misconfigured
from tests.components import needs


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "a.txt").write_text("hello", "utf-8")
    return folder


def shell(jail: Jail, script: str, work: Path, **limits: float) -> Outcome:
    kept = Limits(**{"seconds": 10.0, **limits})  # pyright: ignore[reportArgumentType]
    return jail.run(["/bin/sh", "-c", script], work=work, readable=(), env={"GIVEN": "yes"}, limits=kept)


@needs("bubblewrap")
class TestBubblewrap:
    def test_the_work_is_a_writable_copy_and_the_original_stays_as_it_was(self, work: Path) -> None:
        outcome = shell(default(), "cat a.txt; echo; echo changed > a.txt; cat a.txt; touch b.txt", work)
        assert outcome.output.split() == ["hello", "changed"]
        assert {path.name: path.read_text("utf-8") for path in work.iterdir()} == {"a.txt": "hello"}

    def test_secrets_of_the_machine_are_not_there_to_be_read(self, work: Path) -> None:
        (work / "link").symlink_to("/etc/shadow")
        outcome = shell(default(), f"cat /etc/shadow link {Path(__file__)} {Path.home()}/.bashrc; ls /root /home", work)
        assert outcome.code != 0
        assert "root:" not in outcome.output
        assert outcome.output.count("No such file") == 6

    def test_the_environment_of_the_launcher_is_nowhere(self, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KINTSUGI_TEST_TOKEN", "hunter2-from-outside")
        outcome = shell(default(), "env; cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n'", work)
        assert "GIVEN=yes" in outcome.output
        assert "hunter2" not in outcome.output

    def test_no_descriptor_of_the_launcher_is_open_inside(self, work: Path) -> None:
        secret = work.parent / "secret.txt"
        secret.write_text("from-outside", "utf-8")
        with secret.open(encoding="utf-8") as file:
            os.set_inheritable(file.fileno(), True)
            outcome = shell(default(), "for each in /proc/self/fd/*; do head -c 100 $each 2>/dev/null; done; true", work)
        assert "from-outside" not in outcome.output

    def test_there_is_no_network_but_its_own_loopback(self, work: Path) -> None:
        assert shell(default(), "tail -n +3 /proc/net/dev | cut -d: -f1", work).output.split() == ["lo"]

    def test_only_the_work_home_and_tmp_are_writable_and_they_are_bounded(self, work: Path) -> None:
        jail = default()
        refused = shell(jail, "for each in / /usr /etc /dev /jail /proc/sys; do touch $each/x 2>/dev/null && echo $each; done; true", work)
        assert refused.output == ""
        script = "for each in . ~ /tmp; do dd if=/dev/zero of=$each/big bs=1M count=40 2>&1 | grep -c 'No space'; done"
        assert shell(jail, script, work, disk=20 * MIB).output.split() == ["1", "1", "1"]

    def test_nobody_inside_is_root_or_can_become_one(self, work: Path) -> None:
        outcome = shell(
            default(), "id -u; grep -E 'Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs' /proc/self/status; unshare -U true && echo namespace", work
        )
        user, *rest = outcome.output.split("\n")
        assert user != "0"
        assert {line.split()[1] for line in rest[:5]} == {"0000000000000000", "1"}
        assert "namespace\n" not in outcome.output

    def test_a_command_that_hangs_is_ended_at_its_deadline(self, work: Path) -> None:
        outcome = shell(default(), "trap '' TERM INT HUP; setsid sleep 300 & sleep 300", work, seconds=0.5)
        assert outcome.timed_out
        assert outcome.seconds < 3

    def test_a_fork_bomb_stays_within_its_processes_and_its_deadline(self, work: Path) -> None:
        outcome = shell(default(), "bomb() { bomb | bomb & }; bomb; sleep 30", work, seconds=1.5, processes=40)
        assert "annot fork" in outcome.output
        assert outcome.seconds < 5
        assert shell(default(), "echo well", work).output == "well\n"

    def test_memory_is_bounded_for_one_process_and_for_all_together(self, work: Path) -> None:
        one = shell(default(), 'perl -e \'$x = "a" x (300 << 20); print "held"\'', work, memory=200 * MIB)
        assert "held" not in one.output
        script = "for each in 1 2 3 4; do perl -e '$x = \"a\" x (60 << 20); sleep 20' & done; wait"
        together = shell(default(), script, work, memory=200 * MIB)
        assert together.code == -signal.SIGKILL
        assert not together.timed_out

    def test_endless_output_is_cut_and_ended(self, work: Path) -> None:
        outcome = shell(default(), "yes", work, seconds=1, output=MIB)
        assert len(outcome.output) == MIB
        assert outcome.timed_out

    def test_an_extra_path_is_readable_and_not_writable(self, work: Path, tmp_path: Path) -> None:
        extra = tmp_path / "deep" / "extra"
        extra.mkdir(parents=True)
        (extra / "file").write_text("readable", "utf-8")
        command = ["/bin/sh", "-c", f"cat {extra}/file; touch {extra}/new || echo refused"]
        outcome = default().run(command, work=work, readable=[extra], env={}, limits=Limits())
        assert outcome.output.startswith("readable")
        assert outcome.output.endswith("refused\n")

    def test_input_reaches_the_command(self, work: Path) -> None:
        assert default().run(["/bin/cat"], work=work, readable=(), env={}, limits=Limits(), stdin=b"words").output == "words"


class TestWithoutBubblewrap:
    @pytest.fixture(autouse=True)
    def nothing_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "/nowhere")

    def test_a_strangers_code_is_refused_with_what_to_install(self) -> None:
        with pytest.raises(Misconfigured, match="apt-get install bubblewrap"):
            default()

    def test_our_own_code_may_run_bare_and_the_name_says_so(self) -> None:
        assert default(allow_bare=True).name == "bare"


def test_the_strong_jail_is_taken_where_it_works_even_when_bare_is_allowed() -> None:
    try:
        Bubblewrap.open()
    except Misconfigured:
        pytest.skip("no bubblewrap here")
    assert default(allow_bare=True).name == "bubblewrap"


class TestBare:
    def test_it_works_on_a_copy_with_an_environment_of_its_own(self, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KINTSUGI_TEST_TOKEN", "hunter2-from-outside")
        outcome = shell(Bare(), "cat a.txt; echo changed > a.txt; env", work)
        assert outcome.output.startswith("hello")
        assert "GIVEN=yes" in outcome.output
        assert "hunter2" not in outcome.output
        assert (work / "a.txt").read_text("utf-8") == "hello"

    def test_a_command_that_hangs_is_ended_with_the_children_that_left_its_group(self, work: Path, tmp_path: Path) -> None:
        outcome = shell(Bare(), f"setsid sh -c 'echo $$ > {tmp_path}/pid; exec sleep 300' & sleep 300", work, seconds=0.7)
        assert outcome.timed_out
        assert _state(int((tmp_path / "pid").read_text("ascii"))) in {"gone", "Z"}


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "gone"
