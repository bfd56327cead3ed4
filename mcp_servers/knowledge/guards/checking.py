"""What guards object to in texts: one run of ast-grep for all of them, and only over what they could find something in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mcp_servers.kit.errors import Refusal
from mcp_servers.knowledge.guards import astgrep
from mcp_servers.knowledge.guards.bounds import crossed
from mcp_servers.knowledge.guards.model import KINDS, Finding, Guard, Scan
from mcp_servers.knowledge.guards.rules import language_of


def check(guard: Guard, files: Mapping[str, str], scan: Scan = astgrep.scan) -> list[Finding]:
    """What the guard objects to in the files; raises `Refusal` for a guard of an unknown kind or with a rule that is none."""
    return check_all([guard], files, scan)


def check_all(guards: Sequence[Guard], files: Mapping[str, str], scan: Scan = astgrep.scan) -> list[Finding]:
    """What any of the guards objects to, in the order of the files and their lines, in one run of ast-grep."""
    for guard in guards:
        if guard.get("kind") not in KINDS:
            raise Refusal(f"There is no guard of kind {guard.get('kind')!r}; guards are {', '.join(KINDS)}.", code="unknown_guard")
    rules = {guard["id"]: guard for guard in guards if guard["kind"] == "ast-grep"}
    spoken = {guard["rule"]["language"] for guard in rules.values()}
    readable = {path: text for path, text in files.items() if language_of(path) in spoken}
    hits = scan([guard["rule"] for guard in rules.values()], readable) if readable else []
    found = [Finding(hit.rule, hit.path, hit.line, hit.text, rules[hit.rule]["message"]) for hit in hits]
    found += [finding for guard in guards if guard["kind"] == "config-bound" for finding in _bound_findings(guard, files)]
    order = {path: number for number, path in enumerate(files)}
    return sorted(found, key=lambda finding: (order[finding.path], finding.line, finding.guard))


def _bound_findings(guard: Guard, files: Mapping[str, str]) -> Iterable[Finding]:
    for path, text in files.items():
        found = crossed(guard, path, text)
        if found:
            line, value = found
            yield Finding(guard["id"], path, line, f"{guard['key']} = {value:g}", guard["message"])
