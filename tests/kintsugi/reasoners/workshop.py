"""Small projects that really fail: run them, turn the failure into evidence, and try candidate tests in a real pytest."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kintsugi.reasoners import CandidateTest, Diagnosis, Draft
from kintsugi.reasoners.recipes import Recipes
from mcp_servers.fixes.settings import set_value
from mcp_servers.kit.stack import Failure, StackTrace

_WALK = """
def walk(error, inside):
    import traceback
    chain = []
    while error is not None:
        frames = [{"file": f.filename, "line": f.lineno, "function": f.name, "code": f.line or "", "in_app": inside(f.filename)}
                  for f in traceback.extract_tb(error.__traceback__)]
        kind = type(error)
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        chain.insert(0, {"type": name, "message": str(error), "frames": frames})
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return {"language": "python", "exceptions": chain}
"""

_PRODUCTION = (
    _WALK
    + """
import json, sys, logging
from pathlib import Path
sys.path[:0] = json.loads(sys.argv[2])
logged = []
factory = logging.getLogRecordFactory()
def remember(*a, **k):
    record = factory(*a, **k)
    if record.exc_info and record.exc_info[1]: logged.append(record.exc_info[1])
    return record
logging.setLogRecordFactory(remember)
root = str(Path.cwd())
try:
    exec(compile(sys.argv[1], "<driver>", "exec"), {})
except BaseException as error:
    logged.append(error)
print("EVIDENCE" + json.dumps(walk(logged[0], lambda f: f.startswith(root)) if logged else None))
"""
)

_PYTEST = (
    _WALK
    + """
import json, os, sys, pytest
path = sys.argv[1]
class Watch:
    traces = []
    def pytest_exception_interact(self, node, call, report):
        here = os.path.abspath(path)
        self.traces.append(walk(call.excinfo.value, lambda f: f.startswith(os.getcwd()) and os.path.abspath(f) != here))
watch = Watch()
code = pytest.main([path, "-q", "-p", "no:cacheprovider", "-W", "error"], plugins=[watch])
print()
print("EVIDENCE" + json.dumps({"code": int(code), "traces": watch.traces}))
"""
)


class FolderTree:
    """A tree port over a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def files(self) -> Sequence[str]:
        return sorted(p.relative_to(self.root).as_posix() for p in self.root.rglob("*") if p.is_file() and "__pycache__" not in p.parts)

    def read(self, path: str) -> str:
        return (self.root / path).read_text("utf-8")


@dataclass(frozen=True)
class Shop:
    """One synthetic project: its files, how production fails, and what the evidence says beside the trace."""

    files: Mapping[str, str]
    trigger: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict[str, Any])
    suspects: tuple[Mapping[str, Any], ...] = ()
    paths: tuple[str, ...] = (".",)

    def build(self, root: Path) -> Path:
        for path, text in self.files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(textwrap.dedent(text).lstrip("\n"), "utf-8")
        return root

    def case(self, root: Path) -> dict[str, Any]:
        trace = (
            _run(root, _PRODUCTION, textwrap.dedent(self.trigger), json.dumps([str(root / p) for p in self.paths]))
            if self.trigger
            else None
        )
        text = json.dumps(trace).replace(str(root), "/srv/release")
        base = {"fingerprint": {"version": 1, "coarse": "ab12cd34ef567890"}, "first_seen": "2026-03-01T10:00:00Z"}
        return {"id": "case_1", "evidence": {**base, **({"trace": json.loads(text)} if trace else {}), **self.evidence}}


def _run(root: Path, script: str, *arguments: str) -> Any:
    env = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": os.environ["PATH"], "HOME": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, *arguments], cwd=root, capture_output=True, text=True, env=env, timeout=60, check=False
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("EVIDENCE")]
    assert lines, done.stdout + done.stderr
    return json.loads(lines[-1].removeprefix("EVIDENCE"))


def judge(shop: Shop, root: Path) -> tuple[dict[str, Any], Diagnosis, Sequence[Draft]]:
    case, tree, reasoner = shop.case(root), FolderTree(root), Recipes()

    async def both() -> tuple[Diagnosis, Sequence[Draft]]:
        diagnosis = await reasoner.diagnose(case, tree, shop.suspects)
        return diagnosis, await reasoner.propose(case, diagnosis, tree, shop.suspects)

    return case, *asyncio.run(both())


def attempt(root: Path, test: CandidateTest) -> dict[str, Any]:
    (root / test.path).parent.mkdir(parents=True, exist_ok=True)
    (root / test.path).write_text(test.content, "utf-8")
    return json.loads(json.dumps(_run(root, _PYTEST, test.path)).replace(f"{root}/", ""))


def shows(outcome: Mapping[str, Any], case: Mapping[str, Any], test: CandidateTest) -> bool:
    """Whether a red test shows the production failure, or fails the check it declares."""
    if outcome["code"] != 1 or not outcome["traces"]:
        return False
    seen = StackTrace.from_json(outcome["traces"][0])
    if "KINTSUGI_CHECK" in test.content:
        return seen.root.type == "AssertionError"
    return "trace" in case["evidence"] and Failure.of(StackTrace.from_json(case["evidence"]["trace"])).same_as(Failure.of(seen))


def apply(root: Path, draft: Draft) -> None:
    for edit in draft.edits:
        path = root / str(edit["path"])
        text = path.read_text("utf-8") if path.exists() else ""
        if edit["kind"] == "replace":
            assert text.count(edit["search"]) == 1, edit
            path.write_text(text.replace(edit["search"], edit["replace"]), "utf-8")
        else:
            path.write_text(set_value(str(edit["path"]), text, edit["key"], edit["value"]), "utf-8")
