"""Which commit broke it: blame of the lines in the trace first, then who changed their functions, then their files, then age. Three, not one.

A commit of the first failing release comes before every older one: what failed first there came with it. Commits that changed only form are
looked through, moves and renames are followed, and what came after the onset is out.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mcp_servers.fixes.model import Suspect
from mcp_servers.fixes.places import Place
from mcp_servers.fixes.places import rank as ranking
from mcp_servers.fixes.policy import is_test
from mcp_servers.fixes.settings import line_of
from mcp_servers.fixes.suspects.configured import MOST_FILES, changed_keys, is_setting, words_of
from mcp_servers.fixes.suspects.history import History
from mcp_servers.kit import syntax
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import Commit, Repository
from mcp_servers.kit.stack import Frame, StackTrace, bare_function, resolve_path

SHOWN = 3
_FRAMES = 6
_MOVES = 8
_WINDOW = 12
_LINE, _BESIDE, _FUNCTION, _FILE, _KEY, _SETTING = 8.0, 6.0, 4.0, 1.0, 8.0, 4.4
_RELEASE = 16.0
_FEW_VALUES = 3


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

    `releases` are those seen failing; `keys` maps a configuration file to the dotted key that is suspected. A trace that ends in a failing check
    is asked about what that check calls (see `places`).
    """
    narrowed = released(repository, releases)
    at = narrowed.upper or repository.head(ref)
    touches = [*_of_trace(repository, at, trace, onset), *_of_keys(repository, at, keys or {})]
    commits = repository.commits(sorted({touch.commit for touch in touches}))
    return rank(touches, commits, onset=onset, narrowed=narrowed)


def places(repository: Repository, at: str, trace: StackTrace) -> list[Place]:
    """The functions at a commit that most likely hold the mistake, best first."""
    blobs = {entry.path: entry.id for entry in repository.entries(at)}

    def read(path: str) -> str:
        return repository.blobs([blobs[path]])[blobs[path]].decode("utf-8", "backslashreplace")

    return ranking(tuple(blobs), read, trace)


def acquitted(repository: Repository, releases: Iterable[str], found: Sequence[Suspect]) -> str:
    """The sentence for a deploy that nothing speaks against: its commits are known, and none of the suspects is among them; else empty."""
    narrowed = released(repository, releases)
    if not narrowed.commits or any(one.commit in narrowed.commits for one in found):
        return ""
    older = " Those named are older." if found else ""
    return (
        f"No suspect in this deploy: none of the {len(narrowed.commits)} commits of {narrowed.release} touched a line, function, file or setting "
        f"of this failure.{older}"
    )


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
    placed = _placed(repository, at, files, trace)
    if not placed:
        return []
    configured = [file for file in files if is_setting(file)][:MOST_FILES]
    history = History(repository, at, [*dict.fromkeys([file for file, _ in placed]), *configured], onset)
    touches: list[Touch] = []
    on: set[str] = set()
    near: set[str] = set()
    far: set[str] = set()
    for depth, (file, frame) in enumerate(placed):
        text = repository.text(at, file)
        first, last = _function_lines(text, file, frame.line, bare_function(frame.function))
        near |= words_of("\n".join(text.split("\n")[max(first - 1, 0) : last]))
        far |= words_of(text)
        on |= words_of("\n".join(text.split("\n")[frame.line - 1 : frame.line])) if depth == 0 and frame.line else set()
        touches += _of_place(history, (first, last), file, frame, depth)
        touches += _of_file(history, file, depth)
    return [*touches, *_of_settings(history, configured, on, near, far)]


def _placed(repository: Repository, at: str, files: Sequence[str], trace: StackTrace) -> list[tuple[str, Frame]]:
    """The frames of ours, the one nearest the throw first; for a failing check, which has none, what it calls."""
    frames = [frame for exception in trace.exceptions for frame in reversed(exception.frames) if frame.in_app][:_FRAMES]
    found = [(file, frame) for frame in frames if (file := resolve_path(frame.file, files)) is not None]
    ours = [(file, frame) for file, frame in found if not is_test(file)]
    if ours or not found:
        return ours
    return [(place.file, Frame(place.file, 0, place.function)) for place in places(repository, at, trace)]


def _of_place(history: History, span: tuple[int, int], file: str, frame: Frame, depth: int) -> list[Touch]:
    if not span[1]:
        return []
    line = frame.line
    blamed = history.blame(file, *span, near=depth > 0)
    reason = f"changed the function {frame.function} in {file}"
    touches = [
        Touch(commit, _FUNCTION / (1 + 0.02 * abs(number - line) * bool(line)), depth, reason, file, number)
        for number, commit in blamed.items()
    ]
    touches += _of_function(history, file, bare_function(frame.function), depth, reason)
    touches += [
        Touch(change.commit, _BESIDE, depth, f"changed what stands before the failing line {file}:{line}", file, line)
        for change in history.changes
        if line and change.file == file and history.changed_beside(change, line)
    ]
    if line in blamed:
        touches.append(Touch(blamed[line], _LINE, depth, f"last changed the failing line {file}:{line}", file, line))
    return touches


def _of_function(history: History, file: str, name: str, depth: int, reason: str, age: int = 0) -> list[Touch]:
    """Who changed the code of the function, a line that is gone included (blame sees only what is left), through moves to other files."""
    touches: list[Touch] = []
    for change in (change for change in history.changes if change.file == file):
        whole = next((one for one in history.changed_functions(change) if bare_function(one) == name), "")
        if not whole:
            continue
        former = history.origin(change, whole) if age < _MOVES else None
        if former:
            return [*touches, *_of_function(former, former.files[0], name, depth, reason, age + 1)]
        if change.before:
            touches.append(Touch(change.commit, _FUNCTION / (1 + 0.1 * age), depth, reason, file))
            age += 1
    return touches


def _of_file(history: History, file: str, depth: int) -> list[Touch]:
    recent = [change for change in history.changes if change.file == file and change.commit not in history.empty]
    return [Touch(change.commit, _FILE / (1 + 0.1 * age), depth, f"changed {file}", file) for age, change in enumerate(recent)]


def _of_settings(history: History, configured: Sequence[str], on: set[str], near: set[str], far: set[str]) -> list[Touch]:
    """Who changed a setting whose name the code of the place has in it: on the failing line, in its function, or in its file. Who changes a whole
    file means no key of it in particular."""
    touches: list[Touch] = []
    for change in (change for change in history.changes if change.file in configured and change.before):
        changed = changed_keys(*history.texts(change))
        read = {key: _LINE if key in on else _SETTING if key in near else _SETTING / 4 for key in sorted(changed.keys() & far)}
        if read:
            key = max(read, key=lambda key: read[key])
            weight = read[key] / math.sqrt(max(1.0, changed.total() / _FEW_VALUES))
            reason = f"changed {key} in {change.file}, which the failing code reads"
            touches.append(Touch(change.commit, weight / (1 + 0.1 * len(touches)), 0, reason, change.file))
    return touches


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
