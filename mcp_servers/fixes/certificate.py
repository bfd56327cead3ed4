"""The certificate of a fix: red on the base as in production, green with the fix, red again without it, the suite no worse, and all of it again.

Two processes at a time, each in a jail of its own; the first disproof ends the work with a sentence.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
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
    known_suite: Mapping[str, frozenset[str]] | None = None,
) -> Certificate:
    """Returns what the sandbox saw, passed or not, with the reason as a sentence; raises `Refusal` for a test path outside the project.

    `root` is the project that `tests.python` is relative to. `known_suite` holds passed test ids by `folder_digest`, which saves a run.
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
        blank = bench.examine(blank, max(2, runs), known_suite or {})
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

    def examine(self, found: Certificate, runs: int, known: Mapping[str, frozenset[str]]) -> Certificate:
        """The certificate filled in as far as the fix got."""
        red, green = _both(self._red, self._green)
        same, why = _judge_red(red, self.test_path, self.test, self.failure)
        found = replace(found, runs=1, log=_log(red, green), red_on_base=bool(red.ids("failed")) and not red.problem, same_fingerprint=same)
        if why:
            return replace(found, reason=why)
        if why := _judge_green(red, green):
            return replace(found, reason=why)
        found = replace(found, green_on_patch=True)
        word, why = self._compare_suites(known)
        found = replace(found, suite=word)
        return replace(found, reason=why) if why else self._repeat(found, red, green, runs)

    def _repeat(self, found: Certificate, red: TestRun, green: TestRun, runs: int) -> Certificate:
        """Red and green again; the red one is the base once more, so the fix alone made the difference."""
        for number in range(2, runs + 1):
            again, green_again = _both(self._red, self._green)
            if why := _differs(red, again, number, "the base") or _judge_red(again, self.test_path, self.test, self.failure)[1]:
                return replace(found, red_on_base=False, red_without_fix=False, reason=why, log=_log(again, green_again))
            if why := _differs(green, green_again, number, "the fix"):
                return replace(found, green_on_patch=False, reason=why, log=_log(again, green_again))
            found = replace(found, red_without_fix=True, runs=number)
        return replace(found, reason=_praise(found, self.test, self.failure))

    def _red(self) -> TestRun:
        return self._run(self.base)

    def _green(self) -> TestRun:
        return self._run(self.result)

    def _run(self, work: Path) -> TestRun:
        plan = Plan((self.test_path,), {self.test_path: self.test})
        return run_tests(self.jail, work, [plan], interpreter=self.interpreter, runner=self.tests.runner, limits=self.limits)[0]

    def _suite(self, work: Path) -> TestRun:
        return _suite_run(work, self.tests, self.jail, self.interpreter, self.suite_limits)

    def _compare_suites(self, known: Mapping[str, frozenset[str]]) -> tuple[str, str]:
        """`no worse`, `none` or `worse`, and why it is worse. The base's tests are in the result unchanged: that was read beforehand."""
        if not any(is_test(name) and name.endswith(".py") and not name.endswith("conftest.py") for name in contents(self.base)):
            return "none", ""
        expected, broken = known.get(folder_digest(self.base)) if known else None, ""
        if expected is None:
            before, after = _both(lambda: self._suite(self.base), lambda: self._suite(self.result))
            expected, broken = before.ids("passed"), before.problem
        else:
            after = self._suite(self.result)
        lost = expected - after.ids("passed")
        if lost and not after.problem:
            lost -= self._suite(self.result).ids("passed")  # one that fails by chance gets a second one
        worse = lost or (after.problem and not broken)
        return ("worse", _lost(lost, after)) if worse else ("no worse", "")


def _suite_run(work: Path, tests: Tests, jail: Jail, interpreter: Interpreter, limits: Limits) -> TestRun:
    plan = Plan(tests.paths, brief=True)
    return run_tests(jail, work, [plan], interpreter=interpreter, runner=tests.runner, limits=limits)[0]


def _both(one: Callable[[], TestRun], two: Callable[[], TestRun]) -> tuple[TestRun, TestRun]:
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
