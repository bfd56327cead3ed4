"""An error that began with a release: take back what its commit changed in the functions that fail."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kintsugi.reasoners import Claim
from kintsugi.reasoners.changes import Plan
from kintsugi.reasoners.matching import Facts, NotSure, Recipe
from kintsugi.reasoners.places import Function, Place, is_test, own_nodes
from kintsugi.reasoners.rewriting import edits_between

_HUNK = re.compile(r"^@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@.*$")


@dataclass(frozen=True, slots=True)
class Hunk:
    """One change of a patch: the lines it left and the lines that were there before, with context."""

    path: str
    new: str
    old: str


def plan(facts: Facts, recipe: Recipe) -> Sequence[Plan]:
    """Plans that take back the suspect's hunks in the failing functions, then all its hunks; raises `NotSure` when the onset names no commit."""
    if not facts.places:
        raise NotSure(_no_place(facts))
    suspect, release = _suspect(facts)
    hunks = _code_hunks(facts, suspect)
    if not hunks:
        raise NotSure(f"commit {_short(suspect)} is suspected, but what it changed is not known here")
    touching = [each for each in hunks if _touches(facts, each, _running(facts)) and not _creates(each)]
    if not touching:
        raise NotSure(f"commit {_short(suspect)} is suspected, but it did not change what the failing function runs")
    choices = [touching] if len(touching) == len(hunks) else [touching, hunks]
    if suspect.get("named"):
        choices.reverse()  # the whole commit was named: take all of it back first
    plans = [made for chosen in choices if (made := _plan(facts, suspect, release, chosen))]
    if not plans:
        raise NotSure(f"what commit {_short(suspect)} changed has been changed again since, so it cannot be taken back")
    return plans


def _no_place(facts: Facts) -> str:
    return (
        f"no frame of the {facts.short_exception} lies in this repository"
        if facts.exception
        else "the evidence carries no exception and no recipe knows its words"
    )


def _code_hunks(facts: Facts, suspect: Mapping[str, Any]) -> list[Hunk]:
    return [each for each in _hunks(facts, suspect) if each.path.endswith(".py") and not is_test(each.path)]


def _creates(hunk: Hunk) -> bool:
    """Whether a hunk brought a function or class: taking it back would take away more than a change."""
    names = re.compile(r"^\s*(?:async\s+)?(?:def|class)\s+(\w+)", re.MULTILINE)
    return not hunk.old.strip() or bool(set(names.findall(hunk.new)) - set(names.findall(hunk.old)))


def _short(suspect: Mapping[str, Any]) -> str:
    return str(suspect.get("commit", ""))[:12]


def _suspect(facts: Facts) -> tuple[Mapping[str, Any], str]:
    """The one suspect that came with the only release showing the error."""
    seen: Mapping[str, Any] = facts.evidence.get("releases") or {}
    releases = list(seen)
    named = next((each for each in facts.suspects if each.get("named")), None)
    if named is not None:
        return named, str(named.get("release") or "")
    if len(releases) != 1:
        raise NotSure(
            "no recipe fits, and the error does not begin with one release"
            if facts.suspects
            else "no recipe fits, and no commit is suspected"
        )
    found = [each for each in facts.suspects if str(each.get("release", "")) == releases[0]] or _changing(facts)
    on_trace = {place.path for place in facts.places}
    near = [each for each in found if on_trace & set(each.get("files", ()))] or found
    best = sorted(near, key=lambda each: -float(each.get("score") or 0))
    if not best:
        raise NotSure(f"the error begins with release {releases[0]}, but no suspected commit came with it")
    if len(best) > 1 and float(best[0].get("score") or 0) == float(best[1].get("score") or 0):
        raise NotSure(f"commits {_short(best[0])} and {_short(best[1])} came with release {releases[0]} and are equally likely")
    return best[0], releases[0]


def _changing(facts: Facts) -> list[Mapping[str, Any]]:
    """Suspects of older releases, when logs do not reach back: only those that changed what the failing function calls."""
    thrower = facts.places[0].function
    running = _running(facts) - {thrower}
    return [each for each in facts.suspects if any(_touches(facts, h, running) and not _creates(h) for h in _code_hunks(facts, each))]


def _hunks(facts: Facts, suspect: Mapping[str, Any]) -> Iterator[Hunk]:
    if patch := str(suspect.get("patch") or ""):
        yield from parse(patch)
        return
    read_at: Callable[[str, str], str] | None = getattr(facts.sources.tree, "read_at", None)
    if read_at is None:
        return
    for path in suspect.get("files", ()):
        try:
            now, then = read_at(str(suspect["commit"]), path), read_at(f"{suspect['commit']}^", path)
        except Exception:
            continue
        yield from (Hunk(path, edit["search"], edit["replace"]) for edit in edits_between(path, now, then))


def parse(patch: str) -> Iterator[Hunk]:
    """The hunks of a unified diff; whatever is no hunk is passed over."""
    path, old, new = "", list[str](), list[str]()
    inside = False
    for line in [*patch.splitlines(), "@@ end"]:
        ends = line.startswith(("@@", "diff --git"))
        if ends and inside and old != new:
            yield Hunk(path, "".join(new), "".join(old))
        if ends:
            old, new, inside = [], [], bool(_HUNK.match(line))
        elif line.startswith("+++ ") and not inside:
            path = line[4:].split("\t")[0].removeprefix("b/")
        elif inside and line[:1] in (" ", "-", ""):
            old.append(f"{line[1:]}\n")
            new += [f"{line[1:]}\n"] if line[:1] != "-" else []
        elif inside and line[:1] == "+":
            new.append(f"{line[1:]}\n")


def _running(facts: Facts) -> set[str]:
    """The names of the functions on the trace, of what they call, and of what those call."""
    names = {place.function for place in facts.places}
    called = {name for place in facts.places if place.node for name in _called(place.node)}
    deeper = {name for path in facts.sources.app for f in facts.sources[path].functions if f.name in called for name in _called(f)}
    return names | called | deeper


def _called(function: Function) -> set[str]:
    return {
        n.func.attr if isinstance(n.func, ast.Attribute) else n.func.id
        for n in own_nodes(function)
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute | ast.Name)
    }


def _touches(facts: Facts, hunk: Hunk, running: set[str]) -> bool:
    if hunk.path not in facts.sources.files:
        return False
    source = facts.sources[hunk.path]
    at = source.text.find(hunk.new)
    if at < 0:
        return False
    first = source.text.count("\n", 0, at) + 1
    changed = _changed(hunk, first)
    names = {f.name for line in changed if (f := source.function_at(line))}
    outside = not names and any(place.path == hunk.path for place in facts.places)
    return bool(names & running) or outside


def _changed(hunk: Hunk, first: int) -> list[int]:
    old, new = hunk.old.splitlines(), hunk.new.splitlines()
    head = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    tail = next((i for i, (a, b) in enumerate(zip(reversed(old), reversed(new), strict=False)) if a != b), min(len(old), len(new)))
    return list(range(first + head, max(first + head + 1, first + len(new) - tail)))


def _plan(facts: Facts, suspect: Mapping[str, Any], release: str, hunks: Sequence[Hunk]) -> Plan | None:
    texts: dict[str, str] = {}
    for hunk in hunks:
        text = texts.get(hunk.path) or (facts.sources[hunk.path].text if hunk.path in facts.sources.files else "")
        if not hunk.new or text.count(hunk.new) != 1:
            return None
        texts[hunk.path] = text.replace(hunk.new, hunk.old)
    edits = tuple(edit for path, text in texts.items() for edit in edits_between(path, facts.sources[path].text, text))
    top: Place = facts.places[0]
    subject = re.sub(r"[^\w .,:()'/-]", "", str(suspect.get("subject", "")))[:80]
    return Plan(
        edits=edits,
        file=top.path,
        line=top.line,
        function=top.function,
        place=top,
        sure=False,
        values={
            "commit": _short(suspect),
            "subject": f"`{subject}`",
            "release": str(suspect.get("release") or release or "without a tag"),
            "touched": ", ".join(texts),
        },
        claims=(
            Claim(f"the error is seen in release {release} only; the commit came with {suspect.get('release') or release}", "releases"),
            Claim(f"it changed what {top.function} runs", f"commit {_short(suspect)}"),
        ),
        guard={},
    )
