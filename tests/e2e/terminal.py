"""The real command line, as a person meets it: a process with a home of its own, with or without a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

from kintsugi.cli import main
from tests.e2e.forks import FORKS

PROGRAM = Path(sys.executable).with_name("kintsugi")
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said and how it ended. `text` is both streams."""

    code: int
    out: str
    err: str = ""

    @property
    def text(self) -> str:
        return self.out + self.err


@dataclass(frozen=True, slots=True)
class User:
    """Someone with a folder to stand in, a home, and a state folder; `more` is added to their environment."""

    folder: Path
    home: Path
    more: tuple[tuple[str, str], ...] = ()

    def having(self, **variables: str) -> User:
        return replace(self, more=(*self.more, *variables.items()))

    def at(self, folder: Path) -> User:
        return replace(self, folder=folder)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("KINTSUGI_", "DOCKER_", "GIT_", "PYTEST"))}
        return kept | {"HOME": str(self.home), "KINTSUGI_HOME": str(self.home / "state"), "TERM": "xterm"} | dict(self.more)

    def start(self, *words: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [PROGRAM, *words], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, encoding="utf-8"
        )

    def run(self, *words: str, timeout: float = 60.0) -> Answer:
        """Runs the command without a terminal, in a process that need not import it first."""
        with TemporaryDirectory() as place:
            process = self._forked(words, Path(place))
            return _ended(process, Path(place), timeout)

    def interrupt(self, *words: str, after: float, timeout: float = 60.0) -> Answer:
        """Runs the command, and presses Ctrl-C so many seconds after it began."""
        with TemporaryDirectory() as place:
            process = self._forked(words, Path(place))
            while not (Path(place) / "err").exists():
                process.join(0.01)
            process.join(after)
            assert process.pid is not None
            os.kill(process.pid, signal.SIGINT)
            return _ended(process, Path(place), timeout)

    def _forked(self, words: Sequence[str], said: Path) -> BaseProcess:
        process = FORKS.Process(target=_command, args=(words, self.folder, self.environment, said))
        process.start()
        return process

    def type(self, *words: str, prompt: str, answer: str, timeout: float = 60.0) -> Answer:
        """Runs the command at a terminal of 80 columns, and types the answer when the prompt is there."""
        terminal, theirs = pty.openpty()
        environment = self.environment | {"COLUMNS": "80"}
        process = FORKS.Process(target=_at_terminal, args=(words, self.folder, environment, os.ttyname(theirs)))
        process.start()
        shown = _converse(terminal, theirs, prompt, answer, time.monotonic() + timeout)
        return Answer(_code(process, timeout), _ESCAPES.sub("", shown).replace("\r\n", "\n"))


def _command(words: Sequence[str], folder: Path, environment: Mapping[str, str], said: Path) -> None:
    """What the program of this name does: its entry point, in this folder and environment."""
    streams = (os.open(os.devnull, os.O_RDONLY), os.open(said / "out", _NEW), os.open(said / "err", _NEW))
    _become(words, folder, environment, streams)


def _at_terminal(words: Sequence[str], folder: Path, environment: Mapping[str, str], name: str) -> None:
    """As `_command`, in a session whose terminal is the one of this name."""
    os.setsid()
    terminal = os.open(name, os.O_RDWR)
    _become(words, folder, environment, (terminal, terminal, terminal))


def _become(words: Sequence[str], folder: Path, environment: Mapping[str, str], streams: Sequence[int]) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.argv = [str(PROGRAM), *words]
    main()


def _ended(process: BaseProcess, said: Path, timeout: float) -> Answer:
    code = _code(process, timeout)
    return Answer(code, (said / "out").read_text("utf-8"), (said / "err").read_text("utf-8"))


def _code(process: BaseProcess, timeout: float) -> int:
    process.join(timeout)
    process.kill()
    assert process.exitcode is not None, f"the command took more than {timeout:.0f} s"
    return process.exitcode


def _converse(terminal: int, theirs: int, prompt: str, answer: str, end: float) -> str:
    """What is shown at the terminal until the program is gone; our copy of its side is kept until it has opened its own."""
    shown, asked = b"", False
    while select.select([terminal], [], [], max(0.0, end - time.monotonic()))[0]:
        try:
            read = os.read(terminal, 4096)
        except OSError:  # the program has gone
            break
        if not read:
            break
        if not shown:
            os.close(theirs)
        shown += read
        if not asked and prompt.encode() in shown:
            asked = True
            os.write(terminal, answer.encode() + b"\n")
    os.close(terminal)
    return shown.decode("utf-8", "replace")
