"""Tests without pytest: test cases of unittest, and functions named test_* that take nothing."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import types
import unittest
from pathlib import Path
from typing import Any, Iterator  # noqa: UP035 - the project's interpreter may be 3.8

from mcp_servers.fixes.runner.exceptions import describe
from mcp_servers.fixes.runner.suites import Watcher
from mcp_servers.fixes.runner.wires import Event, Send


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
            watcher.reached.start()
            seen = outcome_of(call, run)
            watcher.reached.stop()
            logged = watcher.logged.stop()
            watcher.tell(name + "::" + test, dict(seen, logged=logged) if seen["outcome"] == "failed" else seen)
    watcher.reached.tell(send)
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
