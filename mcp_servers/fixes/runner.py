"""Runs tests inside the jail and reports on them, with the project's own interpreter: one file, no import of ours, Python 3.8 or later.

Standard input is the length of a job, the job, and a nonce. The report goes to standard output behind the nonce. It is written by
the parent, which forks one child for each run *before* it reads the nonce and closes its descriptors there; what tests print goes
to the log. Results come from the child through a pipe, each with a token of its own; a child that ends without saying so has failed. No code outside the parent can write a report, end a run early and
pass, or print a pass; code that walks our frames inside its own child to borrow the token can still lie about that one child.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import inspect
import json
import logging
import os
import secrets
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
import types
import unittest
from pathlib import Path
from typing import Any, Callable, Dict, Iterator  # noqa: UP035 - the project's interpreter may be 3.8

LOG_BYTES = 16 * 1024
EVENT_BYTES = 4 * 1024 * 1024
CHAIN, FRAMES, LOGGED, TEXT = 6, 60, 5, 2000
TICK = 0.02

Event = Dict[str, Any]  # noqa: UP006 - evaluated, unlike annotations
Send = Callable[[Event], None]


def main() -> None:
    protect(True)
    job = json.loads(read_exactly(int(read_exactly(12))))
    pytest = None if job["runner"] == "unittest" else find_pytest()
    several = len(job["runs"]) > 1
    children = [Child(dict(run, copied=several), pytest) for run in job["runs"]]
    nonce = read_exactly(64)
    results = supervise(children, job["seconds"], job["parallel"])
    write_all(1, b"\n" + nonce + json.dumps(results).encode("ascii") + b"\n")


def protect(on: bool) -> None:
    """With protection on, other processes of this user can read neither this one's memory nor its descriptors (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(4, 0 if on else 1, 0, 0, 0)  # PR_SET_DUMPABLE


def find_pytest() -> Any:
    try:
        import pytest
    except ImportError:  # the project may have none
        return None
    return pytest


def read_exactly(count: int) -> bytes:
    data = b""
    while len(data) < count:
        chunk = os.read(0, count - len(data))
        if not chunk:
            raise SystemExit("the job on standard input is cut short")
        data += chunk
    return data


def write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


# --- the parent: watches, and believes only what carries the child's token ---


class Child:
    """One run in a process of its own, waiting for its token since before the nonce was read."""

    def __init__(self, run: Event, pytest: Any) -> None:
        go, self.go = os.pipe()
        self.events, events = os.pipe()
        self.log, log = os.pipe()
        self.token = ""
        self.started = 0.0
        self.status: int | None = None
        self.open = {self.events, self.log}
        self.heard, self.said = b"", b""
        self.timed_out = False
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
                self.said = (self.said + data)[-LOG_BYTES:]

    def over(self, seconds: float) -> bool:
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            self.status = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
        elif time.monotonic() - self.started > seconds:
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
        ended, tampered = False, len(self.heard) > EVENT_BYTES
        for line in self.heard.splitlines():
            event = self.trusted(line)
            if event is None or ended:
                tampered = True
            elif event["kind"] == "end":
                ended = True
            else:
                tests[event["id"]] = event["seen"]
        log = self.said.decode("utf-8", "replace")
        return {"tests": tests, "ended": ended, "code": self.status, "timed_out": self.timed_out, "tampered": tampered, "log": log}

    def trusted(self, line: bytes) -> Event | None:
        try:
            event = json.loads(line)
            return event if secrets.compare_digest(str(event.pop("token")), self.token) else None
        except (ValueError, KeyError, TypeError, AttributeError):
            return None


def supervise(children: list[Child], seconds: float, parallel: int) -> list[Event]:
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
            if child.over(seconds):
                results[child.pid] = child.finish()
                running.remove(child)
    return [results[child.pid] for child in children]


# --- the child: everything from here on shares its process with code that is not trusted ---


def be_child(run: Event, pytest: Any, go: int, events: int, log: int) -> None:
    os.setsid()
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    close_others({0, 1, 2, go, events})
    token = os.read(go, 64).decode("ascii")
    os.close(go)
    if not token:
        os._exit(3)
    protect(False)
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        send = sender(events, token)
        prepare(run)
        code = run_pytest(pytest, run, send) if pytest else run_plain(run, send)
        sys.stdout.flush()
        send({"kind": "end", "code": code})
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(0)


def close_others(keep: set[int]) -> None:
    for descriptor in range(256):
        if descriptor not in keep:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def sender(descriptor: int, token: str) -> Send:
    owner = os.getpid()
    write, dumps, getpid = write_all, json.dumps, os.getpid

    def send(event: Event) -> None:
        if getpid() == owner:
            write(descriptor, dumps(dict(event, token=token)).encode("ascii") + b"\n")

    return send


def prepare(run: Event) -> None:
    if run["copied"]:  # so that one run neither sees nor breaks the files of another
        copy = Path(tempfile.mkdtemp()) / "work"
        shutil.copytree(str(Path.cwd()), str(copy), symlinks=True)
        os.chdir(str(copy))
    here = Path.cwd()
    run["here"] = os.path.realpath(str(here)) + os.sep  # now: a test may change the folder
    for name, content in run["write"].items():
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8"))
    sys.dont_write_bytecode = True
    sys.path[:0] = [str(here)] + [str(here / "src")] * (here / "src").is_dir()
    sys.argv = ["pytest"]


class Watcher:
    """Hears what became of each test. The exception itself decides, not the report: reports can be rewritten by any hook."""

    def __init__(self, send: Send, run: Event) -> None:
        self.send, self.run = send, run
        self.seen: Event = {}
        self.logged = LoggedExceptions(run)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.seen[nodeid] = {"outcome": ""}
        self.logged.start()

    def pytest_runtest_logreport(self, report: Any) -> None:
        seen = self.seen[report.nodeid]
        if report.failed:
            seen["outcome"] = "failed"
        elif seen["outcome"] != "failed" and (report.skipped or hasattr(report, "wasxfail")):
            seen["outcome"] = "skipped"
        elif report.when == "call" and not seen["outcome"]:
            seen["outcome"] = "passed"

    def pytest_exception_interact(self, node: Any, call: Any) -> None:
        trace = describe(call.excinfo.value, self.run)
        if node.nodeid in self.seen:
            self.seen[node.nodeid].update(outcome="failed", trace=trace)
        else:
            self.tell(node.nodeid, {"outcome": "failed", "trace": trace})

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        seen = self.seen.pop(nodeid)
        logged = self.logged.stop()
        self.tell(nodeid, dict(seen, logged=logged) if seen["outcome"] == "failed" else seen)

    def tell(self, name: str, seen: Event) -> None:
        kept = {"outcome": seen["outcome"] or "skipped"} if self.run["brief"] else seen
        self.send({"kind": "test", "id": name, "seen": kept})


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


def run_pytest(pytest: Any, run: Event, send: Send) -> int:
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    options = ["-q", "--rootdir=.", "-p", "no:cacheprovider", "-o", "addopts=", "-W", "ignore::pytest.PytestConfigWarning"]
    return int(pytest.main([*options, *run["paths"]], plugins=[Watcher(send, run)]))


def run_plain(run: Event, send: Send) -> int:
    """Without pytest: test cases of unittest, and functions named test_* that take nothing."""
    watcher = Watcher(send, run)
    for file in test_files(run["paths"] or ["."]):
        name = file.relative_to(Path.cwd()).as_posix()
        try:
            module = load(file)
        except BaseException as error:
            watcher.tell(name, {"outcome": "failed", "trace": describe(error, run)})
            continue
        for test, call in tests_of(module):
            watcher.logged.start()
            seen = outcome_of(call, run)
            logged = watcher.logged.stop()
            watcher.tell(name + "::" + test, dict(seen, logged=logged) if seen["outcome"] == "failed" else seen)
    return 0


def test_files(paths: list[str]) -> Iterator[Path]:
    for path in (Path.cwd() / each for each in paths):
        yield from [path] if path.is_file() else sorted({*path.rglob("test*.py"), *path.rglob("*_test.py")})


def load(file: Path) -> types.ModuleType:
    sys.path.insert(0, str(file.parent))
    spec = importlib.util.spec_from_file_location(file.stem, str(file))
    if spec is None or spec.loader is None:
        raise ImportError("no module at " + str(file))
    module = sys.modules[file.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tests_of(module: types.ModuleType) -> Iterator[Any]:
    cases: list[Any] = [unittest.defaultTestLoader.loadTestsFromModule(module)]
    while cases:
        case = cases.pop(0)
        if isinstance(case, unittest.TestSuite):
            cases[:0] = list(case)
        else:
            yield ".".join(case.id().split(".")[-2:]), case
    for name, value in sorted(vars(module).items()):
        if name.startswith("test") and inspect.isfunction(value) and not inspect.signature(value).parameters:
            yield name, value


def outcome_of(test: Any, run: Event) -> Event:
    if isinstance(test, unittest.TestCase):
        return outcome_of_case(test, run)
    try:
        test()
    except unittest.SkipTest:
        return {"outcome": "skipped"}
    except BaseException as error:
        return {"outcome": "failed", "trace": describe(error, run)}
    return {"outcome": "passed"}


def outcome_of_case(case: unittest.TestCase, run: Event) -> Event:
    errors: list[BaseException] = []

    class Result(unittest.TestResult):
        def addError(self, test: Any, err: Any) -> None:
            errors.append(err[1])
            super().addError(test, err)

        def addFailure(self, test: Any, err: Any) -> None:
            errors.append(err[1])
            super().addFailure(test, err)

        def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
            errors.extend([err[1]] if err else [])
            super().addSubTest(test, subtest, err)

    result = Result()
    case.run(result)
    if errors:
        return {"outcome": "failed", "trace": describe(errors[0], run)}
    skipped = result.skipped or result.expectedFailures or result.unexpectedSuccesses or not result.testsRun
    return {"outcome": "skipped" if skipped else "passed"}


# --- exceptions as values ---


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
    file = os.path.realpath(code.co_filename)
    inside = file.startswith(run["here"])
    if inside:
        file = file[len(run["here"]) :]
    in_app = inside and "site-packages" not in file and file not in run["paths"] and not file.endswith("conftest.py")
    return {"file": file, "line": line, "function": code.co_name, "code": "", "in_app": in_app}


if __name__ == "__main__":
    main()
