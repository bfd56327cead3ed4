"""How incidents failed: the tests that a fix brought, run in the sandbox before it and after it. The failure of one that only then passes is the incident's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from kintsugi.backtest.model import Failure
from kintsugi.backtest.scene import Scene
from mcp_servers.fixes.jail import Jail, Limits
from mcp_servers.fixes.testrun import Interpreter, Plan, TestRun, run_tests
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.project import Tests

_MOST_TESTS = 4


@dataclass(frozen=True, slots=True)
class Bench:
    """Where tests of the past run: a jail over copies of old trees, with the project's interpreter of today."""

    jail: Jail
    tests: Tests
    interpreter: Interpreter
    limits: Limits

    @classmethod
    def open(cls, jail: Jail, tests: Tests, root: Path) -> Bench:
        return cls(jail, tests, Interpreter.find(tests, root), Limits(seconds=60.0))

    def failure(self, scene: Scene) -> tuple[Failure | None, str]:
        """How the incident failed, or why no test shows it, as a phrase."""
        tests = [path for path in scene.incident.tests if path.endswith(".py") and not path.endswith("conftest.py")][:_MOST_TESTS]
        if not tests:
            return None, "the fix brought no Python test"
        fixed = scene.incident.commit.id
        content = {path: scene.repository.text(fixed, path) for path in scene.incident.tests if path.endswith(".py")}
        before, after = (self._run(scene, commit, tests, content) for commit in (scene.base, fixed))
        if before.problem or after.problem:
            return None, f"its tests did not run here: {before.problem or after.problem}"
        shown = sorted(before.ids("failed") & after.ids("passed"))
        trace = next((trace for name in shown for trace in before.tests[name].traces[:1]), None)
        if trace is None:
            return None, "none of its tests fails before it and passes after it"
        return Failure("test", trace, shown[0]), ""

    def _run(self, scene: Scene, commit: str, tests: list[str], content: dict[str, str]) -> TestRun:
        with TemporaryDirectory(prefix="kintsugi-past-") as folder:
            work = Path(folder)
            try:
                scene.repository.export(commit, work)
            except Refusal as refusal:
                return TestRun({}, str(refusal), "")
            plan = Plan(tuple(tests), write=content)
            return run_tests(self.jail, work, [plan], interpreter=self.interpreter, runner=self.tests.runner, limits=self.limits)[0]
