"""The real command line, as a person meets it: a process with a home of its own, with or without a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("kintsugi")
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
        """Runs the command without a terminal."""
        process = self.start(*words)
        out, err = process.communicate(timeout=timeout)
        return Answer(process.returncode, out, err)

    def type(self, *words: str, prompt: str, answer: str, timeout: float = 60.0) -> Answer:
        """Runs the command at a terminal of 80 columns, and types the answer when the prompt is there."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.folder)
            os.execve(PROGRAM, ["kintsugi", *words], self.environment | {"COLUMNS": "80"})
        shown = _converse(terminal, prompt, answer, time.monotonic() + timeout)
        return Answer(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), _ESCAPES.sub("", shown).replace("\r\n", "\n"))


def _converse(terminal: int, prompt: str, answer: str, end: float) -> str:
    shown, asked = b"", False
    while select.select([terminal], [], [], max(0.0, end - time.monotonic()))[0]:
        try:
            read = os.read(terminal, 4096)
        except OSError:  # the program has gone
            break
        if not read:
            break
        shown += read
        if not asked and prompt.encode() in shown:
            asked = True
            os.write(terminal, answer.encode() + b"\n")
    os.close(terminal)
    return shown.decode("utf-8", "replace")
