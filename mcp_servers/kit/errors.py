"""Errors are sentences for one reader.

KintsugiError
├── Refusal         the caller asked for something that may not be done; the sentence says what to do instead
├── Unavailable     something outside did not answer; trying later may help
└── Misconfigured   the operator must act: a file, a variable or a program is missing or wrong

Raised deep, translated once: the tool wrapper makes tool errors of them, the command line one line and an exit code.
"""

from __future__ import annotations


class KintsugiError(Exception):
    """A failure that its reader can act on. `code` is stable and meant for machines; the text is meant for people."""

    exit_code = 3

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code or type(self).__name__.lower()


class Refusal(KintsugiError):
    exit_code = 2


class Unavailable(KintsugiError):
    exit_code = 3


class Misconfigured(KintsugiError):
    exit_code = 3
