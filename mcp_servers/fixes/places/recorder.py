"""Runs tests inside the jail, with the project's own interpreter, and tells which lines ran in each: one file, no import of ours, Python 3.8 or later.

Lines are told by file and by the function around them; that of a lambda or a comprehension is the one it is written in. Where the time is up,
what ran so far is told; the check that was asked about counts as failed when it is what did not end.
"""

from __future__ import annotations

import ast
import contextlib
import dis
import importlib.util
import inspect
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

    def __init__(self, here: str, asked: str = "") -> None:
        self.here = here
        self.asked = asked  # the file of the check, whose tests run first
        self.out = os.dup(1)  # runners put files of theirs in its place
        self.known: Dict[Any, Any] = {}  # noqa: UP006
        self.named: Dict[str, Any] = {}  # noqa: UP006
        self.numbers: Dict[Key, int] = {}  # noqa: UP006
        self.lines: Dict[Any, int] = {}  # noqa: UP006
        self.tests: Dict[str, Any] = {}  # noqa: UP006
        self.failed: Set[str] = set()  # noqa: UP006
        self.edges: Dict[Any, int] = {}  # noqa: UP006
        self.now: Dict[Any, Set[int]] = {}  # noqa: UP006 - the lines of each code
        self.calls: Dict[Any, int] = {}  # noqa: UP006
        self.under_way = ""
        self.every = False  # keep the calls of tests that pass, too
        self.tracer: Any = Monitor(self) if hasattr(sys, "monitoring") else Tracer(self)

    def spot(self, code: Any) -> Any:
        """The number of the function that a code belongs to; None for other people's, for modules and for bodies of classes."""
        if code not in self.known:
            file = os.path.realpath(code.co_filename)
            inside = file.startswith(self.here) and "site-packages" not in file
            name = self.name_of(file, code) if inside else ""
            self.known[code] = self.numbers.setdefault((file[len(self.here) :], name), len(self.numbers)) if name else None
        return self.known[code]

    def name_of(self, file: str, code: Any) -> str:
        if file not in self.named:
            self.named[file] = []
            with contextlib.suppress(OSError, SyntaxError, ValueError, RecursionError), open(file, "rb") as opened:  # noqa: PTH123
                name_all(ast.parse(opened.read()), "", self.named[file])
        at, part = code.co_firstlineno, code.co_name.startswith("<") and code.co_name != "<module>"
        around = [(first, name) for first, last, name in self.named[file] if (first <= at <= last if part else first == at)]
        return max(around)[1] if around else ""

    def entered(self, code: Any, caller: Any) -> bool:
        """Whether this code counts; notes the nearest caller that counts, too."""
        number = self.spot(code)
        if number is None:
            return False
        self.now.setdefault(code, set()).add(code.co_firstlineno)
        for _ in range(30):
            if caller is None:
                return True
            above = self.spot(caller.f_code)
            if above is not None:
                if above != number:
                    self.calls[above, number] = self.calls.get((above, number), 0) + 1
                return True
            caller = caller.f_back
        return True

    def start(self, name: str = "") -> None:
        self.now, self.calls, self.under_way = {}, {}, name
        self.tracer.start()

    def stop(self, name: str, failed: bool) -> None:
        self.tracer.stop()
        self.keep(name, failed)

    def keep(self, name: str, failed: bool) -> None:
        self.under_way = ""
        if len(self.tests) < MOST_TESTS or failed:
            seen = sorted({(self.spot(code), line) for code, lines in list(self.now.items()) for line in set(lines)})
            self.tests[name] = [self.lines.setdefault(each, len(self.lines)) for each in seen]
        if failed:
            self.failed.add(name)
        if self.every or (failed and self.asked in name):
            for edge, count in list(self.calls.items()):
                self.edges[edge] = self.edges.get(edge, 0) + count

    def told(self) -> Any:
        edges = [[caller, target, count] for (caller, target), count in self.edges.items()]
        return {
            "spots": [list(key) for key in self.numbers],
            "lines": [list(key) for key in self.lines],
            "tests": self.tests,
            "failed": sorted(self.failed),
            "edges": edges,
        }

    def tell(self) -> None:
        with os.fdopen(self.out, "w", encoding="ascii") as out:
            out.write("\n" + json.dumps({"spectrum": self.told()}, separators=(",", ":")) + "\n")
        os._exit(0)

    def end(self) -> None:
        """The time is up."""
        if self.under_way and self.asked in self.under_way:
            self.keep(self.under_way, True)
        self.tell()

    # as a plugin of pytest

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.bad = False
        self.start(nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.bad = self.bad or report.failed

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.stop(nodeid, self.bad)


class Tracer:
    """Sees lines by a trace function, until every line of a code was seen in this test."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.whole: Dict[Any, int] = {}  # noqa: UP006

    def start(self) -> None:
        threading.settrace(self.called)
        sys.settrace(self.called)

    def stop(self) -> None:
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]

    def called(self, frame: Any, event: str, _argument: Any) -> Any:
        code = frame.f_code
        if event != "call" or not self.recorder.entered(code, frame.f_back):
            return None
        seen = self.recorder.now[code]
        if code not in self.whole:
            self.whole[code] = len({line for _, line in dis.findlinestarts(code) if line} | {code.co_firstlineno})
        if len(seen) >= self.whole[code]:
            return None

        def ran(frame: Any, event: str, _argument: Any) -> Any:
            if event == "line":
                seen.add(frame.f_lineno)
            return ran

        return ran


class Monitor:
    """Sees each line once in each test, by the events that Python has since 3.12."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.events: Any = vars(sys)["monitoring"]
        self.tool: int = self.events.COVERAGE_ID
        self.ready = False

    def start(self) -> None:
        if not self.ready:
            self.events.use_tool_id(self.tool, "kintsugi")
            self.events.register_callback(self.tool, self.events.events.PY_START, self.started)
            self.events.register_callback(self.tool, self.events.events.LINE, self.line)
            self.ready = True
        self.events.restart_events()
        self.events.set_events(self.tool, self.events.events.PY_START | self.events.events.LINE)

    def stop(self) -> None:
        self.events.set_events(self.tool, 0)

    def started(self, code: Any, _offset: int) -> Any:
        return None if self.recorder.entered(code, sys._getframe(2)) else self.events.DISABLE  # pyright: ignore[reportPrivateUsage]

    def line(self, code: Any, line: int) -> Any:
        if self.recorder.spot(code) is not None:
            self.recorder.now.setdefault(code, set()).add(line)
        return self.events.DISABLE


def name_all(node: Any, prefix: str, found: Any) -> None:
    """The functions below a node: first line with their decorators, last line, qualified name."""
    for child in ast.iter_child_nodes(node):
        inner = prefix
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            inner = prefix + child.name + "."
            if not isinstance(child, ast.ClassDef):
                found.append((min([child.lineno] + [each.lineno for each in child.decorator_list]), child.end_lineno, prefix + child.name))
        name_all(child, inner, found)


class Result(unittest.TestResult):
    """As a result of unittest."""

    def __init__(self, recorder: Recorder, path: str) -> None:
        super().__init__()
        self.recorder = recorder
        self.path = path

    def startTest(self, test: Any) -> None:
        self.before = len(self.failures) + len(self.errors)
        super().startTest(test)
        self.recorder.start(self.path + "::" + test.id())

    def stopTest(self, test: Any) -> None:
        self.recorder.stop(self.path + "::" + test.id(), len(self.failures) + len(self.errors) > self.before)
        super().stopTest(test)


def main() -> None:
    job = json.loads(sys.stdin.read())
    here = str(Path.cwd().resolve()) + os.sep
    for path, text in job["write"].items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text, "utf-8")
    sys.path[:0] = [here.rstrip(os.sep)] + [here + "src"] * Path(here, "src").is_dir()
    sys.dont_write_bytecode = True
    recorder = Recorder(here, job["paths"][0])
    clock = threading.Timer(job["seconds"], recorder.end)
    clock.daemon = True
    clock.start()
    if job["runner"] == "unittest" or not run_pytest(recorder, job["paths"]):
        run_unittest(recorder, job["paths"])
    recorder.tell()


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
    for path in paths:
        sys.path.insert(0, os.path.dirname(os.path.realpath(path)))  # noqa: PTH120
        spec: Any = importlib.util.spec_from_file_location(Path(path).stem, path)
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except BaseException:
            continue
        suite = unittest.defaultTestLoader.loadTestsFromModule(module)
        plain = [value for name, value in vars(module).items() if name.startswith("test") and inspect.isfunction(value)]
        suite.addTests(unittest.FunctionTestCase(each) for each in plain if not inspect.signature(each).parameters)
        suite.run(Result(recorder, path))


if __name__ == "__main__":
    main()
