"""What guards object to in texts: one run of ast-grep for all of them, over nothing but the texts in which they could find something."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mcp_servers.kit.errors import Refusal
from mcp_servers.knowledge.guards import astgrep, bounds, lines
from mcp_servers.knowledge.guards.index import anchored, reads
from mcp_servers.knowledge.guards.mending import mended
from mcp_servers.knowledge.guards.model import KINDS, Finding, Guard, Hit, Scan

_NUMBER = re.compile(r"-?\d[\d_]*(?:\.\d+)?")


def check(guard: Guard, files: Mapping[str, str], scan: Scan = astgrep.scan) -> list[Finding]:
    """What the guard objects to in the files; raises `Refusal` for a guard of an unknown kind or with a rule that is none."""
    return check_all([guard], files, scan)


def check_all(guards: Sequence[Guard], files: Mapping[str, str], scan: Scan = astgrep.scan) -> list[Finding]:
    """What any of the guards objects to, in the order of the files and their lines, in one run of ast-grep.

    A required test is nothing that a file alone can lack: `lost_tests` looks for those in a change.
    """
    for guard in guards:
        if guard.get("kind") not in KINDS:
            raise Refusal(f"There is no guard of kind {guard.get('kind')!r}; guards are {', '.join(KINDS)}.", code="unknown_guard")
    able = {path: [guard for guard in guards if reads(guard, path) and anchored(guard, text)] for path, text in files.items()}
    found = [finding for path, some in able.items() for guard in some for finding in _plain(guard, path, files[path])]
    found += _grepped({guard["id"]: guard for guard in guards if guard["kind"] == "ast-grep"}, able, files, scan)
    order = {path: number for number, path in enumerate(files)}
    return sorted(found, key=lambda finding: (order[finding.path], finding.line, finding.guard))


def lost_tests(guards: Iterable[Guard], before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Finding]:
    """Tests that a lesson requires, that were there before a change and are not after it; a file that is gone is empty."""
    for guard in guards:
        name = re.compile(rf"\b{re.escape(str(guard['test']))}\b") if guard["kind"] == "required-test" else None
        for path in guard.get("paths", ()) if name else ():
            if name and name.search(before.get(path, "")) and not name.search(after.get(path, "")):
                yield Finding(guard["id"], path, 1, f"{guard['test']} is gone", guard["message"])


def _plain(guard: Guard, path: str, text: str) -> Iterator[Finding]:
    if guard["kind"] == "config-bound" and (found := bounds.crossed(guard, path, text)):
        yield Finding(guard["id"], path, found[0], found[1], guard["message"])
    elif guard["kind"] == "line":
        for number, line in lines.crossed(guard["tokens"], text):
            yield Finding(guard["id"], path, number, line, guard["message"])


def _grepped(rules: Mapping[str, Guard], able: Mapping[str, Sequence[Guard]], files: Mapping[str, str], scan: Scan) -> Iterator[Finding]:
    wanted = {path: {str(guard["id"]) for guard in some} & rules.keys() for path, some in able.items()}
    texts = {path: files[path] for path, ids in wanted.items() if ids}
    used = sorted({name for names in wanted.values() for name in names})
    for hit in scan([rules[name]["rule"] for name in used], texts) if texts else ():
        guard = rules[hit.rule]
        if hit.rule in wanted[hit.path] and crosses(guard.get("where", {}), hit):
            finding = Finding(guard["id"], hit.path, hit.line, hit.text, guard["message"], hit.span)
            yield replace(finding, replacement=mended(guard.get("fix", {}), hit))


def crosses(where: Mapping[str, Any], hit: Hit) -> bool:
    """Whether the numbers that the rule found lie on the wrong side; true for a rule without bounds."""
    for name, bound in where.items():
        text = (hit.values or {}).get(name, "")
        if not _NUMBER.fullmatch(text):
            return False
        number = float(text.replace("_", ""))
        if not (number < bound.get("at_least", number) or number > bound.get("at_most", number)):
            return False
    return True
