"""What runs of the reproduction say: red as production was, green with the fix, and green for the right reason. Sentences, or nothing."""

from __future__ import annotations

from collections.abc import Sequence

from mcp_servers.fixes import disproofs
from mcp_servers.fixes.disproofs import Reading, declared_check, language
from mcp_servers.fixes.testrun import Seen, TestRun
from mcp_servers.kit.stack import ExceptionInfo, Failure, Frame, StackTrace, bare_function


def judge_red(run: TestRun, reading: Reading) -> tuple[bool, str]:
    """Whether the test failed as production did, and the sentence that says why not."""
    path, test, failure = reading.test_path, reading.test, reading.failure
    if run.problem:
        return False, f"On the base: {run.problem}"
    if not run.tests:
        return False, f"{path} holds no test that runs; name its functions test_*."
    failed = run.ids("failed")
    if not failed:
        return False, "The test does not fail on the base, so it does not reproduce the failure."
    seen, matches = compare([run.tests[name] for name in sorted(failed)], path, test, failure)
    if matches:
        return True, ""
    if check := declared_check(test):
        return False, f"The test declares the check {check!r}, but no assertion in a function of that name failed on the base."
    return False, f"The test fails with {words(seen)}, but production failed with {words(failure)}; reproduce that one."


def judge_green(red: TestRun, green: TestRun) -> str:
    if green.problem:
        return f"With the fix: {green.problem}"
    if failed := sorted(green.ids("failed")):
        return f"With the fix {failed[0]} still fails{_how(green.tests[failed[0]])}."
    if missing := sorted(red.ids("failed") - green.ids("passed")):
        return f"With the fix {missing[0]} does not run any more; a test that is skipped proves nothing."
    return ""


def judge_reach(red: TestRun, green: TestRun, reading: Reading) -> str:
    """Whether the test with the fix still goes where it failed without it: else it only found out that it is being tested, or the code is gone."""
    traces = [trace for seen in red.tests.values() for trace in seen.traces if Failure.of(trace).same_as(reading.failure)]
    passed = [(frame.file, frame.function) for trace in traces for frame in _in_app(trace) if frame.function != "<module>"]
    kept = {(file, bare_function(name)) for file, name in passed if disproofs.still_there(reading, file, name)}
    if not kept or not reading.failure.function or declared_check(reading.test):
        return ""
    if not kept & green.reached:
        return f"With the fix the test no longer calls {sorted(kept)[0][1]}, so that it passes says nothing about it."
    deepest = passed[-1]
    if disproofs.only_takes_away(reading) and deepest not in green.reached:
        return f"The fix takes the call of {deepest[1]} out instead of mending it."
    return ""


def _in_app(trace: StackTrace) -> list[Frame]:
    return [frame for each in trace.exceptions[:1] for frame in each.frames if frame.in_app]


def judge_probes(before: Sequence[TestRun], after: Sequence[TestRun], reading: Reading) -> str:
    """Whether other inputs that fail as production did on the base still do with the fix: all of them, then it holds for one input alone."""
    if declared_check(reading.test):
        return ""
    telling = [fixed for base, fixed in zip(before, after, strict=True) if _as_production(base, reading)]
    if telling and all(_as_production(fixed, reading) for fixed in telling):
        return f"The fix holds for the test's own input alone: with another value of the same kind the program still fails with {words(reading.failure)}."
    return ""


def _as_production(run: TestRun, reading: Reading) -> bool:
    failed = [run.tests[name] for name in sorted(run.ids("failed"))]
    return not run.problem and compare(failed, reading.test_path, reading.test, reading.failure)[1]


def differs(first: TestRun, again: TestRun, number: int, where: str) -> str:
    if again.problem:
        return f"Run {number} on {where}: {again.problem}"
    names = first.tests.keys() | again.tests.keys()
    for name in sorted(names):
        one, two = _outcome(first, name), _outcome(again, name)
        if one != two:
            return f"{name} is flaky: on {where} it {one} in run 1 and {two} in run {number}, so it proves nothing."
    return ""


def compare(tests: Sequence[Seen], path: str, test: str, failure: Failure) -> tuple[Failure | None, bool]:
    """The failure that was seen, and whether it is production's; a declared check wants its own assertion instead."""
    check = declared_check(test)
    if check and any(not seen.traces or (language(path) != "python" and _is_assertion(seen.traces[0].root)) for seen in tests):
        return None, True
    first: Failure | None = None
    for trace in (trace for seen in tests for trace in seen.traces):
        seen = Failure.of(trace)
        first = first or seen
        if _asserts(trace.exceptions[-1], path, check) if check else trace.top_in_app is not None and seen.same_as(failure):
            return seen, True
    return first, False


def _is_assertion(raised: ExceptionInfo) -> bool:
    """What a broken expectation is called in Node, PHP and Go, as it is read here."""
    return "Assert" in raised.type or raised.type.endswith("ExpectationFailedException")


def _asserts(raised: ExceptionInfo, path: str, check: str) -> bool:
    return raised.type == "AssertionError" and any(frame.file == path and frame.function == check for frame in raised.frames)


def words(failure: Failure | None) -> str:
    if failure is None or not failure.exception:
        return "no exception"
    return f"{failure.exception} in {failure.function}" if failure.function else failure.exception


def _outcome(run: TestRun, name: str) -> str:
    return run.tests[name].outcome if name in run.tests else "was missing"


def _how(seen: Seen) -> str:
    return f" with {words(Failure.of(seen.traces[0]))}" if seen.traces else ""
