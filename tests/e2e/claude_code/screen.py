"""Claude Code as a person sees it: in a terminal, where keys are pressed once what they answer is on the screen."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.e2e.claude_code.drawn import Drawn

ENTER, ESCAPE = "\r", "\x1b"
_ANSWERS = {b"\x1b[6n": b"\x1b[1;1R", b"\x1b[c": b"\x1b[?62c"}
_ROWS, _COLUMNS = 50, 160
_SECONDS = 60
_TRIES = 8
_STILL = 0.3
_LOST = 1.0
"""Seconds after which a key that changed nothing counts as lost; each time so many more."""


class Screen:
    """A terminal with a program in it, until the end of the context."""

    def __init__(self, command: list[str], environ: Mapping[str, str], folder: Path) -> None:
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.chdir(folder)
            os.execve(command[0], command, {**environ, "TERM": "xterm-256color"})
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
        self._drawn = Drawn(_ROWS, _COLUMNS)
        self._question = ""

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._terminal)

    def until(self, words: str) -> Screen:
        """Waits for words, wherever their line is broken; raises `AssertionError` with what is shown instead."""
        wanted = self._question = _closed(words)
        assert self._waited(lambda: wanted in _closed(str(self._drawn)), _SECONDS), f"{words!r} is not on the screen, but:\n{self._drawn}"
        return self

    def press(self, *keys: str) -> Screen:
        """Presses each key, again where it was lost: a program draws a question a moment before it listens.

        A key was heard when the words last waited for are gone from the question, or where they are not part of it when it changed.
        """
        for key in keys:
            self._settle()
            question, before, pressed = self._question, self._asked, 0
            waits = question and question in _closed(before)
            while pressed < _TRIES and not self._waited(
                lambda: question not in _closed(self._asked) if waits else self._asked != before,  # noqa: B023
                pressed * _LOST,
            ):
                os.write(self._terminal, key.encode())
                pressed += 1
            self._question = ""
        return self

    def _settle(self) -> None:
        """Waits until the question has stood still for a moment."""
        for _ in range(_TRIES):
            before = self._asked
            if not self._waited(lambda: self._asked != before, _STILL):  # noqa: B023
                return

    @property
    def _asked(self) -> str:
        """What stands below the first rule: the question or the prompt, without the clocks above it."""
        return str(self._drawn).partition("───")[2]

    def _waited(self, done: Callable[[], bool], seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not done() and time.monotonic() < end:
            if select.select([self._terminal], [], [], 0.2)[0]:
                self._take(os.read(self._terminal, 65_536))
        return done()

    def _take(self, written: bytes) -> None:
        self._drawn.take(written)
        for asked, answer in _ANSWERS.items():
            if asked in written:
                os.write(self._terminal, answer)


def _closed(text: str) -> str:
    return "".join(text.split())
