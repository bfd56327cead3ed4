"""Which commit broke it: blame of the lines in the trace first, then their functions, then their files, then age. Three, not one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mcp_servers.fixes.model import Suspect
from mcp_servers.fixes.settings import line_of
from mcp_servers.kit import syntax
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import Commit, Repository
from mcp_servers.kit.stack import StackTrace, bare_function, resolve_path

SHOWN = 3
_FRAMES = 6
_FILE_COMMITS = 20
_WINDOW = 12
_LINE, _FUNCTION, _FILE, _KEY = 8.0, 3.0, 1.0, 8.0
_RELEASE = 4.0


@dataclass(frozen=True, slots=True)
class Touch:
    """How a commit met the failure: `weight` says how near, `depth` counts frames from the throw."""

    commit: str
    weight: float
    depth: int
    reason: str
    file: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Range:
    """The commits that came with the first failing release, when the tags tell; `upper` is that release's own commit."""

    release: str = ""
    commits: frozenset[str] = frozenset()
    upper: str = ""


def find(
    repository: Repository,
    ref: str,
    trace: StackTrace | None,
    *,
    onset: datetime | None = None,
    releases: Iterable[str] = (),
    keys: Mapping[str, str] | None = None,
) -> list[Suspect]:
    """At most three commits that may have caused the failure, best first; empty when nothing in the trace or the keys leads to one.

    `releases` are those seen failing; `keys` maps a configuration file to the dotted key that is suspected.
    """
    narrowed = released(repository, releases)
    at = narrowed.upper or repository.head(ref)
    touches = [*_of_trace(repository, at, trace, onset), *_of_keys(repository, at, keys or {})]
    commits = repository.commits(sorted({touch.commit for touch in touches}))
    return rank(touches, commits, onset=onset, narrowed=narrowed)


def rank(
    touches: Sequence[Touch], commits: Mapping[str, Commit], *, onset: datetime | None = None, narrowed: Range | None = None
) -> list[Suspect]:
    """The suspects among these commits. One made after the onset cannot be the cause; one of the first failing release weighs more."""
    narrowed = narrowed or Range()
    met: dict[str, list[Touch]] = {}
    for touch in touches:
        if touch.commit in commits and not _after(commits[touch.commit], onset):
            met.setdefault(touch.commit, []).append(touch)
    suspects = [_suspect(commits[id], near, narrowed) for id, near in met.items()]
    return sorted(suspects, key=lambda suspect: (-suspect.score, _descending(suspect.at), suspect.commit))[:SHOWN]


def released(repository: Repository, releases: Iterable[str]) -> Range:
    """The commits between the tag before the first failing release and that release; empty when no tag (or commit id) bears its name."""
    releases = list(releases)
    tags = repository.tags()
    order = list(tags)
    known = sorted({order.index(tag) for name in releases for tag in (name, f"v{name}") if tag in tags})
    if not known:
        commits = (repository.resolve(name) for name in releases if re.fullmatch(r"[0-9a-f]{7,40}", name))
        return Range(upper=next(filter(None, commits), ""))
    first = order[known[0]]
    before = next((tags[tag] for tag in reversed(order[: known[0]]) if repository.contains(tags[first], tags[tag])), "")
    between = repository.log(tags[first], limit=500, exclude=before) if before else []
    return Range(first, frozenset(commit.id for commit in between), tags[first])


def _suspect(commit: Commit, touches: Sequence[Touch], narrowed: Range) -> Suspect:
    best = max(touches, key=lambda touch: (_points(touch), -touch.line))
    distinct = {touch.reason: touch for touch in sorted(touches, key=_points, reverse=True)}
    score = _points(best) + 0.1 * sum(_points(touch) for touch in distinct.values() if touch is not best)
    reasons = [touch.reason for touch in distinct.values()][:3]
    if commit.id in narrowed.commits:
        score += _RELEASE
        reasons.append(f"came with {narrowed.release}, the first release seen failing")
    return Suspect(commit.id, commit.author, commit.at, commit.subject, round(score, 2), tuple(reasons), best.file, best.line)


def _points(touch: Touch) -> float:
    return touch.weight / (1 + 0.5 * touch.depth)


def _after(commit: Commit, onset: datetime | None) -> bool:
    return onset is not None and datetime.fromisoformat(commit.at) > onset


def _descending(at: str) -> float:
    return -datetime.fromisoformat(at).timestamp()


def _of_trace(repository: Repository, at: str, trace: StackTrace | None, onset: datetime | None) -> list[Touch]:
    if trace is None:
        return []
    files = repository.files(at)
    frames = [frame for exception in trace.exceptions for frame in reversed(exception.frames) if frame.in_app][:_FRAMES]
    touches: list[Touch] = []
    for depth, frame in enumerate(frames):
        file = resolve_path(frame.file, files)
        if file is not None:
            touches += _of_place(repository, at, file, frame.line, frame.function, depth)
            touches += _of_file(repository, at, file, depth, onset)
    return touches


def _of_place(repository: Repository, at: str, file: str, line: int, function: str, depth: int) -> list[Touch]:
    first, last = _function_lines(repository.text(at, file), file, line, bare_function(function))
    if not last:
        return []
    blamed = repository.blame(at, file, first, last)
    touches = [
        Touch(commit, _FUNCTION, depth, f"changed the function {function} in {file}", file, number) for number, commit in blamed.items()
    ]
    if line in blamed:
        touches.append(Touch(blamed[line], _LINE, depth, f"last changed the failing line {file}:{line}", file, line))
    return touches


def _of_file(repository: Repository, at: str, file: str, depth: int, onset: datetime | None) -> list[Touch]:
    recent = repository.log(at, file, limit=_FILE_COMMITS, before=onset)
    return [Touch(commit.id, _FILE / (1 + 0.1 * age), depth, f"changed {file}", file) for age, commit in enumerate(recent)]


def _of_keys(repository: Repository, at: str, keys: Mapping[str, str]) -> list[Touch]:
    touches: list[Touch] = []
    for path, key in keys.items():
        try:
            line = line_of(path, repository.text(at, path), key)
        except Refusal:
            continue
        blamed = repository.blame(at, path, line) if line else {}
        touches += [Touch(commit, _KEY, 0, f"last set {key} in {path}", path, number) for number, commit in blamed.items()]
    return touches


def _function_lines(text: str, file: str, line: int, function: str) -> tuple[int, int]:
    """The lines of the innermost function around `line` (0: of the one named `function`): parsed for Python, a window elsewhere."""
    total = text.count("\n") + 1
    window = (max(1, line - _WINDOW), min(total, line + _WINDOW)) if line else (0, 0)
    try:
        tree = syntax.parse(text) if file.endswith(".py") else ast.Module([], [])
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return window
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    spans = [(node.lineno, node.end_lineno or node.lineno, node.name) for node in functions]
    around = [(first, last) for first, last, name in spans if (first <= line <= last if line else name == function)]
    return max(around) if around else window
