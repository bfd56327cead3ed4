"""Guards: a lesson as an executable rule. A guard exists only when it was seen to flag the code before a fix and to be silent after it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mcp_servers.kit.errors import Refusal
from mcp_servers.knowledge import astgrep
from mcp_servers.knowledge.bounds import crossed, raised
from mcp_servers.knowledge.model import guard_id
from mcp_servers.knowledge.rules import candidates, language_of

Guard = dict[str, Any]
Scan = Callable[[Sequence[Mapping[str, Any]], Mapping[str, str]], list[astgrep.Hit]]


@dataclass(frozen=True, slots=True)
class Finding:
    """A place that a guard objects to."""

    guard: str
    path: str
    line: int
    text: str
    message: str


def compile(before: Mapping[str, str], after: Mapping[str, str], message: str, scan: Scan = astgrep.scan) -> Guard | None:
    """The first guard that flags `before` and is silent on `after`, or None when this change cannot be made one.

    Raises `Misconfigured` when ast-grep is needed and missing.
    """
    for guard in _possible(before, after, message):
        try:
            if check(guard, before, scan) and not check(guard, after, scan):
                return guard
        except Refusal:
            continue
    return None


def check(guard: Guard, files: Mapping[str, str], scan: Scan = astgrep.scan) -> list[Finding]:
    """What the guard objects to in the files; raises `Refusal` for a guard of an unknown kind or with a rule that is none."""
    return check_all([guard], files, scan)


def check_all(guards: Sequence[Guard], files: Mapping[str, str], scan: Scan = astgrep.scan) -> list[Finding]:
    """What any of the guards objects to, in the order of the files and their lines, in one run of ast-grep."""
    for guard in guards:
        if guard.get("kind") not in ("ast-grep", "config-bound"):
            raise Refusal(
                f"There is no guard of kind {guard.get('kind')!r}; guards are 'ast-grep' or 'config-bound'.", code="unknown_guard"
            )
    rules = {guard["id"]: guard for guard in guards if guard["kind"] == "ast-grep"}
    spoken = {guard["rule"]["language"] for guard in rules.values()}
    readable = {path: text for path, text in files.items() if language_of(path) in spoken}
    hits = scan([guard["rule"] for guard in rules.values()], readable) if readable else []
    found = [Finding(hit.rule, hit.path, hit.line, hit.text, rules[hit.rule]["message"]) for hit in hits]
    found += [finding for guard in guards if guard["kind"] == "config-bound" for finding in _bound_findings(guard, files)]
    order = {path: number for number, path in enumerate(files)}
    return sorted(found, key=lambda finding: (order[finding.path], finding.line, finding.guard))


def _possible(before: Mapping[str, str], after: Mapping[str, str], message: str) -> Iterable[Guard]:
    for path in sorted(before.keys() & after.keys()):
        if before[path] == after[path]:
            continue
        for key, bound, value in raised(path, before[path], after[path]):
            yield _named({"kind": "config-bound", "file": path, "key": key, bound: value}, message)
        for rule in candidates(path, before[path], after[path]):
            inner = {"language": language_of(path), "severity": "warning", "message": message, "rule": rule}
            yield _named({"kind": "ast-grep", "rule": inner}, message)


def _named(guard: Guard, message: str) -> Guard:
    """The guard with an id made from what it checks, so that two lessons of one mistake carry one guard."""
    body = {**guard, "rule": {key: guard["rule"][key] for key in ("language", "rule")}} if guard["kind"] == "ast-grep" else guard
    name = guard_id(json.dumps(body, sort_keys=True))
    rule = {"rule": {"id": name, **guard["rule"]}} if guard["kind"] == "ast-grep" else {}
    return {"id": name, **guard, **rule, "message": message, "active": True}


def _bound_findings(guard: Guard, files: Mapping[str, str]) -> Iterable[Finding]:
    for path, text in files.items():
        found = crossed(guard, path, text)
        if found:
            line, value = found
            yield Finding(guard["id"], path, line, f"{guard['key']} = {value:g}", guard["message"])
