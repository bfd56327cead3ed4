"""From a fix to a guard, without a model: the first rule of its change that is shown to work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mcp_servers.kit.errors import Refusal
from mcp_servers.knowledge.guards import astgrep
from mcp_servers.knowledge.guards.bounds import raised
from mcp_servers.knowledge.guards.checking import check
from mcp_servers.knowledge.guards.model import Guard, Scan, guard_id
from mcp_servers.knowledge.guards.rules import candidates, language_of


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
    name = guard_id(body)
    rule = {"rule": {"id": name, **guard["rule"]}} if guard["kind"] == "ast-grep" else {}
    return {"id": name, **guard, **rule, "message": message, "active": True}
