from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mcp_servers.fixes.jail import MIB, Limits, default
from mcp_servers.fixes.testrun import Interpreter, Plan, TestRun, run_tests
from mcp_servers.kit.errors import Misconfigured
from mcp_servers.kit.project import Tests as Settings
from mcp_servers.kit.stack import Failure
from tests.components import needs

pytestmark = needs("bubblewrap")
TEST = "tests/test_it.py"
SHOP = """
import logging

def clean(phone):
    return phone.strip()

def total(prices):
    try:
        return sum(int(price) for price in prices)
    except ValueError as error:
        raise RuntimeError("no total") from error

def answer(phone):
    try:
        return 200, clean(phone)
    except Exception:
        logging.getLogger("shop").exception("request failed")
        return 500, ""
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "shop.py").write_text(SHOP, "utf-8")
    return folder


def run(project: Path, *tests: str, runner: str = "pytest", seconds: float = 10.0, brief: bool = False) -> list[TestRun]:
    plans = [Plan((TEST,), {TEST: test}, brief) for test in tests]
    return run_tests(default(), project, plans, interpreter=Interpreter.find(Settings()), runner=runner, limits=Limits(seconds=seconds))


def run_one(project: Path, test: str, runner: str = "pytest", seconds: float = 10.0) -> TestRun:
    return run(project, test, runner=runner, seconds=seconds)[0]


@pytest.mark.parametrize("runner", ["pytest", "unittest"])
class TestBothRunners:
    def test_outcomes_are_told_by_id(self, project: Path, runner: str) -> None:
        seen = run_one(
            project,
            "import unittest\nfrom shop import clean\n"
            "def test_good():\n    assert clean(' a ') == 'a'\n"
            "def test_bad():\n    assert clean(' a ') == 'b'\n"
            "def test_left_out():\n    raise unittest.SkipTest('later')\n"
            "class TestClean(unittest.TestCase):\n    def test_case(self):\n        self.assertEqual(clean('x '), 'x')\n",
            runner,
        )
        assert seen.problem == ""
        assert {name.rpartition("::")[2].rpartition(".")[2]: test.outcome for name, test in seen.tests.items()} == {
            "test_good": "passed",
            "test_bad": "failed",
            "test_left_out": "skipped",
            "test_case": "passed",
        }

    def test_a_failure_is_told_as_a_trace_with_our_own_frame_nearest_the_throw(self, project: Path, runner: str) -> None:
        trace = run_one(project, "from shop import clean\ndef test_it():\n    clean(None)\n", runner).tests[f"{TEST}::test_it"].traces[0]
        assert Failure.of(trace) == Failure("AttributeError", "shop.py", "clean", "'NoneType' object has no attribute 'strip'")
        assert [frame.in_app for frame in trace.root.frames if frame.function == "test_it"] == [False]

    def test_a_test_that_changes_the_folder_does_not_lose_our_frames(self, project: Path, runner: str) -> None:
        body = "import os\nfrom shop import clean\ndef test_it():\n    os.chdir('/')\n    clean(None)\n"
        trace = run_one(project, body, runner).tests[f"{TEST}::test_it"].traces[0]
        assert trace.top_in_app is not None
        assert trace.top_in_app.file == "shop.py"

    def test_a_chain_begins_with_its_root_cause(self, project: Path, runner: str) -> None:
        trace = run_one(project, "from shop import total\ndef test_it():\n    total(['x'])\n", runner).tests[f"{TEST}::test_it"].traces[0]
        assert [each.type for each in trace.exceptions] == ["ValueError", "RuntimeError"]

    def test_an_exception_that_the_program_only_logged_is_told_too(self, project: Path, runner: str) -> None:
        seen = run_one(project, "from shop import answer\ndef test_it():\n    assert answer(None)[0] == 200\n", runner)
        assert [Failure.of(trace).exception for trace in seen.tests[f"{TEST}::test_it"].traces] == ["AssertionError", "AttributeError"]

    def test_a_module_that_cannot_be_imported_has_failed(self, project: Path, runner: str) -> None:
        seen = run_one(project, "import nowhere_to_be_found\ndef test_it():\n    pass\n", runner)
        assert [(name, test.outcome) for name, test in seen.tests.items()] == [(TEST, "failed")]

    def test_a_test_that_ends_the_process_has_not_passed(self, project: Path, runner: str) -> None:
        seen = run_one(project, "import os\ndef test_it():\n    os._exit(0)\n", runner)
        assert "ended before its tests were over" in seen.problem
        assert not seen.ids("passed")

    def test_a_test_that_hangs_takes_no_other_candidate_with_it(self, project: Path, runner: str) -> None:
        hanging, good = run(project, "def test_it():\n    while True: pass\n", "def test_it():\n    pass\n", runner=runner, seconds=1.0)
        assert hanging.problem == "The tests did not finish within 1 s."
        assert good.ids("passed") == {f"{TEST}::test_it"}


FORGERIES = {
    "printed": "print('\\n' + '0' * 64 + '[{}]')\n    import sys; sys.__stdout__.write('all passed')",
    "written to every descriptor": (
        'import os\n    line = b\'\\n{"kind":"test","id":"x","seen":{"outcome":"passed"}}\\n{"kind":"end","code":0}\\n\'\n'
        "    for each in range(3, 200):\n        try: os.write(each, line)\n        except OSError: pass"
    ),
    "through the parent's descriptors": (
        "import os, glob\n    for each in glob.glob('/proc/[0-9]*/fd/*'):\n"
        "        if f'/{os.getpid()}/' not in each:\n            open(each, 'wb', buffering=0).write(b'forged')"
    ),
    "killing the parent": "import os, signal\n    os.kill(os.getppid(), signal.SIGKILL)",
    "by the module that was main": "import __main__\n    __main__.write_all(1, b'forged')",
}


@pytest.mark.parametrize("how", FORGERIES)
def test_a_forged_report_is_never_a_pass(project: Path, how: str) -> None:
    body = FORGERIES[how]
    seen = run_one(project, f"def test_it():\n    {body}\n    assert False\n")
    assert not seen.ids("passed")


def test_writing_into_the_report_is_noticed(project: Path) -> None:
    body = FORGERIES["written to every descriptor"]
    assert "is not believed" in run_one(project, f"def test_it():\n    {body}\n", "unittest").problem


def test_a_hook_that_rewrites_outcomes_does_not_make_a_failure_a_pass(project: Path) -> None:
    (project / "conftest.py").write_text(
        "import pytest\n@pytest.hookimpl(hookwrapper=True)\ndef pytest_runtest_makereport(item, call):\n"
        "    outcome = yield\n    outcome.get_result().outcome = 'passed'\n",
        "utf-8",
    )
    assert run_one(project, "def test_it():\n    assert False\n").ids("failed") == {f"{TEST}::test_it"}


def test_endless_output_does_not_fill_the_report(project: Path) -> None:
    seen = run_one(project, "import os\ndef test_it():\n    for _ in range(500): os.write(1, b'y' * 65536)\n")
    assert seen.ids("passed") == {f"{TEST}::test_it"}
    assert len(seen.log) < 40_000


def test_a_test_that_eats_the_memory_is_ended_with_a_sentence(project: Path) -> None:
    hungry = "import os, time\ndef test_it():\n    for _ in range(3): os.fork()\n    held = b'x' * (100 << 20)\n    time.sleep(20)\n"
    limits = Limits(seconds=10, memory=500 * MIB)
    plan = Plan((TEST,), {TEST: hungry})
    seen = run_tests(default(), project, [plan], interpreter=Interpreter.find(Settings()), runner="pytest", limits=limits)[0]
    assert "needed more than 500 MiB" in seen.problem


def test_a_brief_plan_tells_outcomes_only(project: Path) -> None:
    seen = run(project, "def test_it():\n    assert False\n", brief=True)[0]
    assert seen.ids("failed") == {f"{TEST}::test_it"}
    assert not seen.tests[f"{TEST}::test_it"].traces


class TestInterpreter:
    def test_the_configured_one_is_relative_to_the_project(self, tmp_path: Path) -> None:
        (tmp_path / "env" / "bin").mkdir(parents=True)
        (tmp_path / "env" / "bin" / "python").symlink_to(sys.executable)
        assert Interpreter.find(Settings(python="env/bin/python"), tmp_path).python == tmp_path / "env/bin/python"

    def test_the_environment_of_the_project_comes_before_ours(self, tmp_path: Path) -> None:
        assert Interpreter.find(Settings(), tmp_path).python == Path(sys.executable)
        (tmp_path / ".venv" / "bin").mkdir(parents=True)
        (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
        assert Interpreter.find(Settings(), tmp_path).python == tmp_path / ".venv/bin/python"

    def test_nothing_of_the_project_around_an_environment_is_readable(self, tmp_path: Path) -> None:
        (tmp_path / "bin").mkdir()
        (tmp_path / "lib").mkdir()
        (tmp_path / "bin" / "python").symlink_to(sys.executable)
        assert not [path for path in Interpreter.find(Settings(python="bin/python"), tmp_path).readable if path.is_relative_to(tmp_path)]

    def test_a_missing_one_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(Misconfigured, match=r"env/bin/python.*kintsugi.toml"):
            Interpreter.find(Settings(python="env/bin/python"), tmp_path)


@pytest.mark.parametrize("good", [True, False], ids=["passes", "fails"])
def test_the_log_that_people_read_does_not_hold_the_control(project: Path, good: bool) -> None:
    seen = run_one(project, f"def test_it():\n    assert 1 == {1 if good else 2}\n")
    assert not seen.problem
    assert "control" not in seen.log
    assert ("failed" in seen.log.lower()) is not good
