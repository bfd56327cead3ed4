"""How findings of guards are told: to a person, to a program, and as SARIF 2.1.0 to whatever shows code-scanning results."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from mcp_servers.kit.redaction import clean, visible
from mcp_servers.knowledge.guards.model import Finding

if TYPE_CHECKING:
    from mcp_servers.knowledge.guards.index import Record

_IGNORED = re.compile(r"kintsugi:\s*ignore\[(guard_\w+)\]\s*(.*?)\s*(?:\*/|-->)?\s*$")
_LONGEST = 160
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


@dataclass(frozen=True, slots=True)
class Told:
    """A finding with the guard that made it; `ignored` is the reason that a comment in the code gives for leaving it."""

    finding: Finding
    guard: Record
    ignored: str = ""

    @property
    def blocking(self) -> bool:
        return self.guard["level"] == "blocking" and not self.ignored

    @property
    def code(self) -> str:
        text: str = clean(" ".join(self.finding.text.split())[:_LONGEST])
        return text


def told(findings: Sequence[Finding], guards: Mapping[str, Record], files: Mapping[str, str]) -> list[Told]:
    """The findings, those that a comment `kintsugi: ignore[guard] reason` on their line or the one above answers with its reason."""
    lines = {path: files.get(path, "").splitlines() for path in {finding.path for finding in findings}}
    return [Told(finding, guards[finding.guard], _ignored(finding, lines[finding.path])) for finding in findings]


def _ignored(finding: Finding, lines: Sequence[str]) -> str:
    for line in lines[max(finding.line - 2, 0) : finding.line]:
        found = _IGNORED.search(line)
        if found and found[1] == finding.guard and found[2]:
            return found[2]
    return ""


def print_plain(some: Sequence[Told], looked_at: int, guards: int) -> None:
    """Each finding with the story of its mistake; the sum of it all on standard error."""
    for one in some:
        finding = one.finding
        place = visible(f"{finding.path.encode('utf-8', 'replace').decode()}:{finding.line}")
        if one.ignored:
            click.echo(f"{place}: ignored [{finding.guard}]: {visible(one.ignored)}")
            continue
        click.echo(f"{place}: {one.guard['level']} [{finding.guard}] {finding.message}")
        click.echo(f"    {one.code}")
        click.echo(f"    {story(one.guard)}")
        if finding.replacement is not None:
            click.echo(f"    --fix writes: {visible(' '.join(finding.replacement.split())[:_LONGEST])}")
    alive = [one for one in some if not one.ignored]
    where = f"{looked_at} file{'' if looked_at == 1 else 's'}, {guards} guard{'' if guards == 1 else 's'}"
    click.echo(f"{len(alive)} finding{'' if len(alive) == 1 else 's'} in {where}.", err=True)
    if alive:
        name = alive[0].finding.guard
        click.echo(
            f"Wrong about a place? Write `kintsugi: ignore[{name}] reason` there; wrong altogether: `kintsugi guard mute {name}`.", err=True
        )


def story(guard: Record) -> str:
    """Where the guard was learned and what that cost."""
    origin = guard.get("story", {})
    cost = f": {origin['cost']}" if origin.get("cost") else ""
    return f"learned in {origin.get('repository', '?')}, {origin.get('case', '?')} ({origin.get('symptom', 'no symptom kept')}){cost}"


def print_json(some: Sequence[Told], looked_at: int, guards: int) -> None:
    """One object with every finding, the ignored ones with their reason."""
    findings = [_plain(one) for one in some]
    click.echo(json.dumps({"findings": findings, "files": looked_at, "guards": guards}, ensure_ascii=False))


def _plain(one: Told) -> dict[str, Any]:
    finding = one.finding
    answer: dict[str, Any] = {
        "guard": finding.guard,
        "level": one.guard["level"],
        "path": finding.path,
        "line": finding.line,
        "text": one.code,
        "message": finding.message,
        "story": one.guard.get("story", {}),
    }
    answer |= {"instead": finding.replacement} if finding.replacement is not None else {}
    return answer | ({"ignored": one.ignored} if one.ignored else {})


def print_sarif(some: Sequence[Told], version: str) -> None:
    """A SARIF 2.1.0 log with one run."""
    rules = list({one.finding.guard: one.guard for one in some}.values())
    places = {guard["id"]: number for number, guard in enumerate(rules)}
    driver = {"name": "Kintsugi", "semanticVersion": version, "rules": [_rule(guard) for guard in rules]}
    run = {"tool": {"driver": driver}, "columnKind": "utf16CodeUnits", "results": [_result(one, places[one.finding.guard]) for one in some]}
    click.echo(json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=False))


def _rule(guard: Record) -> dict[str, Any]:
    return {
        "id": guard["id"],
        "shortDescription": {"text": guard["message"]},
        "fullDescription": {"text": f"{guard['message']} ({story(guard)})"},
        "defaultConfiguration": {"level": _level(guard)},
        "properties": {"tags": ["kintsugi", guard["kind"]], **guard.get("story", {})},
    }


def _result(one: Told, rule: int) -> dict[str, Any]:
    finding = one.finding
    region = {"startLine": finding.line, "snippet": {"text": one.code}}
    answer: dict[str, Any] = {
        "ruleId": finding.guard,
        "ruleIndex": rule,
        "level": _level(one.guard),
        "message": {"text": f"{finding.message} ({story(one.guard)})"},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(finding.path)}, "region": region}}],
    }
    return answer | ({"suppressions": [{"kind": "inSource", "justification": one.ignored}]} if one.ignored else {})


def _level(guard: Record) -> str:
    return "error" if guard["level"] == "blocking" else "warning"


def _uri(path: str) -> str:
    from urllib.parse import quote

    return quote(path.encode("utf-8", "surrogateescape"))
