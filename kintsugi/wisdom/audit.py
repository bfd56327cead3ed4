"""Whether what the documents claim is borne out by the repository: each claim with its verdict and where that was seen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Literal

from kintsugi.wisdom.artifacts import Artifact, Claim, Decision, decisions
from kintsugi.wisdom.gathered import Gathered
from kintsugi.wisdom.history import is_test
from kintsugi.wisdom.page import Page, Standing, bullets, cell, counted, section, table

Verdict = Literal["borne out", "contradicted", "open", "unknown"]
_CHANGES = re.compile(r"\{[^}]*\}|<[^>]*>|[%$]\w+|\d+")
_FILE, _LOOKED_UP = "artifact_audit.md", 80


@dataclass(frozen=True, slots=True)
class Finding:
    """A claim of a document, what became of it, and by what that was seen."""

    artifact: str
    claim: Claim
    verdict: Verdict
    seen: str


def audit(gathered: Gathered) -> list[Finding]:
    """Every claim of every document with its verdict; a task is judged by what its own line names."""
    found: list[Finding] = []
    for artifact in gathered.artifacts:
        claims = artifact.claims()
        judged = [Finding(artifact.name, claim, *_judged(gathered, claim, number)) for number, claim in enumerate(claims)]
        found += [_task(one, judged) if one.claim.kind == "task" else one for one in judged]
    return found


def missing_tests(findings: Sequence[Finding]) -> list[Finding]:
    """The tests that were promised and are not there."""
    return [one for one in findings if one.verdict == "contradicted" and not one.claim.gone and _promises_test(one.claim)]


def _promises_test(claim: Claim) -> bool:
    return claim.kind == "test" or (claim.kind == "file" and is_test(claim.subject))


def page(gathered: Gathered, findings: Sequence[Finding]) -> Page:
    """The page `artifact_audit.md`."""
    there = [one for one in gathered.artifacts if not one.missing]
    told = [(one, decision) for one in there for decision in decisions(one)]
    incomplete = [one for one in told if not (one[1].owner and one[1].date)]
    counts = Counter[Verdict](one.verdict for one in findings)
    standing: Standing = "findings" if counts["contradicted"] or incomplete else "good" if counts["borne out"] else "unknown"
    return Page(
        _FILE,
        "Artifact audit",
        standing,
        _summary(gathered.artifacts, counts, len(told), len(incomplete)),
        _blocks(gathered, findings, told),
    )


def _summary(artifacts: Sequence[Artifact], counts: Counter[Verdict], decided: int, incomplete: int) -> str:
    read = sum(not one.missing for one in artifacts)
    if not read:
        return "None of the three documents is there, so what was meant is unknown."
    words = ", ".join(f"{counts[verdict]} {verdict}" for verdict in ("borne out", "contradicted", "open", "unknown"))
    lacking = f", {incomplete} of them without owner or date" if incomplete else ""
    return f"{read} of {len(artifacts)} documents read: of {counted(counts.total(), 'claim')} {words}; {counted(decided, 'decision')}{lacking}."


def _blocks(gathered: Gathered, findings: Sequence[Finding], told: Sequence[tuple[Artifact, Decision]]) -> tuple[str, ...]:
    documents = bullets(f"{one.name}: {cell(one.missing) if one.missing else 'read'}" for one in gathered.artifacts)
    decided = table(
        ("document", "line", "decision", "owner", "date"),
        [(one.name, decision.line, decision.text, decision.owner or "missing", decision.date or "missing") for one, decision in told],
        "unknown: no document states a decision.",
    )
    parts = [("Documents", documents), ("Decisions", decided)]
    for verdict, title in (("contradicted", "Contradicted"), ("open", "Still open"), ("unknown", "Unknown"), ("borne out", "Borne out")):
        rows = [
            (f"{one.artifact}:{one.claim.line}", one.claim.kind, one.claim.subject, one.seen) for one in findings if one.verdict == verdict
        ]
        parts.append((title, table(("where", "kind", "claim", "seen"), rows)))
    return tuple(section(title, body) for title, body in parts)


def _judged(gathered: Gathered, claim: Claim, number: int) -> tuple[Verdict, str]:
    if claim.kind in {"test", "signal"} and number >= _LOOKED_UP and "::" not in claim.subject:
        return "unknown", f"only the first {_LOOKED_UP} names of a document are looked up"
    if claim.kind == "file":
        return _file(gathered, claim)
    if claim.kind == "test":
        return _test(gathered, claim)
    if claim.kind == "commit":
        commit = gathered.repository.resolve(claim.subject)
        return ("borne out", f"commit {commit[:12]}") if commit else ("contradicted", "no such commit here")
    if claim.kind == "version":
        return _version(gathered, claim.subject)
    if claim.kind == "signal":
        places = gathered.mentions(*constants(claim.subject))
        return ("borne out", f"in {', '.join(places)}") if places else ("contradicted", "the code at HEAD does not name it")
    return "unknown", "names nothing that can be looked up"


def constants(words: str) -> list[str]:
    """The parts of a message that do not change from line to line, the longest first: what stands in braces, or begins with %, $ or a digit, does."""
    parts = (part.strip() for part in _CHANGES.split(words))
    return sorted((part for part in parts if len(part) > 2), key=len, reverse=True)


def _file(gathered: Gathered, claim: Claim) -> tuple[Verdict, str]:
    path = claim.subject.partition("::")[0].partition(":")[0].removeprefix("./").rstrip("/")
    if path.startswith(("/", "~", "../")) or ".." in PurePosixPath(path).parts:
        return "unknown", "lies outside of the repository, so it was not looked at"
    own = gathered.run.relative_to(gathered.root).as_posix()
    there = [one for one in (path, f"{own}/{path}") if _is_there(gathered, one)]
    if claim.gone:
        return ("contradicted", f"{there[0]} is still there") if there else ("borne out", "it is gone at HEAD")
    if there:
        return "borne out", f"{there[0]} is there"
    near = gathered.paths.of(path)
    return ("borne out", f"it is {near}") if near else ("contradicted", "no such file at HEAD")


def _is_there(gathered: Gathered, path: str) -> bool:
    if path in gathered.paths or any(file.startswith(f"{path}/") for file in gathered.paths.files):
        return True
    if "*" in path:
        return any(fnmatchcase(file, path) for file in gathered.paths.files)
    inside = gathered.root / path
    return inside.is_file() and not inside.is_symlink() and inside.resolve().is_relative_to(gathered.root.resolve())


def _test(gathered: Gathered, claim: Claim) -> tuple[Verdict, str]:
    """A test is there when a file of tests defines it; `path::name` also asks for the file."""
    path, _, name = claim.subject.partition("::")
    if name:
        verdict, seen = _file(gathered, claim)
        if verdict != "borne out":
            return verdict, seen
    wanted = (name or path).rpartition("::")[2].partition("[")[0]
    places = [place for place in gathered.mentions(wanted, most=20) if is_test(place.partition(":")[0])]
    if claim.gone:
        return ("contradicted", f"still in {places[0]}") if places else ("borne out", "no test has this name any more")
    return ("borne out", f"in {places[0]}") if places else ("contradicted", "no test has this name")


def _version(gathered: Gathered, version: str) -> tuple[Verdict, str]:
    plain = version.removeprefix("v")
    tag = next((name for name in gathered.history.tags if name.removeprefix("v") == plain), "")
    return ("borne out", f"tag {tag}") if tag else ("unknown", "no tag has this version")


def _task(one: Finding, judged: Sequence[Finding]) -> Finding:
    """A task is as good as what its line names; one that is not ticked off is open."""
    beside = [other for other in judged if other.claim.line == one.claim.line and other.claim.kind != "task"]
    if not one.claim.done:
        return Finding(one.artifact, one.claim, "open", "not ticked off")
    for verdict in ("contradicted", "borne out"):
        named = [other for other in beside if other.verdict == verdict]
        if named:
            seen = "; ".join(f"{other.claim.subject}: {other.seen}" for other in named[:3])
            return Finding(one.artifact, one.claim, verdict, seen)
    return one
