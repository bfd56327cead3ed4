"""Tests that show a production failure again, written from its evidence. Several are written; a sandbox says which one is true."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from kintsugi.reasoners import CandidateTest
from kintsugi.reasoners.changes import Plan
from kintsugi.reasoners.matching import Facts
from kintsugi.reasoners.places import Sources, is_test
from mcp_servers.kit.lazy import LazyTable

MOST = 12


@dataclass(frozen=True, slots=True)
class Sketch:
    """The parts of a test that a strategy knows: what it imports, helpers, the lines of its body, and whether it checks a bound."""

    body: tuple[str, ...]
    imports: tuple[str, ...] = ()
    helpers: str = ""
    roots: tuple[str, ...] = ()
    name: str = "still_works"
    check: bool = False


STRATEGIES = LazyTable(
    "reproduction strategy",
    {
        "call_function": "kintsugi.reasoners.reproductions.calls:call_function",
        "replay_request": "kintsugi.reasoners.reproductions.replay:replay_request",
        "burst": "kintsugi.reasoners.reproductions.replay:burst",
        "faulty_collaborator": "kintsugi.reasoners.reproductions.collaborator:faulty_collaborator",
        "bounded_resource": "kintsugi.reasoners.reproductions.resource:bounded_resource",
        "config_bound": "kintsugi.reasoners.reproductions.bound:config_bound",
    },
)


def candidates(names: Sequence[str], facts: Facts, plan: Plan) -> tuple[CandidateTest, ...]:
    """The tests of the named strategies, best first, each once, at most twelve."""
    path = test_path(facts, plan)
    found: dict[str, CandidateTest] = {}
    for name in names:
        for sketch in STRATEGIES[name](facts, plan):
            content = render(sketch, facts, plan, path)
            found.setdefault(content, CandidateTest(path, content, name))
    return tuple(found.values())[:MOST]


def test_path(facts: Facts, plan: Plan) -> str:
    """Beside the project's own tests: the tests folder that shares most of its path with the changed file."""
    folders = {"/".join(parts[: parts.index(name) + 1]) for path in facts.sources.python if is_test(path)
               for parts in [PurePosixPath(path).parts] for name in ("tests", "test") if name in parts[:-1]}  # fmt: skip
    ours = PurePosixPath(plan.file).parts

    def shared(folder: str) -> int:
        return sum(1 for a, b in zip(PurePosixPath(folder).parts, ours, strict=False) if a == b)

    folder = max(sorted(folders, key=len), key=shared, default="tests")
    return f"{folder}/test_reproduces_{_coarse(facts)}.py"


def _coarse(facts: Facts) -> str:
    fingerprint: Mapping[str, Any] = facts.evidence.get("fingerprint") or {}
    coarse = re.sub(r"[^0-9a-f]", "", str(fingerprint.get("coarse", "")).lower())
    return coarse[:8] or hashlib.sha256("\n".join(facts.texts).encode()).hexdigest()[:8]


def render(sketch: Sketch, facts: Facts, plan: Plan, path: str) -> str:
    """The text of a test module. Production text stands in it only as quoted data or as a sentence of harmless characters."""
    name = re.sub(r"\W+", "_", f"test_{sketch.name}").strip("_").lower()
    standard, ours = _sorted_imports(
        (*sketch.imports, *(("import sys", "from pathlib import Path") if _needs_path(facts.sources, path) else ()))
    )
    parts = [
        f'"""Written from a production error: {_harmless(facts.short_exception or str(facts.evidence.get("kind", "error")))}."""\n',
        "from __future__ import annotations\n",
        *(["\n".join(standard) + "\n"] if standard else []),
        *([_path_lines(sketch.roots, path)] if _needs_path(facts.sources, path) else []),
        *(["\n".join(ours) + "\n"] if ours else []),
        *([f'KINTSUGI_CHECK = "{name}"\n'] if sketch.check else []),
        *([f"\n{sketch.helpers.strip()}\n"] if sketch.helpers else []),
        f'\ndef {name}() -> None:\n    """{_story(facts, plan)}"""\n' + "\n".join(f"    {line}" if line else "" for line in sketch.body),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _story(facts: Facts, plan: Plan) -> str:
    seen = str(facts.evidence.get("first_seen") or facts.evidence.get("onset") or "an unknown time")
    error = ": ".join(part for part in (facts.exception, facts.message or str(facts.evidence.get("title", ""))) if part)
    suspect: Mapping[str, Any] = facts.suspects[0] if facts.suspects else {}
    commit = f"commit {str(suspect.get('commit', ''))[:12]} ({suspect.get('subject', '')})" if suspect else "none"
    return f"Seen in production at {_harmless(seen)}.\n\n    Error: {_harmless(error)}\n    Suspect: {_harmless(commit)}\n    "


def _harmless(text: str) -> str:
    return re.sub(r"[^ !#-\[\]-~]", "'", text.replace("\n", " "))[:100]


_STANDARD = {"asyncio", "configparser", "contextlib", "importlib.util", "json", "logging", "os", "pathlib", "pytest", "re", "resource", "sys", "tomllib", "types", "unittest", "urllib.parse", "urllib.error", "urllib.request", "email.message", "socket", "datetime", "decimal", "io", "yaml", "collections.abc"}  # fmt: skip


def _sorted_imports(imports: Sequence[str]) -> tuple[list[str], list[str]]:
    unique = sorted(set(imports), key=lambda line: (line.startswith("from"), line))
    standard = [line for line in unique if line.split()[1] in _STANDARD]
    return [line for line in standard if "pytest" not in line and "yaml" not in line], [
        *(line for line in standard if "pytest" in line or "yaml" in line),
        *(line for line in unique if line not in standard),
    ]


def _needs_path(sources: Sources, path: str) -> bool:
    """Whether a test in this folder must put the project's root on the import path itself."""
    if "conftest.py" in sources.files or f"{PurePosixPath(path).parent}/__init__.py" in sources.files:
        return False
    files = [each for each in ("pyproject.toml", "pytest.ini", "setup.cfg", "tox.ini") if each in sources.files]
    return not any(re.search(r"^\s*pythonpath\s*=", sources.tree.read(each), re.MULTILINE) for each in files)


def _path_lines(roots: Sequence[str], path: str) -> str:
    up = f"Path(__file__).resolve().parents[{len(PurePosixPath(path).parts) - 1}]"
    wanted = list(dict.fromkeys(["", *roots]))
    return "".join(f"sys.path.insert(0, str({up}{''.join(f' / {part!r}' for part in PurePosixPath(root).parts)}))\n" for root in wanted)
