"""Which commit broke a test: blame of the lines that its failure names, weighed by whether the release brought them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kintsugi.wisdom.gathered import Gathered
from kintsugi.wisdom.history import Commit, is_test
from kintsugi.wisdom.page import Page, counted, section, table
from kintsugi.wisdom.reports.model import Outcome

_FILE = "regression_blame.md"
_PLACE = re.compile(r"(?<![\w.])((?:[A-Za-z]:)?[\w./\\@+-]{1,300}\.[A-Za-z]\w{0,7})(?:\"?, line |:line |:|\()(\d{1,7})\b")
_TESTS, _FRAMES = 25, 12


@dataclass(frozen=True, slots=True)
class Suspect:
    """The commit that a failing test leads to, how sure that is, and by what; no commit where nothing leads to one."""

    test: Outcome
    commit: Commit | None
    sure: str
    why: str


def suspects(gathered: Gathered) -> list[Suspect]:
    """One for each failing test, at most twenty-five."""
    now = gathered.measured.now
    failing = now.results.failing[:_TESTS] if now and now.results else []
    return [_suspect(gathered, test) for test in failing]


def page(gathered: Gathered) -> Page:
    """The page `regression_blame.md`: failing tests with their suspects, and what the release took back."""
    found, span = suspects(gathered), gathered.history.span
    taken = [(one, gathered.history.commit(one.reverts)) for one in gathered.history.released if one.reverts]
    named = sum(one.commit is not None for one in found)
    now = gathered.measured.now.results if gathered.measured.now else None
    looked = f", of the first {_TESTS}" if now and len(now.failing) > _TESTS else ","
    tests = (
        f"{counted(len(now.failing), 'failing test')}{looked} {named} with a suspect"
        if now
        else "No test results, so what fails is unknown"
    )
    blocks = (
        f"Looked at: {span.chosen}. A suspect is no culprit: read the commit before naming it.",
        section("Failing tests", table(("test", "suspect", "subject", "author", "sure", "why"), map(_row, found))),
        section(
            "Taken back in this release", table(("commit", "takes back", "subject", "when"), [_reverted(one, back) for one, back in taken])
        ),
    )
    standing = "findings" if found or taken else "good" if now else "unknown"
    return Page(_FILE, "Regressions by blame", standing, f"{tests}; {counted(len(taken), 'commit')} taken back in this release.", blocks)


def _row(one: Suspect) -> tuple[str, ...]:
    told = (one.commit.id[:12], one.commit.subject, one.commit.author) if one.commit else ("unknown", "", "")
    return (one.test.id, *told, one.sure, one.why)


def _reverted(one: Commit, back: Commit | None) -> tuple[str, ...]:
    return one.id[:12], back.id[:12] if back else one.reverts[:12], back.subject if back else one.subject, one.at[:10]


def _suspect(gathered: Gathered, test: Outcome) -> Suspect:
    """The newest commit since the test was last seen to pass whose line its failure names; the program's lines before those of tests."""
    passed = _passed_at(gathered, test)
    fresh = {one.id: one for one in _since(gathered, passed)}
    frames = list(dict.fromkeys(_frames(gathered, test)))[:_FRAMES]
    since = f", after it passed at {passed[:12]}" if passed else ""
    for own in (False, True):
        places = [(path, line) for path, line in frames if is_test(path) is own]
        blamed = {
            id: place for place in places if place[1] for id in gathered.repository.blame(gathered.head, *place).values() if id in fresh
        }
        if blamed:
            commit = next(one for one in fresh.values() if one.id in blamed)
            path, line = blamed[commit.id]
            return Suspect(test, commit, "MEDIUM" if own else "HIGH", f"wrote {path}:{line}, which the failure names{since}")
        touching = next((one for one in fresh.values() if {path for path, _ in places} & set(one.files)), None)
        if touching:
            return Suspect(test, touching, "LOW" if own else "MEDIUM", f"changed a file that the failure names{since}")
    return Suspect(test, None, "", "nothing in its failure leads to a commit of this release")


def _frames(gathered: Gathered, test: Outcome) -> Iterator[tuple[str, int]]:
    for match in _PLACE.finditer(test.told[:20_000]):
        if path := gathered.paths.of(match[1]):
            yield path, int(match[2])
    if test.file in gathered.paths:
        yield test.file, 0


def _passed_at(gathered: Gathered, test: Outcome) -> str:
    """The newest commit at which an earlier report saw this test pass; empty when none did."""
    for point in reversed(gathered.measured.earlier):
        known = point.results.outcomes.get(test.id) if point.results else None
        if known and point.commit and not known.bad:
            return point.commit
    return ""


def _since(gathered: Gathered, passed: str) -> Sequence[Commit]:
    if not passed:
        return gathered.history.released
    commits = gathered.history.commits
    seen = next((number for number, one in enumerate(commits) if one.id == passed), len(commits))
    return commits[:seen]
