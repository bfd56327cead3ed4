"""The certificate of a fix: red on the base as in production, green with the fix, red again without it, the suite no worse, and all of it again.

Two processes at a time, each in a jail of its own; the first disproof ends the work with a sentence.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from mcp_servers.fixes.disproofs import contents, declared_check, first_disproof, require_inside
from mcp_servers.fixes.jail import Jail, Limits
from mcp_servers.fixes.model import Certificate
from mcp_servers.fixes.policy import is_test
from mcp_servers.fixes.testrun import Interpreter, Plan, Seen, TestRun, run_tests
from mcp_servers.kit.project import Tests
from mcp_servers.kit.stack import ExceptionInfo, Failure

TEST_LIMITS = Limits(seconds=30)
SUITE_LIMITS = Limits(seconds=300)
_LOG = 8000


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one candidate test did on the base. `matches` tells that it failed as production did, or as the check that it declares."""

    path: str
    outcome: str
    failure_seen: Failure | None
    matches: bool
    log: str


def try_tests(
    *,
    base: Path,
    candidates: Sequence[tuple[str, str]],
    failure: Failure,
    tests: Tests,
    jail: Jail,
    root: Path | None = None,
    limits: Limits = TEST_LIMITS,
) -> list[Attempt]:
    """Runs every candidate (path, content) on the base, each in its own process of one jail. Raises `Refusal` for a path outside."""
    for path, _ in candidates:
        require_inside(path)
    plans = [Plan((path,), {path: content}) for path, content in candidates]
    runs = run_tests(jail, base, plans, interpreter=Interpreter.find(tests, root), runner=tests.runner, limits=limits) if plans else []
    return [_attempt(path, content, failure, run) for (path, content), run in zip(candidates, runs, strict=True)]


def certify(
    *,
    base: Path,
    result: Path,
    test_path: str,
    test: str,
    failure: Failure,
    tests: Tests,
    jail: Jail,
    now: datetime,
    runs: int = 3,
    root: Path | None = None,
    limits: Limits = TEST_LIMITS,
    suite_limits: Limits = SUITE_LIMITS,
    known_suite: MutableMapping[str, frozenset[str]] | None = None,
) -> Certificate:
    """Returns what the sandbox saw, passed or not, with the reason as a sentence; raises `Refusal` for a test path outside the project.

    `root` is the project that `tests.python` is relative to. `known_suite` holds passed test ids by `folder_digest`, which saves a run;
    what is learned here is added to it.
    """
    started = time.monotonic()
    blank = Certificate(
        red_on_base=False,
        same_fingerprint=False,
        green_on_patch=False,
        red_without_fix=False,
        suite="not run",
        runs=0,
        jail=jail.name,
        base=folder_digest(base),
        result=folder_digest(result),
        test=hashlib.sha256(test.encode("utf-8")).hexdigest(),
        reason=first_disproof(base, result, test_path, test, failure),
        log="",
        seconds=0.0,
    )
    if not blank.reason:
        bench = Bench(base, result, test_path, test, failure, tests, jail, Interpreter.find(tests, root), limits, suite_limits)
        blank = bench.examine(blank, max(2, runs), {} if known_suite is None else known_suite)
    log = f"{now:%Y-%m-%dT%H:%M:%S%z} in {jail.name}: {blank.reason}\n{blank.log}"
    return replace(blank, log=log[:_LOG], seconds=round(time.monotonic() - started, 3))


def folder_digest(folder: Path) -> str:
    """One digest over every path and content below `folder`."""
    digest = hashlib.sha256()
    for name, content in sorted(contents(folder).items()):
        digest.update(hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest() + hashlib.sha256(content).digest())
    return digest.hexdigest()


def suite_of(folder: Path, *, tests: Tests, jail: Jail, root: Path | None = None, limits: Limits = SUITE_LIMITS) -> frozenset[str]:
    """The ids of the tests that pass in `folder`: what a caller keeps for `known_suite`."""
    return _suite_run(folder, tests, jail, Interpreter.find(tests, root), limits).ids("passed")


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that stays the same while one fix is examined."""

    base: Path
    result: Path
    test_path: str
    test: str
    failure: Failure
    tests: Tests
    jail: Jail
    interpreter: Interpreter
    limits: Limits
    suite_limits: Limits

    def examine(self, found: Certificate, runs: int, known: MutableMapping[str, frozenset[str]]) -> Certificate:
        """The certificate filled in as far as the fix got: once with an early end, then everything else side by side."""
        (red,), (green,) = _both(lambda: self._runs(self.base, 1), lambda: self._runs(self.result, 1))
        same, why = _judge_red(red, self.test_path, self.test, self.failure)
        found = replace(found, runs=1, log=_log(red, green), red_on_base=bool(red.ids("failed")) and not red.problem, same_fingerprint=same)
        if why := why or _judge_green(red, green):
            return replace(found, reason=why)
        found = replace(found, green_on_patch=True)
        suite = self._suite_plan()
        expected = known.get(found.base)
        reds, greens = _both(
            lambda: self._runs(self.base, runs - 1, suite if expected is None else None),
            lambda: self._runs(self.result, runs - 1, suite),
        )
        word, why = self._judge_suites(found, known, expected, reds[runs - 1 :], greens[runs - 1 :]) if suite else ("none", "")
        found = replace(found, suite=word)
        return replace(found, reason=why) if why else self._agree(found, [red, *reds[: runs - 1]], [green, *greens[: runs - 1]])

    def _agree(self, found: Certificate, reds: Sequence[TestRun], greens: Sequence[TestRun]) -> Certificate:
        """Red and green again and again; each red one is the base once more, so the fix alone made the difference."""
        for number, (red, green) in enumerate(zip(reds[1:], greens[1:], strict=True), start=2):
            if why := _differs(reds[0], red, number, "the base") or _judge_red(red, self.test_path, self.test, self.failure)[1]:
                return replace(found, red_on_base=False, red_without_fix=False, reason=why, log=_log(red, green))
            if why := _differs(greens[0], green, number, "the fix"):
                return replace(found, green_on_patch=False, reason=why, log=_log(red, green))
            found = replace(found, red_without_fix=True, runs=number)
        return replace(found, reason=_praise(found, self.test, self.failure))

    def _runs(self, work: Path, count: int, suite: Plan | None = None) -> list[TestRun]:
        """The reproduction so many times, each in a process and a copy of its own, then the project's own tests when they are asked for."""
        plans = [Plan((self.test_path,), {self.test_path: self.test})] * count + ([suite] if suite else [])
        limits = self.suite_limits if suite else self.limits
        return run_tests(self.jail, work, plans, interpreter=self.interpreter, runner=self.tests.runner, limits=limits)

    def _suite_plan(self) -> Plan | None:
        """How the project's own tests run; None when it has none."""
        tests = (name for name in contents(self.base) if is_test(name) and name.endswith(".py") and not name.endswith("conftest.py"))
        return Plan(self.tests.paths, brief=True) if any(tests) else None

    def _judge_suites(
        self,
        found: Certificate,
        known: MutableMapping[str, frozenset[str]],
        expected: frozenset[str] | None,
        before: Sequence[TestRun],
        after: Sequence[TestRun],
    ) -> tuple[str, str]:
        """`no worse` or `worse`, and why. The base's tests are in the result unchanged: that was read beforehand."""
        broken = before[0].problem if expected is None else ""
        expected = before[0].ids("passed") if expected is None else expected
        now = after[0]
        lost = expected - now.ids("passed")
        if lost and not now.problem:
            lost -= _suite_run(self.result, self.tests, self.jail, self.interpreter, self.suite_limits).ids(
                "passed"
            )  # chance gets a second try
        if not (now.problem or broken):
            known[found.base], known[found.result] = expected, now.ids("passed")
        worse = lost or (now.problem and not broken)
        return ("worse", _lost(lost, now)) if worse else ("no worse", "")


def _suite_run(work: Path, tests: Tests, jail: Jail, interpreter: Interpreter, limits: Limits) -> TestRun:
    plan = Plan(tests.paths, brief=True)
    return run_tests(jail, work, [plan], interpreter=interpreter, runner=tests.runner, limits=limits)[0]


def _both(one: Callable[[], list[TestRun]], two: Callable[[], list[TestRun]]) -> tuple[list[TestRun], list[TestRun]]:
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(two)
        return one(), other.result()


def _judge_red(run: TestRun, path: str, test: str, failure: Failure) -> tuple[bool, str]:
    """Whether the test failed as production did, and the sentence that says why not."""
    if run.problem:
        return False, f"On the base: {run.problem}"
    if not run.tests:
        return False, f"{path} holds no test that runs; name its functions test_*."
    failed = run.ids("failed")
    if not failed:
        return False, "The test does not fail on the base, so it does not reproduce the failure."
    seen, matches = _compare([run.tests[name] for name in sorted(failed)], path, test, failure)
    if matches:
        return True, ""
    if check := declared_check(test):
        return False, f"The test declares the check {check!r}, but no assertion in a function of that name failed on the base."
    return False, f"The test fails with {_words(seen)}, but production failed with {_words(failure)}; reproduce that one."


def _judge_green(red: TestRun, green: TestRun) -> str:
    if green.problem:
        return f"With the fix: {green.problem}"
    if failed := sorted(green.ids("failed")):
        return f"With the fix {failed[0]} still fails{_how(green.tests[failed[0]])}."
    if missing := sorted(red.ids("failed") - green.ids("passed")):
        return f"With the fix {missing[0]} does not run any more; a test that is skipped proves nothing."
    return ""


def _differs(first: TestRun, again: TestRun, number: int, where: str) -> str:
    if again.problem:
        return f"Run {number} on {where}: {again.problem}"
    names = first.tests.keys() | again.tests.keys()
    for name in sorted(names):
        one, two = _outcome(first, name), _outcome(again, name)
        if one != two:
            return f"{name} is flaky: on {where} it {one} in run 1 and {two} in run {number}, so it proves nothing."
    return ""


def _compare(tests: Sequence[Seen], path: str, test: str, failure: Failure) -> tuple[Failure | None, bool]:
    """The failure that was seen, and whether it is production's; a declared check wants its own assertion instead."""
    check = declared_check(test)
    first: Failure | None = None
    for trace in (trace for seen in tests for trace in seen.traces):
        seen = Failure.of(trace)
        first = first or seen
        if _asserts(trace.exceptions[-1], path, check) if check else trace.top_in_app is not None and seen.same_as(failure):
            return seen, True
    return first, False


def _asserts(raised: ExceptionInfo, path: str, check: str) -> bool:
    return raised.type == "AssertionError" and any(frame.file == path and frame.function == check for frame in raised.frames)


def _attempt(path: str, test: str, failure: Failure, run: TestRun) -> Attempt:
    failed = [run.tests[name] for name in sorted(run.ids("failed"))]
    seen, matches = _compare(failed, path, test, failure)
    outcome = "broken" if run.problem else "failed" if failed else "passed" if run.ids("passed") else "skipped"
    return Attempt(path, outcome, seen, matches and not run.problem, f"{run.problem}\n{run.log}".strip()[-_LOG:])


def _lost(lost: frozenset[str], after: TestRun) -> str:
    if after.problem:
        return f"The project's own tests with the fix: {after.problem}"
    more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
    return f"With the fix {min(lost)}{more} of the project's own tests no longer passes."


def _praise(found: Certificate, test: str, failure: Failure) -> str:
    check = declared_check(test)
    proof = f"breaks the configured bound {check!r} on the base" if check else f"fails on the base with {_words(failure)}, as in production"
    suite = "the project has no other tests" if found.suite == "none" else "the project's own tests are no worse"
    return f"The test {proof}, passes with the fix and fails again without it; {suite}; {found.runs} runs agree."


def _words(failure: Failure | None) -> str:
    if failure is None or not failure.exception:
        return "no exception"
    return f"{failure.exception} in {failure.function}" if failure.function else failure.exception


def _outcome(run: TestRun, name: str) -> str:
    return run.tests[name].outcome if name in run.tests else "was missing"


def _how(seen: Seen) -> str:
    return f" with {_words(Failure.of(seen.traces[0]))}" if seen.traces else ""


def _log(red: TestRun, green: TestRun) -> str:
    return f"--- on the base\n{red.log[-3500:]}\n--- with the fix\n{green.log[-3500:]}"
