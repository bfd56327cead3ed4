"""The certificate of a fix: red on the base as in production, green with the fix, red again without it, the suite no worse, and all of it again.

Two processes at a time, each in a jail of its own; the first disproof ends the work with a sentence.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from mcp_servers.fixes import disproofs
from mcp_servers.fixes.disproofs import Reading, contents, declared_check, first_disproof, require_inside
from mcp_servers.fixes.jail import Jail, Limits
from mcp_servers.fixes.judging import compare, differs, judge_green, judge_probes, judge_reach, judge_red, words
from mcp_servers.fixes.model import Certificate
from mcp_servers.fixes.policy import is_test
from mcp_servers.fixes.testrun import Interpreter, Plan, TestRun, run_tests
from mcp_servers.fixes.toolchains import chosen
from mcp_servers.kit.project import Tests
from mcp_servers.kit.stack import Failure, StackTrace, bare_function
from mcp_servers.kit.work import tell

CHANCY_RUNS = 10
TEST_LIMITS = Limits(seconds=30)
SUITE_LIMITS = Limits(seconds=300)
_LOG = 8000
_NAMED = 5
_ELSEWHERE = {"HOME": "/tmp", "USER": "deploy", "LOGNAME": "deploy"}
_VALUES = ("production", "1")


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one candidate test did on the base. `matches` tells that it failed as production did, or as the check that it declares;
    `trace` is its first failure's."""

    path: str
    outcome: str
    failure_seen: Failure | None
    matches: bool
    log: str
    trace: StackTrace | None = None


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
    interpreter = Interpreter.find(tests, root)
    runs: dict[int, TestRun] = {}
    for language in dict.fromkeys(disproofs.language(path) for path, _ in candidates):
        mine = [number for number, (path, _) in enumerate(candidates) if disproofs.language(path) == language]
        plans = [Plan((candidates[number][0],), dict([candidates[number]])) for number in mine]
        toolchain = chosen(tests, plans[0].paths[0])
        seen = run_tests(jail, base, plans, interpreter=interpreter, runner=tests.runner, limits=limits, toolchain=toolchain)
        runs.update(zip(mine, seen, strict=True))
    return [
        _attempt(path, content, failure, run)
        for (path, content), run in zip(candidates, [runs[number] for number in range(len(candidates))], strict=True)
    ]


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
    shown: bool = False,
) -> Certificate:
    """Returns what the sandbox saw, passed or not, with the reason as a sentence; raises `Refusal` for a test path outside the project.

    `root` is the project that `tests.python` is relative to. `known_suite` holds passed test ids by `folder_digest`, which saves a run;
    what is learned here is added to it. `shown`: the test has failed on the base as production did, so all runs begin at once.
    """
    started = time.monotonic()
    reading = disproofs.read(base, result, test_path, test, failure)
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
        reason=first_disproof(reading),
        log="",
        seconds=0.0,
        sweep=jail.sweep,
    )
    if not blank.reason:
        bench = Bench(base, result, reading, tests, jail, Interpreter.find(tests, root), limits, suite_limits, shown)
        runs = max(2, runs, CHANCY_RUNS if disproofs.uncertain(reading) else 0)
        blank = bench.examine(blank, runs, {} if known_suite is None else known_suite)
    toolchain = chosen(tests, test_path)
    log = f"{now:%Y-%m-%dT%H:%M:%S%z} in {jail.name}, swept by {jail.sweep}, by {toolchain.name if toolchain else tests.runner}: {blank.reason}\n{blank.log}"
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
    reading: Reading
    tests: Tests
    jail: Jail
    interpreter: Interpreter
    limits: Limits
    suite_limits: Limits
    shown: bool = False

    def examine(self, found: Certificate, runs: int, known: MutableMapping[str, frozenset[str]]) -> Certificate:
        """The certificate filled in as far as the fix got. One run of each side may end it early; where that is unlikely, all run side by side."""
        reach = bare_function(self.reading.failure.function)
        expected, suite = known.get(found.base), self._suite_plan()
        probes = [self._plan(test) for test in disproofs.variants(self.reading)] if disproofs.steers(self.reading) else []
        again = [self._plan()] * (runs - 1)
        before = [self._plan(), *again, *probes, *([suite] if suite and expected is None else [])]
        after = [replace(self._plan(), reach=reach), *self._elsewhere(again), *probes, *([suite] if suite else [])]
        first = len(before) + len(after) if self.shown else 1
        reds, greens = self._sides(before[:first], after[:first])
        found = self._first(found, reds[0], greens[0])
        if found.reason:
            return found
        if not self.shown:
            more = self._sides(before[first:], after[first:])
            reds, greens = [*reds, *more[0]], [*greens, *more[1]]
        return self._second(found, known, suite, runs, reds, greens)

    def _sides(self, before: Sequence[Plan], after: Sequence[Plan]) -> tuple[list[TestRun], list[TestRun]]:
        tell(
            f"{len(before)} runs on the base and {len(after)} with the fix{', the own tests among them' if any(plan.brief for plan in after) else ''}"
        )
        return _both(lambda: self._run(self.base, before), lambda: self._run(self.result, after))

    def _first(self, found: Certificate, red: TestRun, green: TestRun) -> Certificate:
        """What one run of each side shows: red as in production, green with the fix, through the function that threw."""
        same, why = judge_red(red, self.reading)
        found = replace(found, runs=1, log=_log(red, green), red_on_base=bool(red.ids("failed")) and not red.problem, same_fingerprint=same)
        why = why or judge_green(red, green) or judge_reach(red, green, self.reading)
        return replace(found, reason=why) if why else replace(found, green_on_patch=True)

    def _second(
        self,
        found: Certificate,
        known: MutableMapping[str, frozenset[str]],
        suite: Plan | None,
        runs: int,
        reds: Sequence[TestRun],
        greens: Sequence[TestRun],
    ) -> Certificate:
        """What the rest shows: the suite no worse, variants of the reproduction, and every run as the first."""
        word, why, flaky = self._judge_suites(found, known, reds, greens[-1], suite) if suite else ("none", "", frozenset[str]())
        probes = slice(runs, len(greens) - bool(suite))
        why = why or judge_probes(reds[probes], greens[probes], self.reading)
        found = replace(found, suite=word)
        found = replace(found, reason=why) if why else self._agree(found, reds[:runs], greens[:runs])
        return replace(found, reason=f"{found.reason} {_named(flaky)}".strip())

    def _agree(self, found: Certificate, reds: Sequence[TestRun], greens: Sequence[TestRun]) -> Certificate:
        """Red and green again and again; each red one is the base once more, so the fix alone made the difference."""
        asked = ", ".join(sorted(disproofs.asked_variables(self.reading)))
        for number, (red, green) in enumerate(zip(reds[1:], greens[1:], strict=True), start=2):
            if why := differs(reds[0], red, number, "the base") or judge_red(red, self.reading)[1]:
                return replace(found, red_on_base=False, red_without_fix=False, reason=why, log=_log(red, green))
            if why := differs(greens[0], green, number, "the fix"):
                why = f"The fix holds only where {asked} is not set; it has to hold in production too." if asked else why
                return replace(found, green_on_patch=False, reason=why, log=_log(red, green))
            found = replace(found, red_without_fix=True, runs=number)
        return replace(found, reason=_praise(found, self.reading))

    def _plan(self, test: str = "") -> Plan:
        """The reproduction, or a variant of it, in a process and a copy of its own, without the tests that the fix brings along."""
        path = self.reading.test_path
        return Plan((path,), {path: test or self.reading.test}, without=disproofs.added_tests(self.reading))

    def _elsewhere(self, plans: Sequence[Plan]) -> list[Plan]:
        """The same runs for another user in another home, with the variables set that the fix decides by."""
        asked = disproofs.asked_variables(self.reading)
        return [
            replace(plan, env={**_ELSEWHERE, **dict.fromkeys(asked, _VALUES[number % len(_VALUES)])}) for number, plan in enumerate(plans)
        ]

    def _run(self, work: Path, plans: Sequence[Plan]) -> list[TestRun]:
        if not plans:
            return []
        plans = [plan if plan.brief else replace(plan, seconds=self.limits.seconds) for plan in plans]
        limits = self.suite_limits if any(plan.brief for plan in plans) else self.limits
        toolchain = chosen(self.tests, self.reading.test_path)
        return run_tests(self.jail, work, plans, interpreter=self.interpreter, runner=self.tests.runner, limits=limits, toolchain=toolchain)

    def _suite_plan(self) -> Plan | None:
        """How the project's own tests run; None when it has none."""
        language = disproofs.language(self.reading.test_path)
        tests = sorted(
            name
            for name in self.reading.before
            if is_test(name) and disproofs.language(name) == language and not name.endswith("conftest.py")
        )
        paths = self.tests.paths if language == "python" else tuple(tests)
        return Plan(paths, brief=True, without=disproofs.added_tests(self.reading)) if tests else None

    def _judge_suites(
        self,
        found: Certificate,
        known: MutableMapping[str, frozenset[str]],
        reds: Sequence[TestRun],
        now: TestRun,
        plan: Plan,
    ) -> tuple[str, str, frozenset[str]]:
        """`no worse` or `worse`, why, and the tests that are flaky. The base's tests are in the result unchanged: that was read beforehand."""
        expected = known.get(found.base)
        broken = reds[-1].problem if expected is None else ""
        expected = reds[-1].ids("passed") if expected is None else expected
        lost, flaky = expected - now.ids("passed"), frozenset[str]()
        if lost and not now.problem:  # chance gets a second try on both sides
            (again,), (once_more,) = _both(lambda: self._run(self.result, [plan]), lambda: self._run(self.base, [plan]))
            chancy = once_more.tests.keys() - once_more.ids("passed")
            flaky = lost & (again.ids("passed") | chancy)
            lost -= flaky
        if not (now.problem or broken):
            known[found.base], known[found.result] = expected - flaky, now.ids("passed")
        worse = lost or (now.problem and not broken)
        return ("worse", _lost(lost, now), flaky) if worse else ("no worse", "", flaky)


def _suite_run(work: Path, tests: Tests, jail: Jail, interpreter: Interpreter, limits: Limits) -> TestRun:
    plan = Plan(tests.paths, brief=True)
    return run_tests(jail, work, [plan], interpreter=interpreter, runner=tests.runner, limits=limits)[0]


def _both(one: Callable[[], list[TestRun]], two: Callable[[], list[TestRun]]) -> tuple[list[TestRun], list[TestRun]]:
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(copy_context().run, two)
        return one(), other.result()


def _attempt(path: str, test: str, failure: Failure, run: TestRun) -> Attempt:
    failed = [run.tests[name] for name in sorted(run.ids("failed"))]
    seen, matches = compare(failed, path, test, failure)
    outcome = "broken" if run.problem else "failed" if failed else "passed" if run.ids("passed") else "skipped"
    trace = next((trace for each in failed for trace in each.traces), None)
    return Attempt(path, outcome, seen, matches and not run.problem, f"{run.problem}\n{run.log}".strip()[-_LOG:], trace)


def _lost(lost: frozenset[str], after: TestRun) -> str:
    if after.problem:
        return f"The project's own tests with the fix: {after.problem}"
    more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
    return f"With the fix {min(lost)}{more} of the project's own tests no longer passes."


def _named(flaky: frozenset[str]) -> str:
    """What failed in one of two runs of the same tree, which neither proves nor loses anything."""
    more = f" and {len(flaky) - _NAMED} more" if len(flaky) > _NAMED else ""
    return f"Not counted, flaky: {', '.join(sorted(flaky)[:_NAMED])}{more}." if flaky else ""


def _praise(found: Certificate, reading: Reading) -> str:
    check = declared_check(reading.test)
    proof = (
        f"breaks the configured bound {check!r} on the base"
        if check
        else f"fails on the base with {words(reading.failure)}, as in production"
    )
    suite = "the project has no other tests" if found.suite == "none" else "the project's own tests are no worse"
    return f"The test {proof}, passes with the fix and fails again without it; {suite}; {found.runs} runs agree."


def _log(red: TestRun, green: TestRun) -> str:
    return f"--- on the base\n{red.log[-3500:]}\n--- with the fix\n{green.log[-3500:]}"
