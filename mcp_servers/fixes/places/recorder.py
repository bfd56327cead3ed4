"""Runs tests inside the jail, with the project's own interpreter, and tells which functions ran in each: one file, no import of ours, Python 3.8 or later.

A profile hook sees every call. Functions are told by file and by the lines they start at, which the reader knows by their names.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import sys
import threading
import unittest
from pathlib import Path
from typing import Any, Dict, Set, Tuple  # noqa: UP035 - the project's interpreter may be 3.8

MOST_TESTS = 2000
Key = Tuple[str, str]  # noqa: UP006


class Recorder:
    """What ran since the last test began. Only files below the project count."""

    def __init__(self, here: str) -> None:
        self.here = here
        self.known: Dict[Any, Any] = {}  # noqa: UP006
        self.named: Dict[str, Any] = {}  # noqa: UP006
        self.numbers: Dict[Key, int] = {}  # noqa: UP006
        self.tests: Dict[str, Any] = {}  # noqa: UP006
        self.failed: Set[str] = set()  # noqa: UP006
        self.edges: Dict[Any, int] = {}  # noqa: UP006
        self.now: Set[int] = set()  # noqa: UP006
        self.calls: Dict[Any, int] = {}  # noqa: UP006
        self.every = False  # keep the calls of tests that pass, too

    def spot(self, code: Any) -> Any:
        if code not in self.known:
            file = os.path.realpath(code.co_filename)
            inside = file.startswith(self.here) and "site-packages" not in file
            name = self.names_of(file).get(code.co_firstlineno, "") if inside else ""
            part = code.co_name.startswith("<") or not name  # of the function around it
            self.known[code] = None if part else self.numbers.setdefault((file[len(self.here) :], name), len(self.numbers))
        return self.known[code]

    def names_of(self, file: str) -> Any:
        """The qualified names of a file's functions by the line they start at."""
        if file not in self.named:
            self.named[file] = {}
            with contextlib.suppress(OSError, SyntaxError, ValueError, RecursionError), open(file, "rb") as opened:  # noqa: PTH123
                name_all(ast.parse(opened.read()), "", self.named[file])
        return self.named[file]

    def hook(self, frame: Any, event: str, _argument: Any) -> None:
        if event != "call":
            return
        number = self.spot(frame.f_code)
        if number is None:
            return
        self.now.add(number)
        caller = frame.f_back
        for _ in range(30):
            if caller is None:
                return
            above = self.spot(caller.f_code)
            if above is not None:
                if above != number:
                    self.calls[above, number] = self.calls.get((above, number), 0) + 1
                return
            caller = caller.f_back

    def start(self) -> None:
        self.now, self.calls = set(), {}
        threading.setprofile(self.hook)
        sys.setprofile(self.hook)

    def stop(self, name: str, failed: bool) -> None:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
        if len(self.tests) < MOST_TESTS or failed:
            self.tests[name] = sorted(self.now)
        if failed:
            self.failed.add(name)
        if failed or self.every:
            for edge, count in self.calls.items():
                self.edges[edge] = self.edges.get(edge, 0) + count

    def told(self) -> Any:
        edges = [[caller, target, count] for (caller, target), count in self.edges.items()]
        return {"spots": [list(key) for key in self.numbers], "tests": self.tests, "failed": sorted(self.failed), "edges": edges}

    # as a plugin of pytest

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.bad = False
        self.start()

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.bad = self.bad or report.failed

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.stop(nodeid, self.bad)


def name_all(node: Any, prefix: str, found: Any) -> None:
    for child in ast.iter_child_nodes(node):
        inner = prefix
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            inner = prefix + child.name + "."
            if not isinstance(child, ast.ClassDef):
                found[min([child.lineno] + [each.lineno for each in child.decorator_list])] = prefix + child.name
        name_all(child, inner, found)


class Result(unittest.TestResult):
    """As a result of unittest."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self.recorder = recorder

    def startTest(self, test: Any) -> None:
        self.before = len(self.failures) + len(self.errors)
        super().startTest(test)
        self.recorder.start()

    def stopTest(self, test: Any) -> None:
        self.recorder.stop(test.id(), len(self.failures) + len(self.errors) > self.before)
        super().stopTest(test)


def main() -> None:
    job = json.loads(sys.stdin.read())
    here = str(Path.cwd().resolve()) + os.sep
    sys.path[:0] = [here.rstrip(os.sep)] + [here + "src"] * Path(here, "src").is_dir()
    sys.dont_write_bytecode = True
    recorder = Recorder(here)
    if job["runner"] == "unittest" or not run_pytest(recorder, job["paths"]):
        run_unittest(recorder, job["paths"])
    sys.stdout.write("\n" + json.dumps({"spectrum": recorder.told()}, separators=(",", ":")) + "\n")
    sys.stdout.flush()
    os._exit(0)


def run_pytest(recorder: Recorder, paths: Any) -> bool:
    try:
        import pytest
    except ImportError:
        return False
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.argv = ["pytest"]
    pytest.main(["-q", "--rootdir=.", "-p", "no:cacheprovider", "-o", "addopts=", *paths], plugins=[recorder])
    return True


def run_unittest(recorder: Recorder, paths: Any) -> None:
    for path in paths or ["."]:
        folder, pattern = (path, "test*.py") if Path(path).is_dir() else os.path.split(path)
        unittest.defaultTestLoader.discover(folder or ".", pattern, ".").run(Result(recorder))


if __name__ == "__main__":
    main()
