"""What a failure looks like, in any language: small values that travel from a log line to a certificate."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

from mcp_servers.kit.errors import Refusal


@dataclass(frozen=True, slots=True)
class Frame:
    """One call. `file` is the path as the runtime printed it; `line` counts from 1; `code` is the source line when the trace shows it."""

    file: str
    line: int
    function: str
    code: str = ""
    in_app: bool = True


@dataclass(frozen=True, slots=True)
class ExceptionInfo:
    """One exception of a chain. `frames` run from the outermost call to the one that threw."""

    type: str
    message: str
    frames: tuple[Frame, ...] = ()


@dataclass(frozen=True, slots=True)
class StackTrace:
    """A chain of exceptions, root cause first, the one that was finally reported last."""

    language: str
    exceptions: tuple[ExceptionInfo, ...]

    @property
    def root(self) -> ExceptionInfo:
        return self.exceptions[0]

    @property
    def top_in_app(self) -> Frame | None:
        """The frame of our own code nearest the throw: of the root cause, else of the first later exception that has one."""
        for exception in self.exceptions:
            for frame in reversed(exception.frames):
                if frame.in_app:
                    return frame
        return None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> StackTrace:
        """The inverse of `as_json`; raises KeyError or TypeError for a value of another shape."""
        exceptions = tuple(
            ExceptionInfo(e["type"], e["message"], tuple(_frame(frame) for frame in e["frames"])) for e in value["exceptions"]
        )
        words = (value["language"], *(word for one in exceptions for word in (one.type, one.message)))
        if not exceptions or not all(isinstance(word, str) for word in words):
            raise TypeError("it has a language and exceptions, each with a type and a message")
        return cls(value["language"], exceptions)


def handed_on(value: Mapping[str, Any]) -> StackTrace:
    """The trace of an anomaly as a caller gives it back; raises `Refusal` for one that was made up."""
    try:
        return StackTrace.from_json(dict(value))
    except (KeyError, TypeError) as error:
        raise Refusal(f"The trace is not one of find_anomalies ({error}); hand it on unchanged.", code="bad_trace") from error


def _frame(value: Any) -> Frame:
    frame = Frame(**value)
    texts = all(isinstance(text, str) for text in (frame.file, frame.function, frame.code))
    if not (texts and type(frame.line) is int and type(frame.in_app) is bool):
        raise TypeError("a frame has file, function and code as texts, a number as line, and in_app as true or false")
    return frame


@dataclass(frozen=True, slots=True)
class Failure:
    """The identity that a reproduction must show again: root exception type and the in-app frame nearest the throw.

    `exception` is compared by its last dotted part, `file` by its longest common path suffix, `function` exactly
    (an empty `file` or `function` matches anything, for failures whose trace holds no frame of ours). An error of the
    operating system is the same by its number, whatever a library wrapped it in.
    """

    exception: str
    file: str = ""
    function: str = ""
    message: str = ""

    @classmethod
    def of(cls, trace: StackTrace) -> Failure:
        frame = trace.top_in_app
        return cls(trace.root.type, frame.file if frame else "", frame.function if frame else "", trace.root.message)

    def same_as(self, other: Failure) -> bool:
        return (
            self._same_exception(other)
            and _same_or_unknown(bare_function(self.function), bare_function(other.function))
            and (not self.file or not other.file or _share_a_suffix(self.file, other.file))
        )

    def _same_exception(self, other: Failure) -> bool:
        mine, theirs = _ERRNO.search(self.message), _ERRNO.search(other.message)
        if mine and theirs:
            return mine[1] == theirs[1]
        return bare_function(self.exception) == bare_function(other.exception)


_QUALIFIES = re.compile(r"[.#\\]|->|::")
_ERRNO = re.compile(r"\[Errno (\d+)\]")


def bare_function(name: str) -> str:
    """`Cart.total`, `Cart#total`, `Cart->total`, `cart::total` and `total` are one function: runtimes differ in what they print."""
    return _QUALIFIES.split(name)[-1]


def resolve_path(printed: str, files: Iterable[str]) -> str | None:
    """The repository file that a printed path means: the one sharing the longest path suffix, or None when none or several fit."""
    wanted = PurePosixPath(printed.replace("\\", "/")).parts
    best: list[str] = []
    length = 0
    for file in files:
        parts = PurePosixPath(file).parts
        shared = _shared_suffix(wanted, parts)
        if shared > length:
            best, length = [file], shared
        elif shared == length and shared:
            best.append(file)
    return best[0] if len(best) == 1 else None


def _same_or_unknown(a: str, b: str) -> bool:
    return not a or not b or a == b


def _share_a_suffix(a: str, b: str) -> bool:
    one, two = (PurePosixPath(path.replace("\\", "/")).parts for path in (a, b))
    shared = _shared_suffix(one, two)
    return shared >= min(2, len(one), len(two))


def _shared_suffix(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    count = 0
    for x, y in zip(reversed(a), reversed(b), strict=False):
        if x != y:
            break
        count += 1
    return count
