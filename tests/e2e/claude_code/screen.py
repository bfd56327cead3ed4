"""Claude Code as a person sees it: in a terminal, where keys are pressed once what they answer is on the screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping
from pathlib import Path

ENTER, ESCAPE = "\r", "\x1b"
_ESCAPES = re.compile(r"\x1b\[[0-9;?<>=]*[A-Za-z~]|\x1b\][^\x07]*\x07|\x1b[()][A-Z0-9]|\x1b[=>78]")
_ANSWERS = {b"\x1b[6n": b"\x1b[1;1R", b"\x1b[c": b"\x1b[?62c"}
_SECONDS = 60


class Screen:
    """A terminal with a program in it, until the end of the context. What is drawn is read without its blanks, which a terminal moves over."""

    def __init__(self, command: list[str], environ: Mapping[str, str], folder: Path) -> None:
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.chdir(folder)
            os.execve(command[0], command, {**environ, "TERM": "xterm-256color"})
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 45, 160, 0, 0))
        self._drawn = b""
        self._read = 0

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._terminal)

    def until(self, words: str) -> Screen:
        """Waits for words that were not waited for yet; raises `AssertionError` with what is drawn instead."""
        wanted, end = "".join(words.split()), time.monotonic() + _SECONDS
        while (found := self._text().find(wanted, self._read)) < 0:
            assert time.monotonic() < end, f"{words!r} was not drawn, but: {self._text()[self._read :][-1500:]}"
            if select.select([self._terminal], [], [], 0.2)[0]:
                self._take(os.read(self._terminal, 65_536))
        self._read = found + len(wanted)
        return self

    def press(self, *keys: str) -> Screen:
        for key in keys:
            os.write(self._terminal, key.encode())
        return self

    def _take(self, drawn: bytes) -> None:
        self._drawn += drawn
        for asked, answer in _ANSWERS.items():
            if asked in drawn:
                os.write(self._terminal, answer)

    def _text(self) -> str:
        return "".join(_ESCAPES.sub("", self._drawn.decode("utf-8", "ignore")).split())
