"""Exceptions as values: the chain as a stack trace, root cause first, and those that a program only logged."""

from __future__ import annotations

import logging
import os
from typing import Any

from mcp_servers.fixes.runner.wires import Event

CHAIN, FRAMES, LOGGED, TEXT = 6, 60, 5, 2000


class LoggedExceptions(logging.Handler):
    """Exceptions that the program caught and logged while a test ran: how a server shows the failure of one request."""

    def __init__(self, run: Event) -> None:
        super().__init__(logging.WARNING)
        self.run = run
        self.traces: list[Event] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None and len(self.traces) < LOGGED:
            self.traces.append(describe(record.exc_info[1], self.run))

    def start(self) -> None:
        self.traces = []
        logging.getLogger().addHandler(self)

    def stop(self) -> list[Event]:
        logging.getLogger().removeHandler(self)
        return self.traces


def describe(error: BaseException, run: Event) -> Event:
    """The chain as our stack trace value: root cause first, the one that was finally raised last."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain and len(chain) < CHAIN:
        chain.insert(0, current)
        inner = getattr(current, "exceptions", None)
        if isinstance(inner, tuple) and inner and isinstance(inner[0], BaseException):
            current = inner[0]
        else:
            current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return {"language": "python", "exceptions": [one(each, run) for each in chain]}


def one(error: BaseException, run: Event) -> Event:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else kind.__module__ + "." + kind.__qualname__
    try:
        message = str(error)[:TEXT]
    except Exception:
        message = ""
    return {"type": name[:TEXT], "message": message, "frames": frames_of(error, run)}


def frames_of(error: BaseException, run: Event) -> list[Event]:
    frames: list[Event] = []
    step = error.__traceback__
    while step is not None:
        frames.append(frame_of(step.tb_frame.f_code, step.tb_lineno, run))
        step = step.tb_next
    first = next((index for index, frame in enumerate(frames) if not frame["file"].startswith(os.sep)), 0)
    return frames[first:][-FRAMES:]  # what the runner did before the test began is not part of the failure


def frame_of(code: Any, line: int, run: Event) -> Event:
    file = code.co_filename if code.co_filename.startswith("<") else os.path.realpath(code.co_filename)
    inside = file.startswith(run["here"])
    if inside:
        file = file[len(run["here"]) :]
    in_app = inside and "site-packages" not in file and file not in run["paths"] and not file.endswith("conftest.py")
    return {"file": file, "line": line, "function": code.co_name, "code": "", "in_app": in_app}
