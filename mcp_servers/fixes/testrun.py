"""Test runs as values: which interpreter runs them, what a run is to do, and what was seen of it."""

from __future__ import annotations

import configparser
import json
import math
import re
import secrets
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from mcp_servers.fixes.jail import MIB, Jail, Limits, Outcome
from mcp_servers.fixes.toolchains import Outcomes, Toolchain
from mcp_servers.fixes.toolchains.witnesses import Staged, Witness
from mcp_servers.kit.errors import Misconfigured
from mcp_servers.kit.project import Tests
from mcp_servers.kit.stack import StackTrace

RUNNER = Path(__file__).with_name("runner")
PARALLEL = 2
_TEXT = 16 * 1024
_CONTROL_BLOCK = re.compile(r"^_+ test_control _+\n.*?(?=^_{5,} |^={5,} )", re.M | re.S)
_NO_FAILURES = re.compile(r"^=+ FAILURES =+\n(?==)", re.M)
_NO_SUMMARY = re.compile(r"^=+ short test summary info =+\n(?![A-Z])", re.M)
_FAILED_COUNT = re.compile(r"\b(\d+) failed(, )?(?=.* in [\d.]+s)")
_CONTROL = "def test_control():\n    raise RuntimeError('control')\n"
_FORGED = "A test of ours that has to fail did not, so the report of the tests is not believed."
_UNHELD = "Two tests of ours that run last were not told as one failure and one pass, so the report is not believed; tests and program must not end the process."
_STARTUP = 10.0  # seconds for the jail and the interpreter themselves, on top of what the tests may take
_PARTS = ("bin", "lib", "lib64", "pyvenv.cfg")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python and the paths it needs to start: its environment and the installation below it, nothing of the project around it."""

    python: Path
    readable: tuple[Path, ...]

    @classmethod
    def find(cls, tests: Tests, root: Path | None = None) -> Interpreter:
        """The configured one, else the project's `.venv`, else our own; raises `Misconfigured` when the configured one is missing."""
        python = _chosen(tests, root)
        if not python.exists():
            raise Misconfigured(f"The interpreter {python} of [tests] in kintsugi.toml does not exist; correct `python` there.")
        homes = [folder for link in _links(python) for folder in (link.parent.parent, *_below(link.parent.parent))]
        parts = [home / part for home in dict.fromkeys(homes) for part in _PARTS]
        return cls(python, tuple(part for part in parts if part.exists() and home_like(part)))


def home_like(part: Path) -> bool:
    """True for a part of a Python installation, false for a `bin` or `lib` that only happens to lie there."""
    home = part.parent
    return (home / "pyvenv.cfg").exists() or any((home / "lib").glob("python3*"))


def _chosen(tests: Tests, root: Path | None) -> Path:
    if tests.python:
        return (root or Path()) / tests.python
    own = root / ".venv" / "bin" / "python" if root else None
    return own if own and own.exists() else Path(sys.executable)


def _links(python: Path) -> list[Path]:
    links = [python.absolute()]
    while links[-1].is_symlink() and len(links) < 10:
        links.append(links[-1].parent / links[-1].readlink())
    return [*links, python.resolve()]


def _below(environment: Path) -> list[Path]:
    """The installation that a virtual environment was made from, as written and as it really lies."""
    try:
        text = (environment / "pyvenv.cfg").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    settings = configparser.ConfigParser(interpolation=None, strict=False)
    settings.read_string(f"[environment]\n{text}")
    home = settings.get("environment", "home", fallback="")
    return [Path(home).parent, Path(home).resolve().parent] if home else []


@dataclass(frozen=True, slots=True)
class Plan:
    """One process: files to put into the copy and to take out of it, variables of its environment, and what to run there.

    A brief plan tells outcomes only, not how tests failed. `reach` is a function's name: what is called until that one is called is told too.
    `seconds` is its own deadline, where it is shorter than the jail's.
    """

    paths: tuple[str, ...]
    write: Mapping[str, str] = field(default_factory=dict[str, str])
    brief: bool = False
    without: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    reach: str = ""
    seconds: float = math.inf
    command: tuple[str, ...] = ()

    def job(self) -> dict[str, Any]:
        return {**asdict(self), "write": dict(self.write), "env": dict(self.env)}

    def within(self, limits: Limits) -> Limits:
        return replace(limits, seconds=min(self.seconds, limits.seconds))


@dataclass(frozen=True, slots=True)
class Control:
    """A test of ours that has to fail: it runs behind the others, under a name that nobody knew, and a report that lets it pass is forged."""

    path: str

    @classmethod
    def beside(cls, path: str) -> Control:
        return cls(str(PurePosixPath(path).with_name(f"test_{secrets.token_hex(8)}.py")))

    def added(self, plan: Plan) -> Plan:
        return replace(plan, paths=(*plan.paths, self.path), write={**plan.write, self.path: _CONTROL})

    def checked(self, run: TestRun) -> TestRun:
        """The run without the control; with a problem when the control did not fail."""
        mine = {name: seen for name, seen in run.tests.items() if name.startswith(self.path)}
        rest = {name: seen for name, seen in run.tests.items() if name not in mine}
        forged = not run.problem and (not mine or any(seen.outcome != "failed" for seen in mine.values()))
        return replace(run, tests=rest, problem=_FORGED if forged else run.problem, log=run.log if forged else self._untold(run.log))

    def _untold(self, log: str) -> str:
        """The log without the control, which was to fail: people would take it for theirs."""
        log = _CONTROL_BLOCK.sub("", log)
        log = re.sub(rf"^FAILED .*{re.escape(PurePosixPath(self.path).name)}.*\n?", "", log, flags=re.M)
        log = _NO_SUMMARY.sub("", _NO_FAILURES.sub("", log))
        log = re.sub(r"^(\S*)F(\s+\[100%\])", r"\1 \2", log, count=1, flags=re.M)
        return _FAILED_COUNT.sub(lambda found: f"{int(found[1]) - 1} failed{found[2] or ''}" if found[1] != "1" else "", log, count=1)


@dataclass(frozen=True, slots=True)
class Seen:
    """One test. `traces` holds the exception that failed it, then those that the program logged meanwhile."""

    outcome: str
    traces: tuple[StackTrace, ...] = ()


@dataclass(frozen=True, slots=True)
class TestRun:
    """What one process reported. `problem` is a sentence when its report cannot be believed or is missing, else empty."""

    __test__ = False

    tests: Mapping[str, Seen]
    problem: str
    log: str
    reached: frozenset[tuple[str, str]] = frozenset()

    def ids(self, outcome: str) -> frozenset[str]:
        return frozenset(name for name, seen in self.tests.items() if seen.outcome == outcome)


def run_tests(
    jail: Jail,
    work: Path,
    plans: Sequence[Plan],
    *,
    interpreter: Interpreter,
    runner: str,
    limits: Limits,
    toolchain: Toolchain | None = None,
) -> list[TestRun]:
    """Runs every plan in its own process, all in one jail over one copy of `work`; returns what each reported, in order."""
    controls = [None if plan.brief or toolchain else Control.beside(plan.paths[0]) for plan in plans]
    staged = [_staged(work, plan, toolchain) if toolchain else Staged(plan.paths) for plan in plans]
    plans = [
        control.added(plan) if control else _commanded(plan, beside, toolchain) if toolchain else plan
        for plan, control, beside in zip(plans, controls, staged, strict=True)
    ]
    nonce = secrets.token_hex(32)
    rounds = -(-len(plans) // PARALLEL)
    runs = [{**plan.job(), "seconds": plan.within(limits).seconds} for plan in plans]
    job = {"runner": runner, "parallel": PARALLEL, "runs": runs}
    data = json.dumps(job).encode("ascii")
    outcome = jail.run(
        [str(interpreter.python), "-I", "-B", str(RUNNER)],
        work=work,
        readable=(*interpreter.readable, RUNNER, *(toolchain.readable() if toolchain else ())),
        env={},
        limits=_outer(limits, rounds),
        stdin=b"%012d" % len(data) + data + nonce.encode("ascii"),
    )
    reports = _reports(outcome.output, nonce, len(plans))
    if reports is None:
        return [TestRun({}, _silence(outcome, limits), outcome.output[-2000:]) for _ in plans]
    if toolchain:
        return [
            _printed(report, plan, beside, toolchain, plan.within(limits))
            for report, plan, beside in zip(reports, plans, staged, strict=True)
        ]
    told = [_run(report, plan.within(limits)) for report, plan in zip(reports, plans, strict=True)]
    return [control.checked(run) if control else run for run, control in zip(told, controls, strict=True)]


def _staged(work: Path, plan: Plan, toolchain: Toolchain) -> Staged:
    def text(path: str) -> str:
        known = plan.write.get(path)
        return (work / path).read_text("utf-8", "replace") if known is None and (work / path).is_file() else known or ""

    return toolchain.beside(plan.paths, text, plan.brief) if toolchain.beside else Staged(plan.paths)


def _commanded(plan: Plan, staged: Staged, toolchain: Toolchain) -> Plan:
    command = toolchain.all(staged.run) if plan.brief else toolchain.one(staged.run[0])
    return replace(plan, command=tuple(command), write={**plan.write, **staged.write}, env={**toolchain.env, **plan.env})


def _printed(report: Mapping[str, Any], plan: Plan, staged: Staged, toolchain: Toolchain, limits: Limits) -> TestRun:
    """What a command's report says; it passed nothing when it left with an error and yet names no failed test."""
    text, ran, code = str(report["log"]), plan.paths[0] if plan.paths else ".", int(report["code"])
    if report["timed_out"]:
        return TestRun({}, f"The tests did not finish within {limits.seconds:g} s.", text[-_TEXT:])
    if code in {126, 127} or code < 0:
        return TestRun({}, f"{toolchain.name} did not run (exit {code}); {_last_line(text)}", text[-_TEXT:])
    read = toolchain.read(str(report["report"]) if "{report}" in " ".join(plan.command) else text, code, ran)
    told = {staged.named(name): each for name, each in read.items()}
    if plan.brief:
        told = _vouched(told, staged.witnesses)
    elif not _believed(told, staged.witnesses, toolchain, code):
        return TestRun({}, _UNHELD, text[-_TEXT:])
    seen = {name: each for name, each in told.items() if not any(witness.mine(name) for witness in staged.witnesses)}
    tests = {
        f"{ran}::{name}" if name != ran and not plan.brief else name: Seen(outcome, (trace,) if trace else ())
        for name, (outcome, trace) in seen.items()
    }
    if code and not staged.witnesses and not any(each.outcome == "failed" for each in tests.values()):
        return TestRun({}, f"{toolchain.name} failed without naming a test (exit {code}); {_last_line(text)}", text[-_TEXT:])
    return TestRun(tests, "", text[-_TEXT:])


def _believed(told: Outcomes, witnesses: Sequence[Witness], toolchain: Toolchain, code: int) -> bool:
    """Whether all that passed really ran: the witnesses hold, and the run left with an error, as one of them fails. A failure needs none."""
    failed = any(each[0] == "failed" for name, each in told.items() if not any(witness.mine(name) for witness in witnesses))
    return failed or all(code != 0 and witness.held(told, last=not toolchain.parallel) for witness in witnesses)


def _vouched(told: Outcomes, witnesses: Sequence[Witness]) -> dict[str, tuple[str, StackTrace | None]]:
    """With one more test for each witness, named as what it stands beside: it fails where the witness does not hold."""
    lost = {witness.of: ("failed", None) for witness in witnesses if not witness.held(told, last=False)}
    return {**{witness.of: ("passed", None) for witness in witnesses}, **told, **lost}


def _outer(limits: Limits, rounds: int) -> Limits:
    return replace(limits, seconds=limits.seconds * rounds + _STARTUP, output=max(limits.output, 16 * MIB))


def _reports(output: str, nonce: str, count: int) -> list[dict[str, Any]] | None:
    """The one line that carries the nonce; two of them, or one of another shape, are as good as none."""
    lines = [line.removeprefix(nonce) for line in output.splitlines() if line.startswith(nonce)]
    if len(lines) != 1:
        return None
    try:
        reports = json.loads(lines[0])
    except ValueError:
        return None
    return reports if isinstance(reports, list) and len(reports) == count else None  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def _silence(outcome: Outcome, limits: Limits) -> str:
    if outcome.timed_out:
        return f"The sandbox did not finish within {limits.seconds:g} s and was ended."
    if outcome.code == -signal.SIGKILL:
        return f"The sandbox was ended: together its processes needed more than {limits.memory // MIB} MiB."
    return f"The sandbox ended without a report (exit {outcome.code}); {_last_line(outcome.output)}"


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return f"its last words: {lines[-1][:200]}" if lines else "it said nothing."


def _run(report: Mapping[str, Any], limits: Limits) -> TestRun:
    try:
        tests = {str(name): _seen(seen) for name, seen in report["tests"].items()}
        reached = frozenset((str(file), str(function)) for file, function in report["reached"])
    except (KeyError, TypeError, AttributeError, ValueError):
        return TestRun({}, "The report of the tests has a shape that our runner never writes, so it is not believed.", "")
    return TestRun(tests, _problem(report, limits), str(report["log"]), reached)


def _seen(value: Mapping[str, Any]) -> Seen:
    traces = [value["trace"]] if "trace" in value else []
    return Seen(str(value["outcome"]), tuple(StackTrace.from_json(trace) for trace in [*traces, *value.get("logged", [])]))


def _problem(report: Mapping[str, Any], limits: Limits) -> str:
    if report["tampered"]:
        return "Something other than our runner wrote into the report of the tests, so it is not believed."
    if report["timed_out"]:
        return f"The tests did not finish within {limits.seconds:g} s."
    if not report["ended"] or report["code"] != 0:
        return f"The process ended before its tests were over (exit {report['code']})."
    return ""
