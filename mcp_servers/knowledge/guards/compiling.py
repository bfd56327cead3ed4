"""From a fix to a guard, without a model: of all rules that its change suggests, the most general one that is shown to work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from mcp_servers.kit import syntax
from mcp_servers.kit.configuration import format_of
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.redaction import clean
from mcp_servers.knowledge.guards import astgrep, bounds, lines, required
from mcp_servers.knowledge.guards.change import Candidate, change_of, removed
from mcp_servers.knowledge.guards.checking import check, check_all
from mcp_servers.knowledge.guards.forms import candidates
from mcp_servers.knowledge.guards.languages import endings_of, language_of
from mcp_servers.knowledge.guards.mending import apply
from mcp_servers.knowledge.guards.model import Finding, Guard, Scan, guard_id

Backtest = Callable[[Sequence[Guard]], Mapping[str, str]]
"""Says of guards, by id, why they may not speak: where they would have spoken without cause. Silent guards are left out."""

_ROUND = 8
_AROUND = (6, 15, 40)
_LONGEST_EXAMPLE = 8_000


@dataclass(frozen=True, slots=True)
class _Shown:
    guard: Guard
    places: int
    mended: bool


def compile(
    before: Mapping[str, str], after: Mapping[str, str], message: str, scan: Scan = astgrep.scan, backtest: Backtest | None = None
) -> Guard | None:
    """The most general guard that flags `before`, is silent on `after` and passes the back-test; None when this change cannot be made one.

    Raises `Misconfigured` when ast-grep is needed and missing.
    """
    proven = [one.guard for one in _proven(list(_possible(before, after, message, scan)), before, after, scan)]
    for start in range(0, len(proven), _ROUND):
        some = proven[start : start + _ROUND]
        refused: Mapping[str, str] = backtest(some) if backtest else {}
        for guard in some:
            if guard["id"] not in refused and (told := _with_examples(_without_bad_fix(guard, before, scan), before, after, scan)):
                return told
    return next(required.candidates(before, after, message), None)


def _proven(guards: list[Guard], before: Mapping[str, str], after: Mapping[str, str], scan: Scan) -> list[_Shown]:
    """The guards that flag the old code and not the new: those that flag a line that was mended first, then those that flag more
    places, then in the order given."""
    spoken = _sounds(guards, before, scan)
    loud = {finding.guard for finding in check_all(spoken, after, scan)} if spoken else set[str]()
    silent = [guard for guard in spoken if guard["id"] not in loud]
    found = check_all(silent, before, scan) if silent else []
    gone = {path: removed(text, after[path]) for path, text in before.items() if path in after}
    shown = [_shown(guard, [one for one in found if one.guard == guard["id"]], gone) for guard in silent]
    return sorted((one for one in shown if one.places), key=lambda one: (-one.mended, -one.places))


def _shown(guard: Guard, found: Sequence[Finding], gone: Mapping[str, frozenset[int]]) -> _Shown:
    places = {(one.path, line) for one in found for line in range(one.line, one.line + one.text.count("\n") + 1)}
    mended = {(path, line) for path, line in places if line in gone.get(path, ())}
    return _Shown(guard, len({(one.path, one.line) for one in found}), bool(mended))


def _sounds(guards: Sequence[Guard], files: Mapping[str, str], scan: Scan) -> list[Guard]:
    """The guards whose rules are ones; a bad one among many is found by halving."""
    try:
        check_all(guards, files, scan)
        return list(guards)
    except Refusal:
        half = len(guards) // 2
        return [*_sounds(guards[:half], files, scan), *_sounds(guards[half:], files, scan)] if half else []


def _possible(before: Mapping[str, str], after: Mapping[str, str], message: str, scan: Scan) -> Iterator[Guard]:
    seen: set[str] = set()
    for path in sorted(before.keys() & after.keys()):
        if before[path] == after[path] or required.is_test(path):
            continue
        for guard in _of_file(path, before[path], after[path], message, scan):
            if guard["id"] not in seen and clean(guard) == guard:  # a rule that would have to keep a secret is none
                seen.add(guard["id"])
                yield guard


def _of_file(path: str, before: str, after: str, message: str, scan: Scan) -> Iterator[Guard]:
    if format_of(path):
        for held in bounds.changed(path, before, after):
            yield _named({"kind": "config-bound", "file": path, **held}, message, names=[PurePosixPath(path).name.lower()])
    elif language := language_of(path):
        for candidate in candidates(change_of(path, before, after, scan)):
            yield _grep(candidate, language, message)
    else:
        for tokens in lines.candidates(before, after):
            yield _named({"kind": "line", "tokens": tokens}, message, names=[PurePosixPath(path).name.lower()])


def _grep(candidate: Candidate, language: str, message: str) -> Guard:
    guard: Guard = {"kind": "ast-grep", "rule": {"language": language, "rule": candidate.rule}, "where": dict(candidate.where)}
    named = _named(guard, message, endings=list(endings_of(language)), anchors=list(candidate.anchors), fix=dict(candidate.fix))
    return {**named, "rule": {"id": named["id"], "severity": "warning", "message": message, **named["rule"]}}


def _named(guard: Guard, message: str, **reading: Any) -> Guard:
    """The guard with an id made from what it checks, so that two lessons of one mistake carry one guard."""
    told: Guard = {**guard, **reading, "message": message}
    return {"id": guard_id(told), **told}


def _without_bad_fix(guard: Guard, before: Mapping[str, str], scan: Scan) -> Guard:
    """The guard; without its autofix unless that leaves files that parse and that it no longer objects to."""
    if not guard.get("fix"):
        return guard
    found = check(guard, before, scan)
    mended = {path: apply(before[path], [one for one in found if one.path == path]) for path in {one.path for one in found}}
    kept = all(one.replacement is not None for one in found) and not check(guard, mended, scan) and _parse(mended, before, scan)
    return guard if kept else {**guard, "fix": {}}


def _parse(files: Mapping[str, str], before: Mapping[str, str], scan: Scan) -> bool:
    for path, text in files.items():
        if language_of(path) == "python" and _python(before[path]) and not _python(text):
            return False
    errors = [{"id": language, "language": language, "rule": {"kind": "ERROR"}} for language in {language_of(path) for path in files}]
    old = {path: before[path] for path in files}
    return len(scan(errors, files)) <= len(scan(errors, old))


def _python(text: str) -> bool:
    try:
        syntax.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _with_examples(guard: Guard, before: Mapping[str, str], after: Mapping[str, str], scan: Scan) -> Guard | None:
    """The guard with a bad and a good example that run as its test; None when none can be kept without its secrets."""
    finding = check(guard, before, scan)[0]
    for bad, good in _pairs(finding, before[finding.path], after[finding.path]):
        kept = {"path": finding.path, "bad": clean(bad), "good": clean(good)}
        told = {**guard, "examples": kept}
        if works(told, scan):
            return told
    return None


def works(guard: Guard, scan: Scan = astgrep.scan) -> bool:
    """Whether a guard passes its own test: it flags its bad example and not its good one."""
    examples = guard.get("examples", {})
    if not examples:
        return guard["kind"] == "required-test"
    path = examples["path"]
    return bool(check(guard, {path: examples["bad"]}, scan)) and not check(guard, {path: examples["good"]}, scan)


def _pairs(finding: Finding, before: str, after: str) -> Iterable[tuple[str, str]]:
    """The lines around the place, old and new; then the whole files, where they are short."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    grown = max(len(new) - len(old), 0)
    for around in _AROUND:
        if len(old) > 2 * around:
            first, last = max(finding.line - around, 0), finding.line + around
            yield "".join(old[first:last]), "".join(new[first : last + grown])
    if len(before) <= _LONGEST_EXAMPLE:
        yield before, after
