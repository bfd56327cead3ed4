"""The parent: forks a child for each run, watches it, and believes only what carries the child's token."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import signal
import stat
import tempfile
import time
from pathlib import Path
from typing import Any

from mcp_servers.fixes.runner.child import be_child
from mcp_servers.fixes.runner.wires import Event, protect, read_exactly, write_all

LOG_BYTES = 16 * 1024
EVENT_BYTES = 4 * 1024 * 1024
TICK = 0.02


def main() -> None:
    protect(True)
    job = json.loads(read_exactly(int(read_exactly(12))))
    pytest = None if job["runner"] == "unittest" else find_pytest()
    several = len(job["runs"]) > 1
    children = [Child(dict(run, copied=several), pytest) for run in job["runs"]]
    nonce = read_exactly(64)
    results = supervise(children, job["parallel"])
    write_all(1, b"\n" + nonce + json.dumps(results).encode("ascii") + b"\n")


def find_pytest() -> Any:
    try:
        import pytest
    except ImportError:  # the project may have none
        return None
    return pytest


class Child:
    """One run in a process of its own, waiting for its token since before the nonce was read."""

    def __init__(self, run: Event, pytest: Any) -> None:
        go, self.go = os.pipe()
        self.command = bool(run.get("command"))
        self.seconds: float = run["seconds"]
        self.events, events = os.pipe()
        self.log, log = os.pipe()
        self.token = ""
        self.started = 0.0
        self.status: int | None = None
        self.open = {self.events, self.log}
        self.heard, self.said = b"", b""
        self.timed_out = False
        self.report = run["report"] = report_of(run)
        self.pid = os.fork()
        if self.pid == 0:
            be_child(run, pytest, go, events, log)
        for descriptor in (go, events, log):
            os.close(descriptor)

    def start(self) -> None:
        self.started = time.monotonic()
        self.token = secrets.token_hex(16)
        write_all(self.go, self.token.encode("ascii"))
        os.close(self.go)

    def listen(self, ready: list[int]) -> None:
        for pipe in self.open & set(ready):
            data = os.read(pipe, 65536)
            if not data:
                self.open.discard(pipe)
            elif pipe == self.events:
                self.heard = (self.heard + data)[: EVENT_BYTES + 1]
            else:
                self.said = (self.said + data)[-(EVENT_BYTES if self.command else LOG_BYTES) :]

    def over(self) -> bool:
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            self.status = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
        elif time.monotonic() - self.started > self.seconds:
            self.timed_out = True
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self.status = -signal.SIGKILL
            os.waitpid(self.pid, 0)
        return self.status is not None

    def finish(self) -> Event:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        for _ in range(EVENT_BYTES // 65536):
            ready = select.select(list(self.open), [], [], 0)[0]
            if not ready:
                break
            self.listen(ready)
        os.close(self.events)
        os.close(self.log)
        return self.result()

    def result(self) -> Event:
        tests: Event = {}
        reached: list[Any] = []
        ended, tampered = False, len(self.heard) > EVENT_BYTES
        for line in self.heard.splitlines():
            event = self.trusted(line)
            if event is None or ended:
                tampered = True
            elif event["kind"] == "end":
                ended = True
            elif event["kind"] == "reached":
                reached = event["functions"]
            else:
                tests[event["id"]] = event["seen"]
        if self.command:
            ended = not self.timed_out and (self.status or 0) >= 0
        log = self.said.decode("utf-8", "replace")
        return {
            "tests": tests,
            "ended": ended,
            "code": self.status,
            "timed_out": self.timed_out,
            "tampered": tampered,
            "log": log,
            "report": read_report(self.report),
            "reached": reached,
        }

    def trusted(self, line: bytes) -> Event | None:
        try:
            event = json.loads(line)
            return event if secrets.compare_digest(str(event.pop("token")), self.token) else None
        except (ValueError, KeyError, TypeError, AttributeError):
            return None


def report_of(run: Event) -> str:
    """Where a command is to write its report, below a name that nobody knew beforehand; nowhere when it writes none."""
    if not any("{report}" in word for word in run.get("command", ())):
        return ""
    return str(Path(tempfile.mkdtemp()) / secrets.token_hex(16))


def read_report(path: str) -> str:
    """What a command wrote there; nothing for what is no plain file or longer than reports are."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        known = os.fstat(descriptor)
        whole = stat.S_ISREG(known.st_mode) and known.st_size <= EVENT_BYTES
        return file.read(EVENT_BYTES).decode("utf-8", "replace") if whole else ""


def supervise(children: list[Child], parallel: int) -> list[Event]:
    waiting = list(children)
    running: list[Child] = []
    results: dict[int, Event] = {}
    while waiting or running:
        while waiting and len(running) < parallel:
            running.append(waiting.pop(0))
            running[-1].start()
        ready = select.select([pipe for child in running for pipe in child.open], [], [], TICK)[0]
        for child in list(running):
            child.listen(ready)
            if child.over():
                results[child.pid] = child.finish()
                running.remove(child)
    return [results[child.pid] for child in children]
