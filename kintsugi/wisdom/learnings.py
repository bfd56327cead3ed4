"""What this release teaches: where mistakes gather, what was taken back, what cases found and lessons keep; and what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kintsugi.wisdom.gaps import Gap
from kintsugi.wisdom.gathered import Gathered
from kintsugi.wisdom.history import Commit, is_code, is_test
from kintsugi.wisdom.loose import mapping, text
from kintsugi.wisdom.page import Page, bullets, cell, counted, percent, section, table
from kintsugi.wisdom.testing import patch_coverage

_LEARNINGS, _PLAYBOOK = "learnings.md", "playbook.md"
_HOTSPOT, _SHOWN = 3, 10
_DONE = frozenset({"verified", "false_positive", "rolled_back"})


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Something to do, and the number that asks for it."""

    do: str
    because: str


def learnings_page(gathered: Gathered) -> Page:
    """The page `learnings.md`."""
    history, told = gathered.history, gathered.told
    mended = [one for one in history.released if one.mends or one.reverts]
    spots = hotspots(history.commits)
    cases = [
        (text(one.get("id")), text(one.get("title")), text(one.get("state")), text(mapping(one.get("diagnosis")).get("cause")) or "unknown")
        for one in told.cases
    ]
    lessons = [
        (text(one.get("symptom")), text(one.get("cause")), text(one.get("fix")), text(one.get("provenance"))) for one in told.lessons
    ]
    commits = [(one.id[:12], one.subject, "yes" if one.tested else "no") for one in mended]
    blocks = (
        section("From cases", table(("case", "what", "state", "cause"), cases)),
        section("Lessons that are known", table(("symptom", "cause", "fix", "by"), lessons)),
        section("Mended or taken back in this release", table(("commit", "subject", "with a test"), commits)),
        section("Where mistakes gather", table(("file", "mended", "of its changes"), spots)),
        section("Not answered", bullets(cell(one) for one in told.silent)),
    )
    summary = (
        f"{counted(len(cases), 'case')}, {counted(len(lessons), 'lesson')}, {counted(len(mended), 'commit')} that mend or take back in this"
        f" release; {counted(len(spots), 'file')} mended {_HOTSPOT} times or more in {counted(len(history.commits), 'commit')}."
    )
    return Page(_LEARNINGS, "Learnings", "good" if cases or lessons or mended or spots else "unknown", summary, blocks)


def hotspots(commits: Sequence[Commit]) -> list[tuple[str, int, int]]:
    """Files of code that were mended at least three times, with how often they changed at all; most mended first."""
    changes = Counter(path for one in commits for path in set(one.files))
    mends = Counter(path for one in commits if one.mends or one.reverts for path in set(one.files) if is_code(path) and not is_test(path))
    return [
        (path, count, changes[path]) for path, count in sorted(mends.items(), key=lambda item: (-item[1], item[0])) if count >= _HOTSPOT
    ][:_SHOWN]


def playbook_page(gathered: Gathered, gaps: Sequence[Gap]) -> Page:
    """The page `playbook.md`."""
    found = list(suggestions(gathered, gaps))
    body = table(("do", "because"), [(one.do, one.because) for one in found])
    summary = (
        f"{counted(len(found), 'suggestion')}, each with the number that asks for it."
        if found
        else "Nothing that was found asks for a change of habit."
    )
    return Page(_PLAYBOOK, "Playbook suggestions", "advice" if found else "good", summary, (body,))


def suggestions(gathered: Gathered, gaps: Sequence[Gap]) -> Iterator[Suggestion]:
    """What to do next, the most pressing first."""
    history, measured = gathered.history, gathered.measured
    failing = measured.now.results.failing if measured.now and measured.now.results else []
    taken = [one for one in history.released if one.reverts]
    untested = [one for one in history.released if one.mends and any(map(is_code, one.files)) and not one.tested]
    reached, missed = patch_coverage(gathered)
    waiting = [one for one in gathered.told.cases if text(one.get("state")) not in _DONE]
    flaky = measured.now.results.count("flaky") if measured.now and measured.now.results else 0
    spots = hotspots(history.commits)
    if failing:
        yield Suggestion(
            "Mend or take back before the next release; regression_blame.md names suspects.", counted(len(failing), "failing test")
        )
    if taken:
        yield Suggestion(
            "Release such changes to a small share of traffic first, and let a guard keep what was taken back.",
            f"{counted(len(taken), 'commit')} taken back",
        )
    if untested:
        yield Suggestion(
            "Bring a test with each fix, so that the same error does not come back.",
            f"{counted(len(untested), 'fix', 'fixes')} without a test: {', '.join(one.id[:12] for one in untested[:3])}",
        )
    if missed and missed > reached:
        yield Suggestion(
            "Ask for tests of new lines in review.", f"{percent(reached / (reached + missed))} of {reached + missed} new lines reached"
        )
    if gaps:
        yield Suggestion("Open the tickets of test_gaps.md (kintsugi wisdom --post).", counted(len(gaps), "test gap"))
    if flaky:
        yield Suggestion("Repair tests that pass and fail in one run before their word counts.", counted(flaky, "flaky test"))
    if spots:
        yield Suggestion(
            f"Review {spots[0][0]} with more than one pair of eyes, or take it apart.",
            f"mended {spots[0][1]} times in {spots[0][2]} changes",
        )
    if waiting:
        yield Suggestion("Go on with the open cases (kintsugi status).", counted(len(waiting), "open case"))
    if not measured.now:
        yield Suggestion("Keep reports of tests and coverage in the run's folder (JUnit XML, coverage.json, lcov).", "no report was found")
